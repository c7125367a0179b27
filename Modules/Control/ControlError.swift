package import MusicFSSystem

/// What went wrong between a client and the daemon, on either side of the control socket.
///
/// A handler throws one to answer with its `httpStatus` and `{"error": message, "remedy": …}`; the client turns such an
/// answer back into the same code, message and remedy.
package struct ControlError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable, CaseIterable {
        /// Nobody answers at the socket: none there, or a dead one.
        case noDaemon
        /// Several daemons run and the user did not say which.
        case ambiguous
        /// The socket may not be used by this user.
        case notPermitted
        /// No answer within the deadline.
        case timeout
        /// The peer does not speak our protocol, or broke off in the middle.
        case violation
        /// The server cannot be set up as configured.
        case configuration
        /// No token, or not the right one, where one is needed.
        case unauthorized
        case badRequest, notFound, methodNotAllowed, conflict, tooLarge, unavailable, failed
    }

    package let code: Code
    /// What failed, in a sentence without a full stop.
    package let message: String
    /// What to do about it.
    package let remedy: String?
    package let cause: SystemError?

    package init(_ code: Code, _ message: String, remedy: String? = nil, cause: SystemError? = nil) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.cause = cause
    }

    package var description: String {
        let reason = cause.map { " (\($0))" } ?? ""
        return remedy.map { "\(message)\(reason): \($0)" } ?? message + reason
    }

    /// The exit code of a command that ends with this error (D13).
    package var exitCode: Int32 {
        switch code {
        case .noDaemon, .timeout: 69
        case .ambiguous, .badRequest: 64
        case .configuration: 78
        case .notPermitted, .unauthorized, .violation, .notFound, .methodNotAllowed, .conflict, .tooLarge, .unavailable,
            .failed:
            1
        }
    }

    /// The status of the response that tells of this error (RFC 9110).
    package var httpStatus: Int {
        switch code {
        case .badRequest: 400
        case .unauthorized: 401
        case .notPermitted: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .conflict: 409
        case .tooLarge: 413
        case .noDaemon, .unavailable: 503
        case .timeout: 504
        case .ambiguous, .violation, .configuration, .failed: 500
        }
    }

    /// The code that a response's status stands for.
    static func code(httpStatus: Int) -> Code {
        switch httpStatus {
        case 400: .badRequest
        case 401: .unauthorized
        case 403: .notPermitted
        case 404: .notFound
        case 405: .methodNotAllowed
        case 409: .conflict
        case 413, 414, 431: .tooLarge
        case 503: .unavailable
        case 504: .timeout
        default: .failed
        }
    }
}

/// The body of a response that tells of an error.
struct ErrorBody: Codable, Hashable {
    var error: String
    var remedy: String?
}
