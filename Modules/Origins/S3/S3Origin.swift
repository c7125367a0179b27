package import MusicFSCore
import MusicFSSystem
import Synchronization

/// A bucket, or what lies below a prefix of one, of Amazon S3 or a server that speaks its protocol
/// (docs.aws.amazon.com/AmazonS3/latest/API).
package final class S3Origin: Origin {
    package let id: Int64
    package let name: String
    package let lane: IOLane
    package let timeout: Duration
    let settings: S3Settings
    let client: HTTPClient
    let log: Logger
    /// A server that does not list in the order of keys is listed folder by folder.
    let isUnordered = Mutex(false)

    package init(id: Int64, name: String, settings: S3Settings, lane: IOLane, timeout: Duration, log: Logger) {
        self.id = id
        self.name = name
        self.settings = settings
        self.lane = lane
        self.timeout = timeout
        self.log = log
        client = HTTPClient(certificates: settings.certificates, log: log)
    }

    package var listsWhole: Bool { isUnordered.withLock { !$0 } }

    package func closeIdle() { client.closeIdle() }

    // MARK: Requests

    func key(_ path: [UInt8]) -> [UInt8] { Array(settings.prefix.utf8) + path }

    /// A signed request for an object.
    func request(_ method: String, _ path: [UInt8], headers: [String] = []) throws(OriginError) -> HTTPRequest {
        let key = PercentCoding.encode(key(path), keeping: "/")
        return try signed(HTTPRequest(method: method, url: "\(settings.base)/\(key)", headers: headers))
    }

    /// A signed request about the bucket. libcurl 7.88 signs the query as it stands, so it must stand in order, and
    /// encoded as the signature wants it.
    func request(query: [(name: String, value: [UInt8])]) throws(OriginError) -> HTTPRequest {
        let text = query.map { (PercentCoding.encode($0.name.utf8), PercentCoding.encode($0.value)) }
            .sorted { $0 < $1 }.map { "\($0)=\($1)" }.joined(separator: "&")
        return try signed(HTTPRequest(url: "\(settings.base)/?\(text)"))
    }

    private func signed(_ request: HTTPRequest) throws(OriginError) -> HTTPRequest {
        guard let keys = try settings.credentials.keys() else { return request }
        var request = request
        // Not sent by libcurl 7.88, and asked for by every server.
        request.headers.append("x-amz-content-sha256: UNSIGNED-PAYLOAD")
        if let token = keys.token { request.headers.append("x-amz-security-token: \(token.exposed)") }
        request.authentication = .amazon(key: keys.id, keys.secret, region: settings.region)
        return request
    }

    /// What a response that is no success means.
    func failure(_ response: HTTPResponse) -> OriginError {
        let document = XMLElement.parse(response.body)
        let code = document?.name == "Error" ? document?["Code"]?.text : nil
        if code == nil, response.isPage {
            return OriginError(.invalid, "what answered is no S3 server but sent a page for people; check endpoint")
        }
        switch (response.status, code ?? "") {
        case (_, "NoSuchKey"): return OriginError(.notFound, "there is no such object")
        case (_, "NoSuchBucket"):
            return OriginError(.invalid, "there is no bucket \(settings.bucket); check bucket and endpoint")
        case (_, "RequestTimeTooSkewed"):
            return OriginError(.permission, "the clock of this machine differs from the server's; set it right")
        case (_, "ExpiredToken"): return OriginError(.permission, "the session token has expired; get a new one")
        case (_, "InvalidAccessKeyId"), (_, "SignatureDoesNotMatch"), (_, "InvalidToken"):
            return OriginError(.permission, "the server does not accept the key (\(code ?? "")); check credentials")
        case (301, _), (307, _), (_, "AuthorizationHeaderMalformed"):
            return OriginError(.invalid, "the bucket is in another region or at another endpoint; check region")
        // A HEAD has no text that says more; that it is S3 which speaks is seen by its header.
        case (404, _) where response.headers["x-amz-request-id"] != nil && response.body.isEmpty:
            return OriginError(.notFound, "there is no such object")
        case (401, _), (403, _):
            return OriginError(.permission, "the server refuses (\(code ?? "\(response.status)")); check credentials")
        case (412, _): return OriginError(.changed, "the object is another version by now")
        case (429, _), (500..., _):
            return OriginError(.transient, "the server is busy (\(code ?? "\(response.status)"))")
        default: return OriginError(.invalid, "the server answered \(response.status) \(code ?? "")")
        }
    }

    // MARK: Objects

    package func status(_ path: [UInt8], deadline: UInt64) throws(OriginError) -> OriginEntry {
        let response = try client.perform(try request("HEAD", path), deadline: deadline)
        guard response.status == 200 else { throw failure(response) }
        let name = Array(path.split(separator: UInt8(ascii: "/")).last ?? [])
        guard let size = response.headers["content-length"].flatMap({ Int64($0) }) else {
            throw OriginError(.invalid, "the server does not tell the size of an object")
        }
        let modified = response.headers["last-modified"].flatMap(HTTPDate.nanoseconds) ?? 0
        let etag = Array((response.headers["etag"] ?? "").utf8)
        return OriginEntry(
            name: name, kind: .file, stamp: FileStamp(size: size, modified: modified, inode: 0, etag: etag))
    }

    package func read(
        _ path: [UInt8], _ stamp: FileStamp, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer,
        deadline: UInt64
    ) throws(OriginError) {
        var headers: [String] = []
        if !stamp.etag.isEmpty { headers.append("If-Match: \(String(decoding: stamp.etag, as: UTF8.self))") }
        var request = try request("GET", path, headers: headers)
        let range = offset..<(offset + Int64(buffer.count))
        request.range = range
        let response = unsafe try client.perform(request, into: buffer, deadline: deadline)
        switch response.status {
        // Some servers say 200 and mean 206.
        case 206,
            200 where response.contentRange != nil:
            guard let sent = response.contentRange, sent.range == range, sent.size ?? stamp.size == stamp.size else {
                throw OriginError(.changed, "the object has another size by now")
            }
        case 200 where range == 0..<stamp.size: break
        case 200: throw OriginError(.invalid, "the server sent the whole object where a part was asked for")
        case 416: throw OriginError(.changed, "the object is shorter by now")
        default: throw failure(response)
        }
    }

    package func check(deadline: UInt64) throws(OriginError) {
        _ = try page(folder: [], delimiter: false, token: nil, most: 1, deadline: deadline)
    }

    /// The bucket's name and place: a bucket is never unmounted.
    package func marker(deadline: UInt64) throws(OriginError) -> UInt64 {
        try check(deadline: deadline)
        return ContentHash.xxh3(Array("\(settings.base)/\(settings.prefix)".utf8))[..<8].reduce(0) {
            $0 << 8 | UInt64($1)
        }
    }
}
