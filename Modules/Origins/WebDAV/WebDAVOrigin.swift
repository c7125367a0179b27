package import MusicFSCore
package import MusicFSSystem
import Synchronization

/// What a WebDAV origin is configured with.
package struct WebDAVSettings: Hashable, Sendable {
    /// The folder with the music.
    package var url: String
    /// A file with `username` and `password`; nil for none.
    package var credentials: FilePath?
    package var certificates: FilePath?

    /// - Parameter credentials: `anonymous` or `file:PATH`; empty for `anonymous`.
    package init?(url: String, credentials: String, certificates: FilePath?) {
        var base = url
        while base.hasSuffix("/") { base.removeLast() }
        self.url = base
        self.certificates = certificates
        switch credentials {
        case "", "anonymous": self.credentials = nil
        case _ where credentials.hasPrefix("file:"): self.credentials = CredentialText.path(credentials.dropFirst(5))
        default: return nil
        }
    }
}

/// A folder of a WebDAV server (RFC 4918).
package final class WebDAVOrigin: Origin {
    package let id: Int64
    package let name: String
    package let lane: IOLane
    package let timeout: Duration
    private let settings: WebDAVSettings
    private let client: HTTPClient
    private let log: Logger
    /// The path of the configured URL, decoded: what all hrefs begin with.
    private let root: [UInt8]

    package init(id: Int64, name: String, settings: WebDAVSettings, lane: IOLane, timeout: Duration, log: Logger) {
        self.id = id
        self.name = name
        self.settings = settings
        self.lane = lane
        self.timeout = timeout
        self.log = log
        client = HTTPClient(certificates: settings.certificates, log: log)
        root = Self.path(of: settings.url) ?? []
    }

    package func closeIdle() { client.closeIdle() }

    // MARK: Requests

    private func request(_ method: String, _ path: [UInt8], isFolder: Bool) throws(OriginError) -> HTTPRequest {
        let below = path.isEmpty ? "" : "/" + PercentCoding.encode(path, keeping: "/")
        var request = HTTPRequest(method: method, url: settings.url + below + (isFolder ? "/" : ""))
        if let file = settings.credentials {
            let values = try CredentialFile(path: file).read()
            guard let user = values["username"], let password = values["password"] else {
                throw OriginError(.permission, "\(file) has no username and password")
            }
            request.authentication = .password(user: user, Secret(password))
        }
        return request
    }

    private func failure(_ response: HTTPResponse, of path: [UInt8], deadline: UInt64) -> OriginError {
        switch response.status {
        case 401, 403: return OriginError(.permission, "the server refuses (\(response.status)); check credentials")
        case 404, 410: return absence(of: path, deadline: deadline)
        case 412: return OriginError(.changed, "the file is another version by now")
        case 416: return OriginError(.changed, "the file is shorter by now")
        case 429, 500...: return OriginError(.transient, "the server is busy (\(response.status))")
        case 301, 302, 307, 308:
            return OriginError(.invalid, "the server sends us elsewhere (\(response.status)); correct url")
        default: return OriginError(.invalid, "the server answered \(response.status); is url a WebDAV folder?")
        }
    }

    /// Not every 404 is the server's own: it counts while the root answers as WebDAV does.
    private func absence(of path: [UInt8], deadline: UInt64) -> OriginError {
        if path.isEmpty { return OriginError(.invalid, "there is no folder at url; correct it") }
        do throws(OriginError) {
            try check(deadline: deadline)
            return OriginError(.notFound, "there is no such file")
        } catch {
            return OriginError(.transient, "the server says that a file is gone, and does not answer for its root")
        }
    }

    // MARK: Listing

    private struct Resource {
        var path: [UInt8]
        var isFolder: Bool
        var stamp: FileStamp
    }

    private static let properties = Array(
        """
        <?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/>\
        <D:getcontentlength/><D:getlastmodified/><D:getetag/></D:prop></D:propfind>
        """.utf8)

    private func resources(_ path: [UInt8], depth: Int, deadline: UInt64) throws(OriginError) -> [Resource] {
        var request = try request("PROPFIND", path, isFolder: true)
        request.headers = ["Depth: \(depth)", "Content-Type: application/xml", "Expect:"]
        request.body = Self.properties
        let response = try client.perform(request, deadline: deadline)
        guard response.status == 207 else { throw failure(response, of: path, deadline: deadline) }
        guard let document = XMLElement.parse(response.body), document.name == "multistatus" else {
            throw OriginError(.invalid, "what answered does not speak WebDAV; check url")
        }
        return document.all("response").compactMap(resource)
    }

    private func resource(_ element: XMLElement) -> Resource? {
        guard let href = element["href"]?.text, var path = Self.path(of: href), path.starts(with: root) else {
            return nil
        }
        path.removeFirst(root.count)
        let isMarked = path.last == UInt8(ascii: "/")
        path = Array(path.split(separator: UInt8(ascii: "/")).joined(separator: [UInt8(ascii: "/")]))
        let found = element.all("propstat").first { ($0["status"]?.text ?? " 200").contains(" 200") }
        guard let properties = found?["prop"] else { return nil }
        let isFolder = properties["resourcetype"]?["collection"] != nil || isMarked
        let size = properties["getcontentlength"].flatMap { Int64($0.text) } ?? (isFolder ? 0 : -1)
        guard size >= 0 else { return nil }
        let modified = properties["getlastmodified"].flatMap { HTTPDate.nanoseconds($0.text) } ?? 0
        let etag = Array((properties["getetag"]?.text ?? "").utf8)
        return Resource(
            path: path, isFolder: isFolder, stamp: FileStamp(size: size, modified: modified, inode: 0, etag: etag))
    }

    /// The decoded path of a URL or of an absolute path.
    private static func path(of reference: String) -> [UInt8]? {
        var text = reference[...]
        if let scheme = text.firstRange(of: "://") {
            text = text[scheme.upperBound...].drop { $0 != "/" }
        }
        return PercentCoding.decode(text.prefix { $0 != "?" && $0 != "#" }.utf8)
    }

    package func list(
        _ folder: [UInt8], deadline: UInt64, isWanted: (_ name: [UInt8]) -> Bool
    ) throws(OriginError) -> [OriginEntry] {
        let slash = UInt8(ascii: "/")
        return try resources(folder, depth: 1, deadline: deadline).compactMap { resource in
            // The folder itself is among the answers, and nothing but it and its children should be.
            guard resource.path != folder, folder.isEmpty || resource.path.starts(with: folder + [slash]) else {
                return nil
            }
            let name = Array(resource.path.dropFirst(folder.isEmpty ? 0 : folder.count + 1))
            guard SafeName.isComponent(name), isWanted(name) else { return nil }
            return OriginEntry(name: name, kind: resource.isFolder ? .folder : .file, stamp: resource.stamp)
        }
    }

    package func status(_ path: [UInt8], deadline: UInt64) throws(OriginError) -> OriginEntry {
        guard let resource = try resources(path, depth: 0, deadline: deadline).first else {
            throw OriginError(.notFound, "there is no such file")
        }
        let name = Array(path.split(separator: UInt8(ascii: "/")).last ?? [])
        return OriginEntry(name: name, kind: resource.isFolder ? .folder : .file, stamp: resource.stamp)
    }

    // MARK: Reading

    package func read(
        _ path: [UInt8], _ stamp: FileStamp, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer,
        deadline: UInt64
    ) throws(OriginError) {
        var request = try request("GET", path, isFolder: false)
        let range = offset..<(offset + Int64(buffer.count))
        request.range = range
        // A weak validator cannot be used for ranges (RFC 9110, section 13.1.1).
        let isStrong = stamp.etag.first == UInt8(ascii: "\"")
        if isStrong { request.headers.append("If-Match: \(String(decoding: stamp.etag, as: UTF8.self))") }
        let response = unsafe try client.perform(request, into: buffer, deadline: deadline)
        switch response.status {
        case 206:
            guard let sent = response.contentRange, sent.range == range, sent.size ?? stamp.size == stamp.size else {
                throw OriginError(.changed, "the file has another size by now")
            }
        case 200 where range == 0..<stamp.size: break
        case 200: throw OriginError(.invalid, "the server cannot send parts of files, so that it cannot be used")
        default: throw failure(response, of: path, deadline: deadline)
        }
        if !isStrong, let modified = response.headers["last-modified"].flatMap(HTTPDate.nanoseconds),
            stamp.modified != 0, modified != stamp.modified
        {
            throw OriginError(.changed, "the file is another version by now")
        }
    }

    package func check(deadline: UInt64) throws(OriginError) {
        _ = try resources([], depth: 0, deadline: deadline)
    }

    /// The URL: a folder of a server is never unmounted.
    package func marker(deadline: UInt64) throws(OriginError) -> UInt64 {
        try check(deadline: deadline)
        return ContentHash.xxh3(Array(settings.url.utf8))[..<8].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
