import Foundation
import MusicFSCore
import MusicFSSystem
import Synchronization
import TestSupport
import Testing

@testable import MusicFSOrigins

/// What becomes of a WebDAV server's answers.
@Suite struct WebDAVTests {
    private typealias Answer = ScriptedHTTPServer.Answer
    private let content = ScriptedBucket.content
    private let etag = ScriptedBucket.etag(ScriptedBucket.content)

    // MARK: Listing

    @Test func namesOfAllKindsComeAsTheyAre() throws {
        let names = [
            "with space.mp3", "100%.mp3", "a+b.mp3", "line\nbreak.mp3", "😀.mp3", "&<'.mp3", "f ö/é?#.mp3", "%2F.mp3",
        ]
        let files = Dictionary(uniqueKeysWithValues: names.map { ($0, bytes("content of \($0)")) })
        let folder = try ScriptedFolder(files)
        let origin = try folder.origin()
        let found = try origin.walk()
        #expect(Set(found.keys) == Set(names))
        for (name, content) in files {
            let stamp = try #require(found[name])
            #expect(try origin.part(of: name, stamp, 3..<content.count) == Array(content[3...]))
            #expect(try origin.status(bytes(name), deadline: deadline()).stamp == stamp)
        }
        #expect(folder.recorder.warnings.isEmpty)
    }

    @Test func filesAreAskedForWithoutASlashAndFoldersWithOne() throws {
        let folder = try ScriptedFolder()
        let origin = try folder.origin()
        let file = try origin.status(bytes("sub/b.mp3"), deadline: deadline())
        #expect(file.kind == .file && file.stamp.size == 3 && file.name == bytes("b.mp3"))
        #expect(folder.server.requests.map(\.path) == ["/dav/music/sub/b.mp3"])
        // A folder is found although the server sends us to its name with a slash.
        #expect(try origin.status(bytes("sub"), deadline: deadline()).kind == .folder)
        #expect(try origin.status([], deadline: deadline()).kind == .folder)
        #expect(code { _ = try origin.status(bytes("sub/none.mp3"), deadline: deadline()) } == .notFound)
    }

