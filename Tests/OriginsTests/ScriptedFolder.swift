import Foundation
import MusicFSCore
import MusicFSSystem
import Synchronization
import TestSupport

@testable import MusicFSOrigins

/// A WebDAV server that does all as it should, but for what a test has it do. Its folder is at /dav/music.
final class ScriptedFolder: Sendable {
    typealias Request = ScriptedHTTPServer.Request
    typealias Answer = ScriptedHTTPServer.Answer

    let server: ScriptedHTTPServer
    let files: [String: [UInt8]]
    let recorder = LogRecorder()

    init(_ files: [String: [UInt8]] = ["a.mp3": ScriptedBucket.content, "sub/b.mp3": [1, 2, 3]]) throws {
        self.files = files
        server = try ScriptedHTTPServer { ScriptedFolder.answer($0, files) }
    }

    func meddle(_ script: @escaping @Sendable (Request) -> Answer?) {
        server.script = { [files] in script($0) ?? ScriptedFolder.answer($0, files) }
    }

    func origin(
        id: Int64 = 1, credentials: FilePath? = nil, certificates: FilePath? = nil, url: String? = nil
    ) throws -> WebDAVOrigin {
        guard
            let settings = WebDAVSettings(
                url: (url ?? server.url) + "/dav/music/", credentials: credentials.map { "file:\($0)" } ?? "",
                certificates: certificates)
        else { throw ServerError("the settings are wrong") }
        return WebDAVOrigin(
            id: id, name: "dav", settings: settings, lane: try makeLane(), timeout: .seconds(5), log: recorder.log)
    }

    static let date = "Sat, 21 Nov 2026 03:00:17 GMT"

    static func multistatus(_ inner: String) -> Answer {
        let text = "<?xml version=\"1.0\"?><D:multistatus xmlns:D=\"DAV:\">\(inner)</D:multistatus>"
        return .response(207, ["Content-Type": "application/xml; charset=utf-8"], Array(text.utf8))
    }

    /// One element of a multistatus; of a folder without content.
    static func resource(_ href: String, _ content: [UInt8]?, etag: String? = nil) -> String {
        let length = content.map { "<D:getcontentlength>\($0.count)</D:getcontentlength>" } ?? ""
        let name = etag ?? content.map(ScriptedBucket.etag)
        let tag = name.map { "<D:getetag>\($0.replacing("\"", with: "&quot;"))</D:getetag>" } ?? ""
        return """
            <D:response><D:href>\(href)</D:href><D:propstat><D:prop>\
            <D:resourcetype>\(content == nil ? "<D:collection/>" : "")</D:resourcetype>\(length)\(tag)\
            <D:getlastmodified>\(date)</D:getlastmodified></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>\
            </D:response>
            """
    }

    static func answer(_ request: Request, _ files: [String: [UInt8]]) -> Answer {
        let decoded = request.path.removingPercentEncoding ?? ""
        guard decoded == "/dav/music" || decoded.hasPrefix("/dav/music/") else { return .page(404) }
        let isMarked = decoded.hasSuffix("/")
        let path = String(decoded.dropFirst(10).drop { $0 == "/" }.reversed().drop { $0 == "/" }.reversed())
        func href(_ path: String) -> String { "/dav/music/" + PercentCoding.encode(path.utf8, keeping: "/") }
        if let content = files[path] {
            // A file's name with a slash behind it is none.
            if isMarked { return .page(404) }
            if request.method == "PROPFIND" { return multistatus(resource(href(path), content)) }
            return part(request, content)
        }
        let below = path.isEmpty ? "" : path + "/"
        guard path.isEmpty || files.keys.contains(where: { $0.hasPrefix(below) }) else { return .page(404) }
        guard request.method == "PROPFIND" else { return .page(405) }
        // As many servers do.
        guard isMarked else { return .response(301, ["Location": decoded + "/"]) }
        var inner = resource(href(below), nil)
        if request.headers["depth"] == "1" {
            for name in Set(
                files.keys.filter { $0.hasPrefix(below) }.map { $0.dropFirst(below.count).prefix { $0 != "/" } })
            {
                let content = files[below + name]
                inner += resource(href(below + name) + (content == nil ? "/" : ""), content)
            }
        }
        return multistatus(inner)
    }

    private static func part(_ request: Request, _ content: [UInt8]) -> Answer {
        let etag = ScriptedBucket.etag(content)
        var headers = ["ETag": etag, "Last-Modified": date]
        if let wanted = request.headers["if-match"], wanted != etag { return .page(412) }
        guard let range = request.range else { return .response(200, headers, content) }
        guard range.lowerBound < content.count else { return .page(416) }
        let part = Array(content[range.clamped(to: 0..<content.count)])
        headers["Content-Range"] = "bytes \(range.lowerBound)-\(range.lowerBound + part.count - 1)/\(content.count)"
        return .response(206, headers, part)
    }
}

/// What a server asks for that wants to know who is there.
struct ScriptedLogin: Sendable {
    let user = "alice"
    let password = TestSecret.password

    var basic: String { "Basic " + Data("\(user):\(password)".utf8).base64EncodedString() }

    static func question(_ schemes: [String]) -> ScriptedHTTPServer.Answer {
        .response(
            401, ["WWW-Authenticate": schemes.joined(separator: ", "), "Content-Type": "text/html"], Array("<p>".utf8))
    }

    /// Whether a digest (RFC 7616, with MD5) is right for a nonce.
    func isRight(_ request: ScriptedHTTPServer.Request, nonce: String) -> Bool {
        guard let text = request.headers["authorization"], text.hasPrefix("Digest ") else { return false }
        var fields: [String: String] = [:]
        for field in text.dropFirst(7).split(separator: ",") {
            let parts = field.split(separator: "=", maxSplits: 1)
            if parts.count == 2 {
                fields[parts[0].trimmingCharacters(in: .whitespaces)] = String(parts[1]).replacing("\"", with: "")
            }
        }
        guard fields["nonce"] == nonce, let count = fields["nc"], let own = fields["cnonce"], let uri = fields["uri"]
        else { return false }
        let first = Self.md5("\(user):music:\(password)")
        let second = Self.md5("\(request.method):\(uri)")
        return fields["response"] == Self.md5("\(first):\(nonce):\(count):\(own):auth:\(second)")
    }

    static func digest(_ nonce: String) -> String {
        "Digest realm=\"music\", qop=\"auth\", algorithm=MD5, nonce=\"\(nonce)\""
    }

    private static func md5(_ text: String) -> String {
        let result = try? runProgram(["sh", "-c", "printf %s \"$1\" | md5sum", "sh", text])
        return String(decoding: result?.output.prefix(32) ?? [], as: UTF8.self)
    }
}
