import Foundation
import MusicFSCore
import MusicFSSystem
import Synchronization
import TestSupport
import Testing

@testable import MusicFSOrigins

/// An S3 server that does all as it should, but for what a test has it do.
final class ScriptedBucket: Sendable {
    typealias Request = ScriptedHTTPServer.Request
    typealias Answer = ScriptedHTTPServer.Answer

    let server: ScriptedHTTPServer
    let objects: [String: [UInt8]]
    let recorder = LogRecorder()

    init(_ objects: [String: [UInt8]] = ["a.mp3": ScriptedBucket.content]) throws {
        self.objects = objects
        server = try ScriptedHTTPServer { ScriptedBucket.answer($0, objects) }
    }

    /// Bytes that differ everywhere.
    static let content = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

    /// Has it answer what `script` answers, and as it should where that gives nil.
    func meddle(_ script: @escaping @Sendable (Request) -> Answer?) {
        server.script = { [objects] in script($0) ?? ScriptedBucket.answer($0, objects) }
    }

    func origin(
        _ credentials: AmazonCredentials = .anonymous, prefix: String = "", timeout: Duration = .seconds(5),
        endpoint: String? = nil, certificates: FilePath? = nil
    ) throws -> S3Origin {
        S3Origin(
            id: 1, name: "bucket",
            settings: S3Settings(
                bucket: "music", prefix: prefix, region: "eu-south-2", endpoint: endpoint ?? server.url,
                usesPathStyle: true, credentials: credentials, certificates: certificates),
            lane: try makeLane(), timeout: timeout, log: recorder.log)
    }

    static func etag(_ bytes: [UInt8]) -> String {
        "\"\(ContentHash.xxh3(bytes)[..<8].map { String($0, radix: 16) }.joined())\""
    }

    static func stamp(_ bytes: [UInt8]) -> FileStamp {
        FileStamp(size: Int64(bytes.count), modified: 0, inode: 0, etag: Array(etag(bytes).utf8))
    }

    static func error(_ status: Int, _ code: String) -> Answer {
        let text = "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>m</Message></Error>"
        return .response(status, ["Content-Type": "application/xml", "x-amz-request-id": "1"], Array(text.utf8))
    }

    static func listing(_ inner: String, next: String? = nil) -> Answer {
        let end = next.map { "<NextContinuationToken>\($0)</NextContinuationToken>" } ?? ""
        let text = """
            <?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\
            <EncodingType>url</EncodingType>\(inner)<IsTruncated>\(next != nil)</IsTruncated>\(end)</ListBucketResult>
            """
        return .response(200, ["Content-Type": "application/xml"], Array(text.utf8))
    }

    /// An element of a listing.
    static func object(_ key: String, size: Int = 1, etag: String = "\"e\"") -> String {
        "<Contents><Key>\(PercentCoding.encode(key.utf8, keeping: "/"))</Key>"
            + "<LastModified>2026-11-21T03:00:17.000Z</LastModified>"
            + "<ETag>\(etag.replacing("\"", with: "&quot;"))</ETag><Size>\(size)</Size></Contents>"
    }

    static func answer(_ request: Request, _ objects: [String: [UInt8]]) -> Answer {
        let path = request.path.removingPercentEncoding ?? ""
        guard path.hasPrefix("/music/") else { return error(404, "NoSuchBucket") }
        let key = String(path.dropFirst(7))
        if key.isEmpty { return list(request, objects) }
        guard let bytes = objects[key] else {
            return request.method == "HEAD" ? .response(404, ["x-amz-request-id": "1"]) : error(404, "NoSuchKey")
        }
        var headers = ["ETag": etag(bytes), "Last-Modified": "Sat, 21 Nov 2026 03:00:17 GMT"]
        if let wanted = request.headers["if-match"], wanted != etag(bytes) {
            return error(412, "PreconditionFailed")
        }
        if request.method == "HEAD" { return .response(200, headers, bytes) }
        guard let range = request.range else { return .response(200, headers, bytes) }
        guard range.lowerBound < bytes.count else { return error(416, "InvalidRange") }
        let part = Array(bytes[range.clamped(to: 0..<bytes.count)])
        headers["Content-Range"] = "bytes \(range.lowerBound)-\(range.lowerBound + part.count - 1)/\(bytes.count)"
        return .response(206, headers, part)
    }

    private static func list(_ request: Request, _ objects: [String: [UInt8]]) -> Answer {
        let prefix = request["prefix"] ?? ""
        var inner = ""
        var folders: [String] = []
        for key in objects.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) where key.hasPrefix(prefix) {
            if request["delimiter"] == "/", let slash = key.dropFirst(prefix.count).firstIndex(of: "/") {
                let folder = String(key[...slash])
                if folders.last != folder { folders.append(folder) }
            } else {
                let bytes = objects[key] ?? []
                inner += object(key, size: bytes.count, etag: etag(bytes))
            }
        }
        for folder in folders {
            let text = PercentCoding.encode(folder.utf8, keeping: "/")
            inner += "<CommonPrefixes><Prefix>\(text)</Prefix></CommonPrefixes>"
        }
        return listing(inner)
    }
}
