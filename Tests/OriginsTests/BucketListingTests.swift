import Foundation
import MusicFSCore
import MusicFSSystem
import Synchronization
import TestSupport
import Testing

@testable import MusicFSOrigins

/// Listings of S3: complete, or an error.
@Suite struct BucketListingTests {
    private static let names = [
        "plain.mp3", "with space.mp3", "100%.mp3", "a+b.mp3", "line\nbreak.mp3", "emoji 😀.mp3", "%2F.mp3", "&<>\"'.mp3",
        "folder/x.mp3", "fol der/é/%20.mp3", "folder/.mp3", "=?#.mp3",
    ]

    @Test func namesOfAllKindsComeAsTheyAre() throws {
        let objects = Dictionary(uniqueKeysWithValues: Self.names.map { ($0, bytes("content of \($0)")) })
        let bucket = try ScriptedBucket(objects)
        let origin = try bucket.origin()
        let found = try origin.walk()
        #expect(Set(found.keys) == Set(Self.names))
        #expect(try origin.listedWhole() == found)
        for (name, content) in objects {
            let stamp = try #require(found[name])
            #expect(try origin.part(of: name, stamp, 3..<content.count) == Array(content[3...]))
            #expect(try origin.status(bytes(name), deadline: deadline()).stamp == stamp)
        }
        #expect(bucket.recorder.warnings.isEmpty)
    }

    @Test func onlyWhatLiesBelowThePrefixIsShown() throws {
        let content = ScriptedBucket.content
        let bucket = try ScriptedBucket([
            "lib/a.mp3": content, "lib/b/c.mp3": content, "library.mp3": content, "other/d.mp3": content,
        ])
        let origin = try bucket.origin(prefix: "lib")
        #expect(try Set(origin.walk().keys) == ["a.mp3", "b/c.mp3"])
        #expect(try Set(origin.listedWhole().keys) == ["a.mp3", "b/c.mp3"])
        // Whatever else a server lists there is not silently left out.
        bucket.meddle { _ in ScriptedBucket.listing(ScriptedBucket.object("other/d.mp3")) }
        #expect(code { _ = try origin.listing() } == .invalid)
        #expect(code { _ = try origin.listedWhole() } == .invalid)
    }

    @Test func namesThatLeadElsewhereAreLeftOutAndToldOnce() throws {
        let bad = ["..", "../up.mp3", "/absolute.mp3", "a//b.mp3", "a/../../c.mp3", "./d.mp3", "nul\u{0}.mp3"]
        let listed = (bad + ["good.mp3", "a/good.mp3"]).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let bucket = try ScriptedBucket(Dictionary(uniqueKeysWithValues: listed.map { ($0, [1]) }))
        let origin = try bucket.origin()
        #expect(try Set(origin.listedWhole().keys) == ["good.mp3", "a/good.mp3"])
        #expect(bucket.recorder.warnings.count == 1)
        #expect(bucket.recorder.warnings.first?.contains("count=\(bad.count) ") == true)
        #expect(try Set(origin.listing().map(\.name)) == Set(["good.mp3", "a"].map(bytes)))
        // "..", "../", "/", "./" and the one with a zero.
        #expect(bucket.recorder.warnings.count == 2)
        #expect(bucket.recorder.warnings.last?.contains("count=5 ") == true)
        // Folders' own markers are nothing to warn of.
        let marked = try ScriptedBucket(["a/": [], "a/b/": [], "a/b/c.mp3": [1]])
        #expect(try Set(marked.origin().listedWhole().keys) == ["a/b/c.mp3"])
        #expect(try Set(marked.origin().walk().keys) == ["a/b/c.mp3"])
        #expect(marked.recorder.warnings.isEmpty)
    }

    /// A server whose listing has several pages, each named by a token.
    private func paged(_ pages: [String: (names: [String], next: String?)]) throws -> ScriptedBucket {
        let bucket = try ScriptedBucket()
        bucket.meddle { request in
            guard let page = pages[request["continuation-token"] ?? ""] else {
                return ScriptedBucket.error(400, "InvalidArgument")
            }
            return ScriptedBucket.listing(page.names.map { ScriptedBucket.object($0) }.joined(), next: page.next)
        }
        return bucket
    }

    @Test func pagesMakeOneListing() throws {
        let bucket = try paged(["": (["a", "b"], "t+/= é&amp;"), "t+/= é&": ([], "3"), "3": (["c"], nil)])
        let origin = try bucket.origin()
        #expect(try Set(origin.walk().keys) == ["a", "b", "c"])
        #expect(try Set(origin.listedWhole().keys) == ["a", "b", "c"])
    }

