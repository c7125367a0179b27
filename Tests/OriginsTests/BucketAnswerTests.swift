import Foundation
import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSOrigins

/// What a server answers to S3's requests for one object, and what becomes of it.
@Suite struct BucketAnswerTests {
    private typealias Answer = ScriptedHTTPServer.Answer
    private let content = ScriptedBucket.content
    private let stamp = ScriptedBucket.stamp(ScriptedBucket.content)

    /// What reading a part of an object comes to when its server answers so.
    private func read(_ answer: Answer, _ range: Range<Int> = 100..<300, within seconds: Double = 5) throws
        -> OriginError?
    {
        let bucket = try ScriptedBucket()
        bucket.meddle { $0.method == "GET" ? answer : nil }
        let origin = try bucket.origin()
        let found = failure {
            let part = try origin.part(of: "a.mp3", stamp, range, within: seconds)
            // What is read without an error must be right.
            #expect(part == Array(content[range]))
        }
        bucket.recorder.expectNoSecrets()
        return found
    }

    private func headers(_ range: Range<Int>, of size: Int, etag: String? = nil) -> [String: String] {
        [
            "Content-Range": "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)",
            "ETag": etag ?? ScriptedBucket.etag(content),
        ]
    }

    @Test func partsAreRead() throws {
        let bucket = try ScriptedBucket()
        let origin = try bucket.origin()
        for range in [0..<1, 0..<5000, 4999..<5000, 1234..<4321] {
            #expect(try origin.part(of: "a.mp3", stamp, range) == Array(content[range]))
        }
        #expect(bucket.server.connections == 1, "the connection is kept")
    }

    @Test(arguments: [200, 201, 203, 302, 400, 403, 404, 451])
    func aPageOfAPortalIsAFailureOfTheOrigin(_ status: Int) throws {
        // Shorter than what is asked for, longer, and as long.
        for range in [0..<5000, 100..<110, 100..<134] {
            let code = try read(.page(status), range)?.code
            #expect(code == .invalid || code == .permission && status == 403, "\(String(describing: code))")
        }
    }

    @Test(arguments: [500, 502, 503, 504, 429, 408])
    func aBusyServerIsAskedAgain(_ status: Int) throws {
        #expect(try read(.page(status))?.code == .transient)
        #expect(try read(.response(status))?.code == .transient)
        #expect(try read(ScriptedBucket.error(status, "SlowDown"))?.code == .transient)
        // However much it says.
        #expect(try read(.unframed(status, [:], [UInt8](repeating: 32, count: 2 << 20)))?.code == .transient)
        let bucket = try ScriptedBucket()
        bucket.meddle { _ in .page(status) }
        let origin = try bucket.origin()
        #expect(code { _ = try origin.listing() } == .transient)
        #expect(code { _ = try origin.status(bytes("a.mp3"), deadline: deadline()) } == .transient)
        #expect(code { try origin.check(deadline: deadline()) } == .transient)
    }

    @Test(arguments: ["SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout"])
    func anErrorOfTheServersOwnIsAskedAgainWhateverItsStatus(_ code: String) throws {
        for status in [200, 400, 503] {
            let bucket = try ScriptedBucket()
            bucket.meddle { _ in ScriptedBucket.error(status, code) }
            let origin = try bucket.origin()
            #expect(OriginsTests.code { _ = try origin.listing() } == .transient, "\(status)")
        }
    }

    @Test func onlyS3sOwnWordMakesAnObjectAbsent() throws {
        #expect(try read(ScriptedBucket.error(404, "NoSuchKey"))?.code == .notFound)
        #expect(try read(.page(404))?.code == .invalid)
        #expect(try read(.response(404))?.code != .notFound)
        #expect(try read(.response(404, ["Content-Type": "application/xml"], bytes("<a/>")))?.code != .notFound)
        #expect(try read(ScriptedBucket.error(404, "NoSuchBucket"))?.code == .invalid)
        #expect(try read(.response(410))?.code != .notFound)
    }

