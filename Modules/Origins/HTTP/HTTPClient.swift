import CCurl
import MusicFSCore
import MusicFSSystem
import Synchronization

/// HTTP requests to one origin over libcurl, on connections that are kept. Every call blocks until its deadline at the
/// latest and belongs on the origin's lane.
final class HTTPClient: Sendable {
    private let certificates: FilePath?
    private let idle: Mutex<[EasyHandle]> = Mutex([])
    /// The address that a host answered from last, for when its name cannot be resolved (resilience 4.2.5).
    private let addresses = Mutex<[String: String]>([:])
    private let log: Logger

    /// - Parameter certificates: trusted instead of the system's; nil for those.
    init(certificates: FilePath?, log: Logger) {
        self.certificates = certificates
        self.log = log
        _ = HTTPClient.library
    }

    /// libcurl wants to be prepared once.
    private static let library: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// Bytes that a response may have where no buffer is given: a page of a listing has about one megabyte.
    private static let bodyLimit = 64 << 20

    /// Makes a request whose answer is held in memory.
    func perform(_ request: HTTPRequest, deadline: UInt64) throws(OriginError) -> HTTPResponse {
        let transfer = Transfer(limit: Self.bodyLimit)
        return try perform(request, transfer, deadline)
    }

    /// Makes a request whose answer, if it is 200 or 206, fills a buffer.
    ///
    /// - Throws: `.changed` where it has another length.
    func perform(
        _ request: HTTPRequest, into buffer: UnsafeMutableRawBufferPointer, deadline: UInt64
    ) throws(OriginError) -> HTTPResponse {
        let transfer = unsafe Transfer(buffer: buffer)
        let response = try perform(request, transfer, deadline)
        if response.status == 200 || response.status == 206, transfer.filled != buffer.count {
            throw OriginError(.changed, "the server sent \(transfer.filled) bytes where \(buffer.count) were asked for")
        }
        return response
    }

    private func perform(
        _ request: HTTPRequest, _ transfer: Transfer, _ deadline: UInt64
    ) throws(OriginError) -> HTTPResponse {
        let handle = try take()
        let host = Self.host(request.url)
        var code = try handle.run(request, transfer, certificates, connectTo: nil, deadline: deadline)
        if code == CURLE_COULDNT_RESOLVE_HOST, let address = addresses.withLock({ $0[host] }) {
            log.warning(
                "the host's name cannot be resolved; its last address is used", metadata: ["address": "\(address)"])
            transfer.reset()
            code = try handle.run(request, transfer, certificates, connectTo: "::\(address):", deadline: deadline)
        }
        guard code == CURLE_OK else { throw Self.error(code, transfer) }
        if let address = handle.address { addresses.withLock { $0[host] = address } }
        let response = HTTPResponse(status: handle.status, headers: transfer.headers, body: transfer.body)
        idle.withLock { $0.append(handle) }
        return response
    }

    private func take() throws(OriginError) -> EasyHandle {
        if let known = idle.withLock({ $0.popLast() }) { return known }
        guard let made = EasyHandle() else { throw OriginError(.transient, "no memory for a connection") }
        return made
    }

    /// Closes what nobody has used for 90 s.
    func closeIdle() {
        let now = monotonicNanoseconds()
        let old = idle.withLock { idle in
            // Used since `now` was read, its time may be later: nothing is subtracted.
            let (rest, old) = (
                idle.filter { now < $0.lastUse &+ 90_000_000_000 }, idle.filter { now >= $0.lastUse &+ 90_000_000_000 }
            )
            idle = rest
            return old
        }
        withExtendedLifetime(old) {}
    }

    private static func host(_ url: String) -> String {
        guard let begin = url.firstRange(of: "://")?.upperBound else { return url }
        return String(url[begin...].prefix { $0 != "/" && $0 != "?" })
    }

    private static func error(_ code: CURLcode, _ transfer: Transfer) -> OriginError {
        let text = unsafe String(cString: curl_easy_strerror(code))
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            return OriginError(.nameResolution, "the host's name cannot be resolved: \(text)")
        case CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT:
            return OriginError(.unreachable, "the server does not answer: \(text)")
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CACERT_BADFILE,
            CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CERTPROBLEM:
            return OriginError(
                .permission, "the server's certificate is not trusted (\(text)); for a private authority set ca_file")
        case CURLE_WRITE_ERROR where transfer.overflowed:
            return OriginError(.invalid, "the server sent more than was asked for")
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL:
            return OriginError(.invalid, "the address is wrong: \(text)")
        default: return OriginError(.transient, "the transfer failed: \(text)")
        }
    }
}

/// What one transfer receives. Touched by the thread alone that performs it.
@safe final class Transfer {
    private(set) var headers: [String: String] = [:]
    private(set) var body: [UInt8] = []
    private(set) var filled = 0
    private(set) var overflowed = false
    private let limit: Int
    private let buffer: UnsafeMutableRawBufferPointer?

    init(limit: Int) {
        self.limit = limit
        unsafe buffer = nil
    }

    init(buffer: UnsafeMutableRawBufferPointer) {
        limit = 1 << 20
        unsafe self.buffer = buffer
    }

    func reset() {
        headers = [:]
        body = []
        filled = 0
        overflowed = false
    }

    /// - Parameter status: of the response that these bytes belong to; an error's text does not go into the buffer.
    func take(_ bytes: UnsafeRawBufferPointer, status: Int) -> Bool {
        if let buffer = unsafe buffer, status == 200 || status == 206 {
            guard filled + bytes.count <= buffer.count else {
                overflowed = true
                return false
            }
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<(filled + bytes.count)]).copyMemory(
                from: bytes)
            filled += bytes.count
            return true
        }
        guard body.count + bytes.count <= limit else {
            overflowed = true
            return false
        }
        unsafe body.append(contentsOf: bytes)
        return true
    }

    func takeHeader(_ line: String) {
        // A new response begins: after a redirect, or a question for a password.
        if line.hasPrefix("HTTP/") { headers = [:] }
        guard let colon = line.firstIndex(of: ":"), headers.count < 200 else { return }
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        headers[line[..<colon].lowercased()] = String(value.prefix { $0 != "\r" && $0 != "\n" && $0 != "\r\n" })
    }
}
