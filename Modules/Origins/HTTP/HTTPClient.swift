import CCurl
import MusicFSCore
import MusicFSSystem
import Synchronization

/// HTTP requests to one origin over libcurl, on connections that are kept. Every call blocks until its deadline at the
/// latest and belongs on the origin's lane.
final class HTTPClient: Sendable {
    private let certificates: FilePath?
    private let idle: Mutex<[EasyHandle]> = Mutex([])
    let addresses = LastAddresses()
    /// The ways in which a password may be shown: all until the server has asked for one, and then that one, since
    /// asking again would cost each request a second round trip. Nothing is shown before it was asked for.
    private let schemes = Mutex(ccurl_auth_basic | ccurl_auth_digest)
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

    /// Asks for a part of a file, which fills buffers.
    ///
    /// - Returns: the response where it is neither 200 nor 206; nil when the buffers are full.
    /// - Throws: `.changed` where the file is another version, `.transient` where the answer breaks off.
    func read(
        _ request: HTTPRequest, _ part: RangedRead, into buffers: ReadBuffers, deadline: UInt64
    ) throws(OriginError) -> HTTPResponse? {
        var request = request
        request.range = part.range
        if let condition = part.condition { request.headers.append(condition) }
        let transfer = Transfer(buffers, part)
        let response = try perform(request, transfer, deadline)
        if response.status == 416 { throw part.unsatisfiable(response) }
        guard response.status == 200 || response.status == 206 else { return response }
        if let problem = part.problem(response) { throw problem }
        guard buffers.isFull else {
            throw OriginError(
                .transient, "the server sent \(buffers.filled) bytes where \(buffers.count) were asked for")
        }
        return nil
    }

    private func perform(
        _ request: HTTPRequest, _ transfer: Transfer, _ deadline: UInt64
    ) throws(OriginError) -> HTTPResponse {
        let handle = try take()
        var code = try attempt(request, transfer, handle, deadline)
        if code == CURLE_OK, case .password = request.authentication {
            code = try learn(request, transfer, handle, deadline)
        }
        guard code == CURLE_OK else { throw Self.error(code, transfer, handle.status) }
        let response = HTTPResponse(status: handle.status, headers: transfer.headers, body: transfer.body)
        idle.withLock { $0.append(handle) }
        return response
    }

    /// One try, at the host's last address where its name cannot be resolved.
    private func attempt(
        _ request: HTTPRequest, _ transfer: Transfer, _ handle: EasyHandle, _ deadline: UInt64
    ) throws(OriginError) -> CURLcode {
        let host = Self.host(request.url)
        let schemes = schemes.withLock { $0 }
        let code = try handle.run(
            request, transfer, certificates, schemes: schemes, connectTo: nil, deadline: deadline)
        if code == CURLE_OK, let address = handle.address { addresses.note(host, address) }
        guard code == CURLE_COULDNT_RESOLVE_HOST, request.allowsLastAddress, let known = addresses.address(of: host)
        else { return code }
        if known.isFirstUse {
            log.warning(
                "the host's name cannot be resolved; its last address is used",
                metadata: ["address": "\(known.address)"])
        }
        transfer.reset()
        return try handle.run(
            request, transfer, certificates, schemes: schemes, connectTo: "::\(known.address):", deadline: deadline)
    }

    /// Keeps to the way of logging in that the server has asked for; where it does not take that any more, asks it again.
    private func learn(
        _ request: HTTPRequest, _ transfer: Transfer, _ handle: EasyHandle, _ deadline: UInt64
    ) throws(OriginError) -> CURLcode {
        let all = ccurl_auth_basic | ccurl_auth_digest
        var code = CURLE_OK
        if handle.status == 401, schemes.withLock({ $0 }) != all {
            schemes.withLock { $0 = all }
            transfer.reset()
            code = try attempt(request, transfer, handle, deadline)
        }
        let offered = handle.offeredSchemes & all
        if code == CURLE_OK, offered != 0 {
            schemes.withLock { $0 = offered & ccurl_auth_digest != 0 ? ccurl_auth_digest : ccurl_auth_basic }
        }
        return code
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

    private static func error(_ code: CURLcode, _ transfer: Transfer, _ status: Int) -> OriginError {
        if let problem = transfer.problem { return problem }
        let text = unsafe String(cString: curl_easy_strerror(code))
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            return OriginError(.nameResolution, "the host's name cannot be resolved: \(text)")
        case CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT:
            return OriginError(.unreachable, "the server does not answer: \(text)")
        case CURLE_SSL_CACERT_BADFILE:
            return OriginError(.permission, "ca_file cannot be read, or has no certificates: \(text)")
        case CURLE_SSL_CONNECT_ERROR:
            return OriginError(.transient, "no TLS connection comes about (\(text)); does the server speak TLS there?")
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CERTPROBLEM:
            return OriginError(
                .permission, "the server's certificate is not trusted (\(text)); for a private authority set ca_file")
        case CURLE_WRITE_ERROR where transfer.overflowed && HTTPResponse.isBusy(status):
            return OriginError(.transient, "the server is busy (\(status))")
        case CURLE_WRITE_ERROR where transfer.overflowed:
            return OriginError(.invalid, "the server sent more than was asked for")
        case CURLE_URL_MALFORMAT: return OriginError(.invalid, "the address is wrong: \(text)")
        // Said of an answer that does not begin as HTTP/1 does, too.
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY:
            return OriginError(.invalid, "what answered does not speak HTTP: \(text)")
        default: return OriginError(.transient, "the transfer failed: \(text)")
        }
    }
}
