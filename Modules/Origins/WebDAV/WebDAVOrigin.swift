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
        case _ where HTTPResponse.isBusy(response.status):
            return OriginError(.transient, "the server is busy (\(response.status))")
        case 401, 403: return OriginError(.permission, "the server refuses (\(response.status)); check credentials")
        case 404, 410: return absence(of: path, deadline: deadline)
        case 412: return OriginError(.changed, "the file is another version by now")
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
        /// Below the configured folder.
        var path: [UInt8]
        /// nil where the server says that there is nothing, or that it may not be told of.
        var kind: OriginEntry.Kind?
        var stamp = FileStamp(size: 0, modified: 0, inode: 0)
    }

    private static let properties = Array(
        """
        <?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/>\
        <D:getcontentlength/><D:getlastmodified/><D:getetag/></D:prop></D:propfind>
        """.utf8)

    /// - Parameter isFolder: whether the path gets the slash that servers want behind a folder's.
    private func resources(
        _ path: [UInt8], isFolder: Bool, depth: Int, allowsLastAddress: Bool = true, deadline: UInt64,
        _ leftOut: inout LeftOutNames
    ) throws(OriginError) -> [Resource] {
        var request = try request("PROPFIND", path, isFolder: isFolder)
        request.headers = ["Depth: \(depth)", "Content-Type: application/xml", "Expect:"]
        request.body = Self.properties
        request.allowsLastAddress = allowsLastAddress
        let response = try client.perform(request, deadline: deadline)
        guard response.status == 207 else { throw failure(response, of: path, deadline: deadline) }
        guard let document = try response.document("multistatus") else {
            throw OriginError(.invalid, "what answered does not speak WebDAV; check url")
        }
        var resources: [Resource] = []
        for element in document.all("response") {
            if let found = try resource(element, &leftOut) { resources.append(found) }
        }
        return resources
    }

    /// - Returns: nil for what lies outside the configured folder, and for a name that cannot be read.
    private func resource(_ element: XMLElement, _ leftOut: inout LeftOutNames) throws(OriginError) -> Resource? {
        let href = element["href"]?.text ?? ""
        guard var path = Self.path(of: href), !href.isEmpty else {
            leftOut.add(Array(href.utf8))
            return nil
        }
        let slash = UInt8(ascii: "/")
        guard path.starts(with: root), path.count == root.count || path[root.count] == slash else { return nil }
        path.removeFirst(root.count)
        let isMarked = path.last == slash
        path = Array(path.split(separator: slash).joined(separator: [slash]))
        let parts = element.all("propstat")
        guard let properties = parts.first(where: { Self.status($0) ?? 200 == 200 })?["prop"] else {
            let status = Self.status(element) ?? parts.first.flatMap(Self.status) ?? 404
            // A file that is there and cannot be told of for now must not look like one that is gone.
            if HTTPResponse.isBusy(status) {
                throw OriginError(.transient, "the server cannot tell of a file for now (\(status))")
            }
            return Resource(path: path, kind: nil)
        }
        let isFolder = properties["resourcetype"]?["collection"] != nil || isMarked
        guard let size = properties["getcontentlength"].flatMap({ Int64($0.text) }) ?? (isFolder ? 0 : nil), size >= 0
        else { return Resource(path: path, kind: nil) }
        let modified = properties["getlastmodified"].flatMap { HTTPDate.nanoseconds($0.text) } ?? 0
        let etag = HTTPResponse.etag(properties["getetag"]?.text)
        return Resource(
            path: path, kind: isFolder ? .folder : .file,
            stamp: FileStamp(size: size, modified: modified, inode: 0, etag: etag))
    }

    /// The number in an element's `HTTP/1.1 200 OK`.
    private static func status(_ element: XMLElement) -> Int? {
        element["status"].flatMap { $0.text.split(separator: " ").dropFirst().first.flatMap { Int($0) } }
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
        var leftOut = LeftOutNames()
        var entries: [[UInt8]: OriginEntry] = [:]
        var isThere = false
        let below = folder.isEmpty ? [] : folder + [UInt8(ascii: "/")]
        for resource in try resources(folder, isFolder: true, depth: 1, deadline: deadline, &leftOut) {
            if resource.path == folder {
                isThere = resource.kind == .folder
                continue
            }
            guard resource.path.starts(with: below), let kind = resource.kind else { continue }
            let name = Array(resource.path.dropFirst(below.count))
            guard leftOut.accepts(name), isWanted(name) else { continue }
            entries[name] = OriginEntry(name: name, kind: kind, stamp: resource.stamp)
        }
        // The folder itself is among the answers (RFC 4918, section 9.1). Where it is not, nothing that is listed belongs
        // to it: a proxy changed the paths, or it is no folder.
        guard isThere else {
            throw OriginError(.invalid, "the server lists other paths than it was asked for; correct url")
        }
        leftOut.tell(log, name)
        return Array(entries.values)
    }

    package func status(_ path: [UInt8], deadline: UInt64) throws(OriginError) -> OriginEntry {
        var leftOut = LeftOutNames()
        let resources: [Resource]
        do throws(OriginError) {
            resources = try self.resources(path, isFolder: path.isEmpty, depth: 0, deadline: deadline, &leftOut)
        } catch {
            // Some servers send everybody who asks for a folder to its name with a slash.
            guard error.code == .invalid, !path.isEmpty else { throw error }
            resources = try self.resources(path, isFolder: true, depth: 0, deadline: deadline, &leftOut)
        }
        guard let found = resources.first(where: { $0.path == path }) else {
            throw OriginError(.invalid, "the server tells of other paths than it was asked for; correct url")
        }
        guard let kind = found.kind else { throw absence(of: path, deadline: deadline) }
        let name = Array(path.split(separator: UInt8(ascii: "/")).last ?? [])
        return OriginEntry(name: name, kind: kind, stamp: found.stamp)
    }

    // MARK: Reading

    package func read(
        _ path: [UInt8], _ stamp: FileStamp, at offset: Int64, into buffers: ReadBuffers, deadline: UInt64
    ) throws(OriginError) {
        let part = RangedRead(range: offset..<(offset + Int64(buffers.count)), stamp: stamp)
        let request = try request("GET", path, isFolder: false)
        if let response = try client.read(request, part, into: buffers, deadline: deadline) {
            throw failure(response, of: path, deadline: deadline)
        }
    }

    package func check(deadline: UInt64) throws(OriginError) {
        var leftOut = LeftOutNames()
        let found = try resources(
            [], isFolder: true, depth: 0, allowsLastAddress: false, deadline: deadline, &leftOut)
        guard found.contains(where: { $0.path.isEmpty && $0.kind == .folder }) else {
            throw OriginError(.invalid, "the server does not show a folder at url; correct it")
        }
    }

    /// The URL: a folder of a server is never unmounted.
    package func marker(deadline: UInt64) throws(OriginError) -> UInt64 {
        try check(deadline: deadline)
        return ContentHash.xxh3(Array(settings.url.utf8))[..<8].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