    @Test func aHeadsWordIsConfirmedByAListing() throws {
        let bucket = try ScriptedBucket(["b.mp3": content, "a.mp3.bak": content])
        let origin = try bucket.origin()
        func status() -> OriginError.Code? {
            code { _ = try origin.status(bytes("a.mp3"), deadline: deadline()) }
        }
        #expect(status() == .notFound)
        // The whole bucket is missing, or it is not S3 that answers.
        bucket.meddle {
            $0.method == "HEAD" ? .response(404, ["x-amz-request-id": "1"]) : ScriptedBucket.error(404, "NoSuchBucket")
        }
        #expect(status() == .invalid)
        bucket.meddle { $0.method == "HEAD" ? .response(404) : .page(200) }
        #expect(status() == .invalid)
        bucket.meddle { $0.method == "HEAD" ? .page(404) : .page(503) }
        #expect(status() == .invalid)
        bucket.meddle { $0.method == "HEAD" ? .response(404) : .page(503) }
        #expect(status() == .transient)
        // It is listed all the same.
        bucket.meddle { $0.method == "HEAD" ? .response(404) : ScriptedBucket.listing(ScriptedBucket.object("a.mp3")) }
        #expect(status() == .transient)
    }

    @Test(arguments: [301, 302, 307, 308])
    func nobodyIsFollowedElsewhere(_ status: Int) throws {
        let elsewhere = try ScriptedBucket()
        let bucket = try ScriptedBucket()
        bucket.meddle { [url = elsewhere.server.url] in .response(status, ["Location": "\(url)\($0.path)"]) }
        let origin = try bucket.origin()
        #expect(code { _ = try origin.part(of: "a.mp3", stamp, 0..<10) } == .invalid)
        #expect(code { _ = try origin.listing() } == .invalid)
        #expect(code { _ = try origin.status(bytes("a.mp3"), deadline: deadline()) } == .invalid)
        #expect(elsewhere.server.requests.isEmpty)
    }

    @Test func anotherPartIsNeverTaken() throws {
        let part = Array(content[101..<301])
        #expect(try read(.response(206, headers(101..<301, of: 5000), part))?.code == .invalid)
        #expect(try read(.response(206, headers(0..<200, of: 5000), part))?.code == .invalid)
        // None at all, or nonsense.
        #expect(try read(.response(206, [:], Array(content[100..<300])))?.code == .invalid)
        for text in [
            "bytes 299-100/5000", "bytes */5000", "bytes 100-/5000", "bytes 100-99999999999999999999/5000", "",
        ] {
            let answer = Answer.response(206, ["Content-Range": text], Array(content[100..<300]))
            #expect(try read(answer)?.code == .invalid, "\(text)")
        }
        // Right, and more or fewer bytes than it says.
        #expect(try read(.unframed(206, headers(100..<300, of: 5000), Array(content[100..<301])))?.code == .invalid)
        #expect(try read(.unframed(206, headers(100..<300, of: 5000), Array(content[100..<299])))?.code == .transient)
        #expect(try read(.unframed(206, headers(100..<300, of: 5000), []))?.code == .transient)
    }

    @Test func aServerThatIgnoresRangesIsNotBelieved() throws {
        let etag = ["ETag": ScriptedBucket.etag(content)]
        #expect(try read(.response(200, etag, content))?.code == .invalid)
        // Where all is asked for, all may come.
        #expect(try read(.response(200, etag, content), 0..<5000) == nil)
        #expect(try read(.response(200, etag, Array(content[..<200])), 0..<200)?.code == .invalid)
        // But what came has to be the version.
        #expect(try read(.response(200, ["ETag": "\"other\""], content), 0..<5000)?.code == .changed)
        #expect(try read(.response(200, [:], content), 0..<5000)?.code == .invalid)
    }

    @Test func whatBreaksOffIsAskedAgain() throws {
        let part = Array(content[100..<300])
        #expect(try read(.short(206, headers(100..<300, of: 5000), part, count: 100))?.code == .transient)
        #expect(try read(.short(206, headers(100..<300, of: 5000), part, count: 0))?.code == .transient)
        #expect(try read(.reset)?.code == .transient)
        #expect(try read(.garbage([]))?.code == .transient)
        for text in ["hello\r\nare you there\r\n\r\nbye\r\n", "HTTP/9.9 what\r\n\r\n", "\u{0}\u{1}\u{2}"] {
            let found = try read(.garbage(bytes(text)))?.code
            #expect(found == .invalid || found == .transient, "\(String(describing: found))")
        }
    }