    @Test func namesThatLeadElsewhereAreLeftOutAndToldOnce() throws {
        let folder = try ScriptedFolder()
        let own = ScriptedFolder.resource("/dav/music/", nil)
        let bad = [
            "/dav/music/..", "/dav/music/x/../../../etc", "/dav/music/a%2Fb", "/dav/music/nul%00", "/dav/music/%zz", "",
        ]
        let outside = ["/dav/", "/dav/music2/x.mp3", "/etc/passwd", "http://other.example/x.mp3"]
        let inner = (bad + outside + ["/dav/music/good.mp3", "http://other.example/dav/music/whole.mp3"])
            .map { ScriptedFolder.resource($0, [1]) }.joined()
        folder.meddle { _ in ScriptedFolder.multistatus(own + inner) }
        let names = try Set(folder.origin().listing().map(\.name))
        #expect(names == Set(["good.mp3", "whole.mp3"].map(bytes)))
        #expect(folder.recorder.warnings.count == 1)
        #expect(
            folder.recorder.warnings.first?.contains("count=\(bad.count) ") == true)
    }

    @Test func aListingWithoutTheFolderItselfIsAnError() throws {
        let folder = try ScriptedFolder()
        let origin = try folder.origin()
        for inner in [
            "", ScriptedFolder.resource("/other/", nil) + ScriptedFolder.resource("/other/a.mp3", [1]),
            // A file where the folder should be.
            ScriptedFolder.resource("/dav/music", [1]),
        ] {
            folder.meddle { _ in ScriptedFolder.multistatus(inner) }
            #expect(code { _ = try origin.listing() } == .invalid)
            #expect(code { try origin.check(deadline: deadline()) } == .invalid)
            #expect(code { _ = try origin.status(bytes("a.mp3"), deadline: deadline()) } == .invalid)
        }
    }

    @Test func aListingThatIsCutIsAnErrorAndNeverAShorterOne() throws {
        let files = Dictionary(uniqueKeysWithValues: (0..<4).map { ("\($0).mp3", [UInt8(1)]) })
        let folder = try ScriptedFolder(files)
        let origin = try folder.origin()
        let request = try #require(
            {
                _ = try? origin.listing()
                return folder.server.requests.first
            }())
        guard case .response(_, let headers, let text) = ScriptedFolder.answer(request, files) else { return }
        for count in stride(from: 0, to: text.count, by: 61) + [text.count - 1] {
            for answer in [
                Answer.short(207, headers, text, count: count), .unframed(207, headers, Array(text[..<count])),
                .response(207, headers, Array(text[..<count])),
            ] {
                folder.meddle { _ in answer }
                #expect(code { _ = try origin.listing() } == .transient)
            }
        }
    }

    @Test(arguments: [(503, true), (500, true), (403, false), (404, false)])
    func aFileThatTheServerCannotTellOfForNowIsNotLeftOut(_ status: Int, _ isBusy: Bool) throws {
        let folder = try ScriptedFolder()
        let line = "<D:status>HTTP/1.1 \(status) X</D:status>"
        for inner in [line, "<D:propstat><D:prop/>\(line)</D:propstat>"] {
            let bad = "<D:response><D:href>/dav/music/bad.mp3</D:href>\(inner)</D:response>"
            folder.meddle { _ in
                ScriptedFolder.multistatus(
                    ScriptedFolder.resource("/dav/music/", nil) + bad + ScriptedFolder.resource("/dav/music/a.mp3", [1])
                )
            }
            let origin = try folder.origin()
            if isBusy {
                #expect(code { _ = try origin.listing() } == .transient)
            } else {
                #expect(try origin.listing().map(\.name) == [bytes("a.mp3")])
            }
        }
    }

    @Test(arguments: [200, 207, 302, 404, 403, 502, 503, 429])
    func aPageIsNeverAListing(_ status: Int) throws {
        let folder = try ScriptedFolder()
        folder.meddle { _ in .page(status) }
        let origin = try folder.origin()
        let expected: OriginError.Code =
            [429, 502, 503].contains(status) ? .transient : status == 403 ? .permission : .invalid
        #expect(code { _ = try origin.listing() } == expected)
        #expect(code { try origin.check(deadline: deadline()) } == expected)
        // Below the root a 404 is only believed while the root is well.
        let below = code { _ = try origin.listing("sub") }
        #expect(below == (status == 404 ? .transient : expected))
    }

    // MARK: Reading

    private func read(
        _ answer: Answer, _ range: Range<Int> = 100..<300, etag: String? = nil, within seconds: Double = 5
    )
        throws -> OriginError?
    {
        let folder = try ScriptedFolder()
        folder.meddle { $0.method == "GET" ? answer : nil }
        let origin = try folder.origin()
        let modified = try #require(HTTPDate.nanoseconds(ScriptedFolder.date))
        let stamp = FileStamp(
            size: Int64(content.count), modified: modified, inode: 0, etag: Array((etag ?? self.etag).utf8))
        return failure {
            let part = try origin.part(of: "a.mp3", stamp, range, within: seconds)
            #expect(part == Array(content[range]))
        }
    }

    private func right(_ more: [String: String] = [:], size: Int = 5000) -> [String: String] {
        ["Content-Range": "bytes 100-299/\(size)"].merging(more) { _, new in new }
    }

    @Test func anotherVersionIsChanged() throws {
        let part = Array(content[100..<300])
        let date = ["Last-Modified": ScriptedFolder.date]
        let later = ["Last-Modified": "Sat, 21 Nov 2026 03:00:18 GMT"]
        #expect(try read(.page(412))?.code == .changed)
        #expect(try read(.page(416))?.code == .changed)
        #expect(try read(.response(206, right(size: 6000), part))?.code == .changed)
        #expect(try read(.response(206, right(["ETag": "\"other\""]), part))?.code == .changed)
        #expect(try read(.response(206, right(["ETag": etag]), part)) == nil)
        // Weak names, and none: then the date counts.
        #expect(
            try read(.response(206, right(["ETag": "W/\"x\""].merging(date) { a, _ in a }), part), etag: "W/\"x\"")
                == nil)
        #expect(try read(.response(206, right(["ETag": "W/\"y\""]), part), etag: "W/\"x\"")?.code == .changed)
        #expect(try read(.response(206, right(later), part), etag: "W/\"x\"")?.code == .changed)
        #expect(try read(.response(206, right(date), part), etag: "") == nil)
        #expect(try read(.response(206, right(later), part), etag: "")?.code == .changed)
    }

    @Test func conditionsAreSentForStrongNamesAlone() throws {
        let folder = try ScriptedFolder()
        let origin = try folder.origin()
        let stamp = try #require(try origin.walk()["a.mp3"])
        folder.server.forgetRequests()
        _ = try origin.part(of: "a.mp3", stamp, 0..<10)
        var weak = stamp
        weak.etag = bytes("W/\(etag)")
        _ = try origin.part(of: "a.mp3", weak, 0..<10)
        #expect(folder.server.requests.map { $0.headers["if-match"] } == [etag, nil])
        // The server's own check.
        var other = stamp
        other.etag = bytes("\"other\"")
        #expect(code { _ = try origin.part(of: "a.mp3", other, 0..<10) } == .changed)
    }

    @Test func badAnswersAreNoReasonToDropAFile() throws {
        let part = Array(content[100..<300])
        for range in [0..<5000, 100..<134] { #expect(try read(.page(200), range)?.code == .invalid) }
        #expect(try read(.response(200, ["ETag": etag], content))?.code == .invalid)
        #expect(try read(.response(200, ["ETag": etag], content), 0..<5000) == nil)
        #expect(try read(.response(206, ["Content-Range": "bytes 101-300/5000"], part))?.code == .invalid)
        #expect(try read(.short(206, right(), part, count: 50))?.code == .transient)
        #expect(try read(.reset)?.code == .transient)
        #expect(try read(.page(503))?.code == .transient)
        #expect(try read(.page(302))?.code == .invalid)
        #expect(try read(.hang, within: 0.5)?.code == .unreachable)
        #expect(try read(.trickle(206, right(), part, milliseconds: 50), within: 0.5)?.code == .unreachable)
    }

    @Test func anAbsentFileIsBelievedWhileTheRootIsWell() throws {
        #expect(try read(.page(404))?.code == .notFound)
        let folder = try ScriptedFolder()
        let origin = try folder.origin()
        folder.meddle { _ in .page(404) }
        #expect(code { _ = try origin.part(of: "a.mp3", ScriptedBucket.stamp(content), 0..<10) } == .transient)
        #expect(code { _ = try origin.status(bytes("a.mp3"), deadline: deadline()) } == .transient)
    }

    // MARK: Logging in

    private func credentials(_ directory: TestDirectory, password: String = TestSecret.password) throws -> FilePath {
        let file = directory.path.appending("dav.toml")
        try writeFileAtomically(file, bytes("username = \"alice\"\npassword = \"\(password)\"\n"))
        return file
    }

    @Test func basicCostsOneQuestionInAll() throws {
        let directory = try TestDirectory()
        let login = ScriptedLogin()
        let folder = try ScriptedFolder()
        folder.meddle {
            $0.headers["authorization"] == login.basic ? nil : ScriptedLogin.question(["Basic realm=\"music\""])
        }
        let origin = try folder.origin(credentials: credentials(directory))
        for _ in 0..<3 { try origin.check(deadline: deadline()) }
        let stamp = try #require(try origin.walk()["a.mp3"])
        #expect(try origin.part(of: "a.mp3", stamp, 0..<5000) == content)
        // Three checks, two folders, one read; and the question.
        #expect(folder.server.requests.count == 7)
        #expect(
            folder.server.requests.first?.headers["authorization"] == nil, "nothing is shown before it is asked for")
        _ = try credentials(directory, password: "wrong")
        #expect(code { try origin.check(deadline: deadline()) } == .permission)
        _ = try credentials(directory)
        try origin.check(deadline: deadline())
        folder.recorder.expectNoSecrets()
    }

    @Test func digestCostsOneQuestionPerConnection() throws {
        let directory = try TestDirectory()
        let login = ScriptedLogin()
        let folder = try ScriptedFolder()
        let nonce = Mutex("first")
        folder.meddle { request in
            let current = nonce.withLock { $0 }
            if login.isRight(request, nonce: current) { return nil }
            let isStale = request.headers["authorization"] != nil
            return ScriptedLogin.question([
                ScriptedLogin.digest(current) + (isStale ? ", stale=true" : ""), "Basic realm=\"music\"",
            ])
        }
        let origin = try folder.origin(credentials: credentials(directory))
        for _ in 0..<3 { try origin.check(deadline: deadline()) }
        let stamp = try #require(try origin.walk()["a.mp3"])
        #expect(try origin.part(of: "a.mp3", stamp, 0..<5000) == content)
        #expect(folder.server.requests.count == 7)
        // The server takes another nonce.
        nonce.withLock { $0 = "second" }
        for _ in 0..<3 { try origin.check(deadline: deadline()) }
        #expect(folder.server.requests.count == 11)
        for request in folder.server.requests {
            #expect(request.headers["authorization"]?.hasPrefix("Basic") != true, "the weaker one was shown")
        }
        folder.recorder.expectNoSecrets()
    }

    @Test func aServerThatAsksForAnotherWayIsAnswered() throws {
        let directory = try TestDirectory()
        let login = ScriptedLogin()
        let folder = try ScriptedFolder()
        let origin = try folder.origin(credentials: credentials(directory))
        folder.meddle { login.isRight($0, nonce: "n") ? nil : ScriptedLogin.question([ScriptedLogin.digest("n")]) }
        try origin.check(deadline: deadline())
        folder.meddle {
            $0.headers["authorization"] == login.basic ? nil : ScriptedLogin.question(["Basic realm=\"music\""])
        }
        try origin.check(deadline: deadline())
        folder.server.forgetRequests()
        try origin.check(deadline: deadline())
        #expect(folder.server.requests.count == 1)
        folder.meddle { login.isRight($0, nonce: "m") ? nil : ScriptedLogin.question([ScriptedLogin.digest("m")]) }
        try origin.check(deadline: deadline())
        folder.server.forgetRequests()
        try origin.check(deadline: deadline())
        #expect(folder.server.requests.count == 1)
    }

    @Test func withoutCredentialsNothingIsShown() throws {
        let folder = try ScriptedFolder()
        let origin = try folder.origin()
        try origin.check(deadline: deadline())
        folder.meddle { _ in ScriptedLogin.question(["Basic realm=\"music\""]) }
        #expect(code { try origin.check(deadline: deadline()) } == .permission)
        #expect(folder.server.requests.allSatisfy { $0.headers["authorization"] == nil })
    }
}
