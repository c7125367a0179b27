/// How a process ends, as its parent sees it.
package struct ExitCode: RawRepresentable, Hashable, Error {
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }
    package init(_ code: Int32) { self.init(rawValue: code) }

    package static let success = ExitCode(0)
    package static let failure = ExitCode(1)
    /// Wrong usage: `EX_USAGE` of sysexits(3).
    package static let validationFailure = ExitCode(64)

    package var isSuccess: Bool { self == .success }
}

/// Arguments that parse but make no sense together; thrown by `validate` or `run`.
package struct ValidationError: Error, Equatable, CustomStringConvertible {
    /// What is wrong and what to write instead.
    package let message: String

    package init(_ message: String) { self.message = message }

    package var description: String { message }
}

/// An early end that is not a failure; thrown by `run`.
package enum CleanExit: Error {
    case helpRequest(any ParsableCommand.Type)
    case message(String)
}

/// The end of a command line that has nothing left to run: what to print where, and the exit code.
///
/// `run` may throw it too, to choose its own text and code.
package struct CommandExit: Error, Equatable {
    package enum Stream: Sendable { case standardOutput, standardError }

    package let stream: Stream
    /// Ready to write: empty, or ending in a newline.
    package let text: String
    package let code: ExitCode

    /// - Parameter text: without the final newline, which is added unless the text is empty.
    package init(_ text: String, to stream: Stream, code: ExitCode) {
        self.text = text.isEmpty || text.hasSuffix("\n") ? text : text + "\n"
        self.stream = stream
        self.code = code
    }

    static func help(_ text: String) -> CommandExit {
        CommandExit(text, to: .standardOutput, code: .success)
    }
}