    @Test(.timeLimit(.minutes(1))) func listingsThatGoInCirclesEnd() throws {
        let circles: [[String: (names: [String], next: String?)]] = [
            ["": (["a"], "1"), "1": (["b"], "1")],
            ["": ([], "1"), "1": ([], "2"), "2": ([], "1")],
            ["": (["a"], "1"), "1": (["b"], "2"), "2": (["a"], "1")],
        ]
        for pages in circles {
            let bucket = try paged(pages)
            let origin = try bucket.origin()
            #expect(code { _ = try origin.listing(within: 20) } == .invalid)
            #expect(bucket.server.requests.count < 10)
            bucket.server.forgetRequests()
            #expect(failure { _ = try origin.listedWhole() } != nil)
            #expect(bucket.server.requests.count < 20)
        }
        // One that always goes on with another token.
        let counter = Mutex(0)
        for inner in ["", ScriptedBucket.object("a")] {
            let bucket = try ScriptedBucket()
            bucket.meddle { _ in
                ScriptedBucket.listing(inner, next: "\(counter.withLock { $0 += 1; return $0 })")
            }
            let origin = try bucket.origin()
            #expect(failure { _ = try origin.listing(within: 20) } != nil)
            #expect(failure { _ = try origin.listedWhole() } != nil)
        }
    }

    @Test func aListingOutOfOrderIsAskedForFolderByFolder() throws {
        let bucket = try paged(["": (["b", "c"], "1"), "1": (["a"], nil)])
        let origin = try bucket.origin()
        #expect(origin.listsWhole)
        #expect(code { _ = try origin.listedWhole() } == .transient)
        #expect(!origin.listsWhole)
        #expect(try Set(origin.walk().keys) == ["a", "b", "c"])
    }

    @Test func anObjectThatIsListedTwiceIsThereOnce() throws {
        let bucket = try paged(["": (["a", "b"], "1"), "1": (["b", "c"], nil)])
        let origin = try bucket.origin()
        #expect(try origin.listing().map(\.name).map { String(decoding: $0, as: UTF8.self) } == ["a", "b", "c"])
    }

    @Test func aListingThatIsCutIsAnErrorAndNeverAShorterOne() throws {
        let all = ScriptedBucket.listing(["a", "b", "c", "d"].map { ScriptedBucket.object($0) }.joined())
        guard case .response(_, let headers, let text) = all else { return }
        for count in stride(from: 0, to: text.count, by: 37) + [text.count - 1] {
            for answer in [
                ScriptedHTTPServer.Answer.short(200, headers, text, count: count),
                .unframed(200, headers, Array(text[..<count])), .response(200, headers, Array(text[..<count])),
            ] {
                let bucket = try ScriptedBucket()
                bucket.meddle { _ in answer }
                let origin = try bucket.origin()
                #expect(code { _ = try origin.listing() } == .transient)
            }
        }
        // Cut between pages, and a page that says that it goes on but not how.
        let bucket = try paged(["": (["a"], "1")])
        let origin = try bucket.origin()
        #expect(code { _ = try origin.listing() } == .invalid)
        let endless = try paged(["": (["a"], "")])
        #expect(code { _ = try endless.origin().listing() } == .invalid)
    }

    @Test(arguments: [
        "<Contents><Key>a</Key></Contents>", "<Contents><Size>1</Size></Contents>",
        "<Contents><Key>a</Key><Size>x</Size></Contents>", "<Contents><Key>a</Key><Size>-1</Size></Contents>",
        "<Contents><Key>%zz</Key><Size>1</Size></Contents>",
    ])
    func anObjectThatCannotBeReadIsNotLeftOut(_ element: String) throws {
        let bucket = try ScriptedBucket()
        bucket.meddle { _ in ScriptedBucket.listing(ScriptedBucket.object("b") + element) }
        let origin = try bucket.origin()
        #expect(code { _ = try origin.listing() } == .invalid)
        #expect(code { _ = try origin.listedWhole() } == .invalid)
    }

    @Test func aPageInsteadOfAListingIsAFailure() throws {
        for status in [200, 403, 404, 302] {
            let bucket = try ScriptedBucket()
            bucket.meddle { _ in .page(status) }
            let origin = try bucket.origin()
            for code in [
                code { _ = try origin.listing() }, code { _ = try origin.listedWhole() },
                code { try origin.check(deadline: deadline()) },
            ] {
                #expect(code == .invalid || code == .permission && status == 403)
            }
        }
    }
}