    @Test func nothingOutlastsItsDeadline() throws {
        let part = Array(content[100..<300])
        let trickle = Answer.trickle(206, headers(100..<300, of: 5000), part, milliseconds: 50)
        for answer in [.hang, trickle, .trickle(503, [:], part, milliseconds: 50)] {
            let begin = monotonicNanoseconds()
            #expect(try read(answer, within: 0.5)?.code == .unreachable)
            let taken = monotonicNanoseconds() - begin
            #expect(taken > 400_000_000 && taken < 3_000_000_000)
        }
        let bucket = try ScriptedBucket()
        bucket.meddle { _ in .trickle(200, [:], part, milliseconds: 50) }
        let origin = try bucket.origin()
        #expect(code { _ = try origin.listing(within: 0.5) } == .unreachable)
        #expect(code { try origin.check(deadline: deadline(0.5)) } == .unreachable)
    }

    @Test func anotherVersionIsChanged() throws {
        #expect(try read(ScriptedBucket.error(412, "PreconditionFailed"))?.code == .changed)
        // The object was replaced under a server that knows no conditions: by its size, by its name of the version.
        #expect(try read(.response(206, headers(100..<300, of: 6000), Array(content[100..<300])))?.code == .changed)
        let other = headers(100..<300, of: 5000, etag: "\"other\"")
        #expect(try read(.response(206, other, Array(content[100..<300])))?.code == .changed)
        // It is shorter: the end of the part is missing, or all of it.
        #expect(try read(.response(206, headers(100..<200, of: 200), Array(content[100..<200])))?.code == .changed)
        #expect(try read(.response(416, ["Content-Range": "bytes */50"]))?.code == .changed)
        // It is not.
        #expect(try read(.response(416, ["Content-Range": "bytes */5000"]))?.code == .invalid)
    }

    @Test func anObjectThatGrowsWhileItIsReadIsChanged() throws {
        let bucket = try ScriptedBucket()
        let origin = try bucket.origin()
        #expect(try origin.part(of: "a.mp3", stamp, 0..<2000) == Array(content[..<2000]))
        let longer = content + [1, 2, 3]
        bucket.server.script = { ScriptedBucket.answer($0, ["a.mp3": longer]) }
        #expect(code { _ = try origin.part(of: "a.mp3", stamp, 2000..<5000) } == .changed)
        let now = try #require(try origin.walk()["a.mp3"])
        #expect(try origin.part(of: "a.mp3", now, 2000..<5003) == Array(longer[2000...]))
    }

    @Test func anEmptyObjectIsListedAndRead() throws {
        let bucket = try ScriptedBucket(["empty.mp3": []])
        let origin = try bucket.origin()
        let stamp = try #require(try origin.walk()["empty.mp3"])
        #expect(stamp.size == 0)
        #expect(try origin.status(bytes("empty.mp3"), deadline: deadline()).stamp.size == 0)
        #expect(try origin.part(of: "empty.mp3", stamp, 0..<0) == [])
    }

    @Test func tellsWhatIsWrongWithCredentials() throws {
        func said(_ status: Int, _ code: String) throws -> OriginError? {
            try read(ScriptedBucket.error(status, code))
        }
        let skewed = try said(403, "RequestTimeTooSkewed")
        #expect(skewed?.code == .permission && skewed?.message.contains("clock") == true)
        let expired = try said(403, "ExpiredToken")
        #expect(expired?.code == .permission && expired?.message.contains("session token") == true)
        #expect(try said(400, "ExpiredToken")?.code == .permission)
        #expect(try said(403, "InvalidAccessKeyId")?.code == .permission)
        #expect(try said(403, "SignatureDoesNotMatch")?.code == .permission)
        #expect(try said(403, "AccessDenied")?.code == .permission)
        #expect(try said(301, "PermanentRedirect")?.message.contains("region") == true)
    }
}
