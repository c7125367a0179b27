import CCurl
import MusicFSCore
import MusicFSSystem

/// One of libcurl's easy handles, with the connections that it keeps.
///
/// Sendable because the client gives it to one thread at a time (libcurl's own rule).
@safe final class EasyHandle: @unchecked Sendable {
    private let raw: UnsafeMutableRawPointer
    private(set) var lastUse = monotonicNanoseconds()

    init?() {
        guard let raw = unsafe curl_easy_init() else { return nil }
        unsafe self.raw = raw
        prepare()
    }

    deinit { unsafe curl_easy_cleanup(raw) }

    var status: Int {
        var value = 0
        unsafe ccurl_get_long(raw, CURLINFO_RESPONSE_CODE, &value)
        return value
    }

    /// Where the server was found.
    var address: String? {
        var pointer: UnsafePointer<CChar>?
        unsafe ccurl_get_string(raw, CURLINFO_PRIMARY_IP, &pointer)
        guard let pointer = unsafe pointer else { return nil }
        let text = unsafe String(cString: pointer)
        return text.isEmpty ? nil : text.contains(":") ? "[\(text)]" : text
    }

    /// The ways to log in that the server has offered in the last transfer.
    var offeredSchemes: Int {
        var value = 0
        unsafe ccurl_get_long(raw, CURLINFO_HTTPAUTH_AVAIL, &value)
        return value
    }

    /// Makes a request and waits for its end.
    ///
    /// All that a request sets is set anew each time, rather than all options reset: a reset would forget the server's
    /// nonce for digest logins, and each request would be refused once.
    ///
    /// - Parameters:
    ///   - schemes: the ways in which a password may be shown.
    ///   - connectTo: of CURLOPT_CONNECT_TO: another address for the host.
    func run(
        _ request: HTTPRequest, _ transfer: Transfer, _ certificates: FilePath?, schemes: Int, connectTo: String?,
        deadline: UInt64
    ) throws(OriginError) -> CURLcode {
        let now = monotonicNanoseconds()
        lastUse = now
        guard now < deadline else { throw OriginError(.unreachable, "no time is left for the request") }
        let milliseconds = Int(clamping: (deadline - now) / 1_000_000)
        set(CURLOPT_TIMEOUT_MS, max(1, milliseconds))
        set(CURLOPT_CONNECTTIMEOUT_MS, max(1, min(milliseconds, 10_000)))
        set(CURLOPT_URL, request.url)
        set(CURLOPT_HTTPGET, 1)
        set(CURLOPT_NOBODY, request.method == "HEAD" ? 1 : 0)
        set(CURLOPT_CUSTOMREQUEST, request.method == "HEAD" ? nil : request.method)
        set(CURLOPT_RANGE, request.range.map { "\($0.lowerBound)-\($0.upperBound - 1)" })
        if let certificates { set(CURLOPT_CAINFO, certificates.description) }
        authenticate(request.authentication, schemes)
        let headers = unsafe list(request.headers)
        let targets = unsafe list(connectTo.map { [$0] } ?? [])
        unsafe ccurl_set_list(raw, CURLOPT_HTTPHEADER, headers)
        unsafe ccurl_set_list(raw, CURLOPT_CONNECT_TO, targets)
        defer {
            unsafe ccurl_set_list(raw, CURLOPT_HTTPHEADER, nil)
            unsafe ccurl_set_list(raw, CURLOPT_CONNECT_TO, nil)
            unsafe curl_slist_free_all(headers)
            unsafe curl_slist_free_all(targets)
        }
        let context = Context(self, transfer)
        defer { withExtendedLifetime(context) {} }
        let pointer = unsafe Unmanaged.passUnretained(context).toOpaque()
        unsafe ccurl_set_write(raw, CURLOPT_WRITEFUNCTION, receiveBody)
        unsafe ccurl_set_pointer(raw, CURLOPT_WRITEDATA, pointer)
        unsafe ccurl_set_write(raw, CURLOPT_HEADERFUNCTION, receiveHeader)
        unsafe ccurl_set_pointer(raw, CURLOPT_HEADERDATA, pointer)
        guard let body = request.body else { return unsafe curl_easy_perform(raw) }
        return unsafe body.withUnsafeBytes { bytes in
            unsafe ccurl_set_offset(raw, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
            unsafe ccurl_set_pointer(raw, CURLOPT_POSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
            defer { unsafe ccurl_set_pointer(raw, CURLOPT_POSTFIELDS, nil) }
            return unsafe curl_easy_perform(raw)
        }
    }

    /// What is the same for all requests.
    private func prepare() {
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_FOLLOWLOCATION, 0)
        set(CURLOPT_PATH_AS_IS, 1)
        set(CURLOPT_TCP_KEEPALIVE, 1)
        set(CURLOPT_MAXAGE_CONN, 90)
        set(CURLOPT_BUFFERSIZE, 256 << 10)
        // Over TLS where the server offers it; one stream a connection, as there are several.
        set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_USERAGENT, "MusicFS")
    }

    private func authenticate(_ authentication: HTTPRequest.Authentication, _ schemes: Int) {
        switch authentication {
        case .none:
            set(CURLOPT_USERNAME, nil)
            set(CURLOPT_PASSWORD, nil)
            set(CURLOPT_AWS_SIGV4, nil)
        case .password(let user, let secret):
            set(CURLOPT_HTTPAUTH, schemes)
            set(CURLOPT_USERNAME, user)
            set(CURLOPT_PASSWORD, secret.exposed)
        case .amazon(let key, let secret, let region):
            set(CURLOPT_AWS_SIGV4, "aws:amz:\(region):s3")
            set(CURLOPT_USERNAME, key)
            set(CURLOPT_PASSWORD, secret.exposed)
        }
    }

    private func set(_ option: CURLoption, _ value: Int) { _ = unsafe ccurl_set_long(raw, option, value) }
    private func set(_ option: CURLoption, _ value: String?) { _ = unsafe ccurl_set_string(raw, option, value) }

    private func list(_ lines: [String]) -> UnsafeMutablePointer<curl_slist>? {
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines { unsafe list = curl_slist_append(list, line) ?? list }
        return unsafe list
    }

    /// What the callbacks of one transfer work with.
    fileprivate final class Context {
        let handle: EasyHandle
        let transfer: Transfer

        init(_ handle: EasyHandle, _ transfer: Transfer) {
            self.handle = handle
            self.transfer = transfer
        }
    }
}

private func receiveBody(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context = unsafe context, let bytes = unsafe bytes else { return 0 }
    let own = unsafe Unmanaged<EasyHandle.Context>.fromOpaque(context).takeUnretainedValue()
    let buffer = unsafe UnsafeRawBufferPointer(start: bytes, count: size &* count)
    return unsafe own.transfer.take(buffer, status: own.handle.status) ? buffer.count : 0
}

private func receiveHeader(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context = unsafe context, let bytes = unsafe bytes else { return 0 }
    let own = unsafe Unmanaged<EasyHandle.Context>.fromOpaque(context).takeUnretainedValue()
    let buffer = unsafe UnsafeRawBufferPointer(start: bytes, count: size &* count)
    unsafe own.transfer.takeHeader(String(decoding: buffer, as: UTF8.self))
    return buffer.count
}
