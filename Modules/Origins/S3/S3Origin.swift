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
    func request(_ method: String, _ path: [UInt8]) throws(OriginError) -> HTTPRequest {
        let key = PercentCoding.encode(key(path), keeping: "/")
        return try signed(HTTPRequest(method: method, url: "\(settings.base)/\(key)"))
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
        let text = document?.name == "Error" ? document?["Code"]?.text : nil
        let code = text.map { String($0.prefix(64).filter { $0.isASCII && ($0.isLetter || $0.isNumber) }) }
        let isBusy = ["SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout"].contains(code)
        // Before all else: gateways say it with pages.
        if isBusy || HTTPResponse.isBusy(response.status) {
            return OriginError(.transient, "the server is busy (\(code ?? "\(response.status)"))")
        }
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
        case (401, _), (403, _):
            return OriginError(.permission, "the server refuses (\(code ?? "\(response.status)")); check credentials")
        case (412, _): return OriginError(.changed, "the object is another version by now")
        case (_, ""):
            return OriginError(.invalid, "what answered (\(response.status)) does not speak S3; check endpoint")
        default: return OriginError(.invalid, "the server answered \(response.status) \(code ?? "")")
        }
    }

    // MARK: Objects

    package func status(_ path: [UInt8], deadline: UInt64) throws(OriginError) -> OriginEntry {
        let response = try client.perform(try request("HEAD", path), deadline: deadline)
        if response.status == 404, !response.isPage { throw try absence(of: path, deadline) }
        guard response.status == 200 else { throw failure(response) }
        let name = Array(path.split(separator: UInt8(ascii: "/")).last ?? [])
        guard let size = response.length, size >= 0, !response.etag.isEmpty else {
            throw OriginError(.invalid, "what answered is no S3 server: it tells no size or ETag; check endpoint")
        }
        let stamp = FileStamp(size: size, modified: response.modified ?? 0, inode: 0, etag: response.etag)
        return OriginEntry(name: name, kind: .file, stamp: stamp)
    }

    /// A HEAD has no text that would tell a missing object from a missing bucket, or from something in between that knows
    /// nothing: that an object is gone is believed when the bucket is listed without it.
    private func absence(of path: [UInt8], _ deadline: UInt64) throws(OriginError) -> OriginError {
        let page = try page(prefix: key(path), delimiter: false, token: nil, most: 1, deadline: deadline)
        if page.objects.contains(where: { $0.key == path }) {
            return OriginError(.transient, "the server says that an object is gone, and lists it")
        }
        return OriginError(.notFound, "there is no such object")
    }

    package func read(
        _ path: [UInt8], _ stamp: FileStamp, at offset: Int64, into buffers: ReadBuffers, deadline: UInt64
    ) throws(OriginError) {
        let part = RangedRead(range: offset..<(offset + Int64(buffers.count)), stamp: stamp)
        let request = try request("GET", path)
        if let response = try client.read(request, part, into: buffers, deadline: deadline) {
            throw failure(response)
        }
    }

    package func check(deadline: UInt64) throws(OriginError) {
        _ = try page(
            prefix: key([]), delimiter: false, token: nil, most: 1, allowsLastAddress: false, deadline: deadline)
    }

    /// The bucket's name and place: a bucket is never unmounted.
    package func marker(deadline: UInt64) throws(OriginError) -> UInt64 {
        try check(deadline: deadline)
        return ContentHash.xxh3(Array("\(settings.base)/\(settings.prefix)".utf8))[..<8].reduce(0) {
            $0 << 8 | UInt64($1)
        }
    }
}
