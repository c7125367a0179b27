import Foundation
import MusicFSCache
import MusicFSCore
import MusicFSSystem
import Synchronization
import TestSupport
import Testing

@testable import MusicFSFUSE

/// Virtual directories as other programs see them, with lists that a test holds in its hand.
@Suite(.enabled(if: canMount))
struct VirtualDirectoryTests {
    /// Lists by their names, and how often their tracks were asked for.
    private final class Lists: TrackLists {
        struct Failure: Error {}

        let name: String
        let hasPlaylists: Bool
        private let state = Condition(State())

        private struct State: Sendable {
            var lists: [String: [Int64]] = [:]
            var queries = 0
            var isHeld = false
            var fails = false
        }

        init(_ name: String, hasPlaylists: Bool) {
            self.name = name
            self.hasPlaylists = hasPlaylists
        }

        subscript(list: String) -> [Int64]? {
            get { state.withLock { $0.lists[list] } }
            set { state.withLock { $0.lists[list] = newValue } }
        }

        var queries: Int { state.withLock { $0.queries } }
        /// Queries wait until it is let go.
        var isHeld: Bool {
            get { state.withLock { $0.isHeld } }
            set {
                state.withLock { $0.isHeld = newValue }
                state.broadcast()
            }
        }
        var fails: Bool {
            get { state.withLock { $0.fails } }
            set { state.withLock { $0.fails = newValue } }
        }

        func names() throws -> [String] {
            // Those behind the first are none that could be entered.
            state.withLock { Array($0.lists.keys) } + ["a/b", "", "..", ".hidden", "a\u{1}b", "unknown"]
        }
        // As search takes whatever is written, and collections only what there is.
        func accepts(_ name: String) -> Bool { !hasPlaylists || state.withLock { $0.lists[name] != nil } }
        func tracks(of name: String, limit: Int) throws -> [Int64]? {
            state.withLock { $0.queries += 1 }
            return try state.wait { state -> Result<[Int64]?, any Error>? in
                if state.isHeld { return nil }
                return Result {
                    if state.fails { throw Failure() }
                    return state.lists[name].map { Array($0.prefix(limit)) } ?? (hasPlaylists ? nil : [])
                }
            }.get()
        }
    }

    private final class Hints: HintReceiver {
        let nodes = Mutex<[Int64]>([])
        func hint(node: Int64) { nodes.withLock { $0.append(node) } }
    }

    /// A mount with some tracks by one artist.
    private final class Mount {
        let byHand: MountByHand
        let search = Lists(".search", hasPlaylists: false)
        let collections = Lists(".collections", hasPlaylists: true)
        let hints = Hints()
        private let timer: DeadlineTimer
        private var server: FUSEServer?
        private var added = 0

        init(tracks: Int, deadline: Duration = .seconds(20), isOff: Bool = false) throws {
            byHand = try MountByHand()
            timer = try DeadlineTimer()
            try add(tracks)
            try start(deadline: deadline, isOff: isOff)
        }

        deinit { _ = server?.stop(until: monotonicNanoseconds()) }

        func start(deadline: Duration = .seconds(20), isOff: Bool = false) throws {
            let predecessor = server
            if let predecessor { #expect(predecessor.stop(until: monotonicNanoseconds() + 1_000_000_000)) }
            let virtual = VirtualDirectories(
                lists: [search, collections], hints: hints, timer: timer, deadline: deadline)
            let server = try byHand.makeServer(isOff ? nil : virtual)
            try server.start(threads: 1)
            self.server = server
            // The last that the predecessor's thread answers.
            if predecessor != nil { _ = try shell("ls 'nothing 1' 'nothing 2' 'nothing 3'") }
        }

        func add(_ count: Int) throws {
            _ = try byHand.library.apply(
                (added..<added + count).map { number in
                    let tags = Tags(entries: [
                        Tags.Entry(.title, "Song \(number)"), Tags.Entry(.artist, "Artist"),
                        Tags.Entry(.albumArtist, "Artist"), Tags.Entry(.album, "Album"),
                    ])
                    return .audio(
                        OriginFile(origin: byHand.origin, folder: [], name: Array("\(number).mp3".utf8)),
                        FileStamp(size: 1, modified: 1_000_000_000, inode: UInt64(number + 1)),
                        .report(MediaReport(tags: tags)))
                })
            added += count
        }

        /// The ids of all tracks, by their titles' numbers.
        func tracks() throws -> [Int64] {
            let reader = try byHand.library.makeTreeReader()
            return try (1...Int64(added) + 10).compactMap { id in
                try reader.track(id).map { (id, Int($0.title?.split(separator: " ").last ?? "") ?? 0) }
            }.sorted { $0.1 < $1.1 }.map(\.0)
        }

        func changed(_ directory: String? = nil) { server?.listsChanged(in: directory) }
        func namesChanged(_ directory: String) { server?.namesChanged(in: directory) }
        func shell(_ script: String) throws -> [String] { try byHand.shell(script).lines }
    }

    private static func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
        let end = Date().addingTimeInterval(10 * patience)
        while Date() < end {
            if try condition() { return true }
            usleep(20_000)
        }
        return try condition()
    }

    @Test func linksAreNumberedAndLeadToTheirTracks() throws {
        let mount = try Mount(tracks: 12)
        let tracks = try mount.tracks()
        mount.search["dark side"] = [tracks[3], tracks[11], 999_999, tracks[0]]
        let names = ["001 Artist - Song 3.mp3", "002 Artist - Song 11.mp3", "003 Artist - Song 0.mp3"]
        #expect(try mount.shell("ls '.search/dark side/'") == names)
        #expect(
            try mount.shell(
                "stat -c '%A %h %F' .search '.search/dark side' '.search/dark side/001 Artist - Song 3.mp3'") == [
                    "dr-xr-xr-x 2 directory", "dr-xr-xr-x 2 directory", "lrwxrwxrwx 1 symbolic link",
                ])
        let script = """
            cd '.search/dark side'
            for link in *; do
                [ "$(readlink "$link" | tr -d '\\n' | wc -c)" = "$(stat -c %s "$link")" ] || echo "size of $link"
                readlink -e "$link" | grep -q '/mount/Artist/Album.*/Song' || echo "$link leads nowhere"
                stat -L -c '%F' "$link"
            done
            """
        #expect(try mount.shell(script) == Array(repeating: "regular file", count: 3))
        #expect(
            try mount.shell("readlink '.search/dark side/002 Artist - Song 11.mp3'").first?.hasPrefix(
                "../../Artist/Album [MP3]/Song 11") == true)
        #expect(try mount.shell("ls -a '.search/nothing is found'") == [".", ".."])
        #expect(
            try mount.byHand.shell("ls .collections/unknown").lines == [
                "ls: cannot access '.collections/unknown': No such file or directory"
            ])
    }

    @Test func theRootDoesNotShowThemAndAWalkDoesNotFindThem() throws {
        let mount = try Mount(tracks: 3)
        mount.search["x"] = try mount.tracks()
        mount.collections["y"] = try mount.tracks()
        #expect(
            try mount.shell("ls .search/x | wc -l; ls .collections/y.m3u8 .prefetch/Artist -d") == [
                "3", ".collections/y.m3u8", ".prefetch/Artist",
            ])
        #expect(try mount.shell("ls -a") == [".", "..", "Artist"])
        #expect(
            try mount.shell("find . | grep -v Song; find . -type f | wc -l") == [
                ".", "./Artist", "./Artist/Album [MP3]", "3",
            ])
        try mount.start(isOff: true)
        let gone = try mount.shell("for name in .search .collections .prefetch; do stat $name || true; done")
        #expect(gone.count == 3 && gone.allSatisfy { $0.contains("No such file") }, "\(gone)")
        try mount.start()
        #expect(try mount.shell("ls .search/x | wc -l") == ["3"])
    }

    @Test func onlyReadingADirectoryAsksForItsTracks() throws {
        let mount = try Mount(tracks: 3)
        mount.search["x"] = try mount.tracks()
        let probes = [".Trash", ".Trash-1000", ".hidden", ".directory", "desktop.ini", "Thumbs.db", "autorun.inf"]
        for probe in probes { #expect(try mount.byHand.shell("stat '.search/\(probe)'").status != 0) }
        for probe in probes + ["cover.jpg", "folder.jpg", "01 x.flac", "x"] {
            #expect(try mount.byHand.shell("stat '.search/x/\(probe)'").status != 0)
        }
        #expect(
            try mount.shell("stat -c %F .search/x .search/whatever; ls -d .search/other; [ -x .search/x ] && echo may")
                .count == 4)
        #expect(mount.search.queries == 0)
        #expect(try mount.shell("ls .search/x; cd .search/x; ls; ls -l; cat * 2>/dev/null; stat -L *").count > 6)
        #expect(mount.search.queries == 1)
        #expect(
            try mount.shell("ls '.search/x/002 Artist - Song 1.mp3' '.search/x/004 Artist - Song 1.mp3'").count == 2)
        #expect(mount.search.queries == 1)
        // A name that looks like one of the links is worth a query.
        #expect(try mount.byHand.shell("stat '.search/another/001 x.mp3'").status != 0)
        #expect(mount.search.queries == 2)
    }

    @Test func namesThatCanBeNoListAreNotThere() throws {
        let mount = try Mount(tracks: 1)
        let long = String(repeating: "x", count: 255)
        for name in ["$'\\xff\\xfe'", "$'a\\nb'", "$'\\x01'", "$'\\xc3'"] {
            #expect(try mount.byHand.shell("stat .search/\(name)").status == 1, "\(name)")
        }
        for name in ["'*'", "'~3'", "'year:[9 TO'", "'((('", "' '", long, "'\"'", "'-'"] {
            #expect(try mount.shell("ls .search/\(name) | wc -l") == ["0"], "\(name)")
        }
        #expect(try mount.byHand.shell("stat .search/\(long)x").status == 1)
    }

    @Test func aListThatIsReadNowDoesNotHoldUpTheOthers() throws {
        let mount = try Mount(tracks: 3, deadline: .seconds(2))
        mount.search["x"] = try mount.tracks()
        mount.collections["y"] = try mount.tracks()
        mount.search.isHeld = true
        let script = """
            ls .search/x > \(mount.byHand.directory.path)/held 2>&1; echo $? >> \(mount.byHand.directory.path)/held
            """
        let held = mount.byHand.directory.path.appending("held")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", "cd '\(mount.byHand.mount)'; \(script)"]
        try process.run()
        #expect(Self.eventually { mount.search.queries == 1 })
        #expect(
            try mount.shell("stat -c %F .search/x .search/z; ls .collections/y | wc -l; ls Artist") == [
                "directory", "directory", "3", "Album [MP3]",
            ])
        // Nobody lets it go: an error at the deadline.
        process.waitUntilExit()
        let text = try String(contentsOfFile: held.description, encoding: .utf8)
        #expect(text == "ls: reading directory '.search/x': Input/output error\n2\n")
        mount.search.isHeld = false
        #expect(try mount.shell("ls .search/x | wc -l") == ["3"])
        mount.search.fails = true
        #expect(
            try mount.byHand.shell("ls .search/fails").lines == [
                "ls: reading directory '.search/fails': Input/output error"
            ])
    }

    @Test func aSuccessorServesWhatItsPredecessorGaveOut() throws {
        let mount = try Mount(tracks: 1000)
        mount.search["all"] = try mount.tracks().reversed()
        mount.collections["c"] = Array(try mount.tracks().prefix(5))
        let first = try mount.shell("ls -1Ui .search/all; cat .collections/c.m3u8")
        #expect(first.count == 1000 + 11 && first[999].hasSuffix("1000 Artist - Song 0.mp3"))
        // Held: directories, links and files that are reached with no look-up of their names.
        let script = """
            cd .search/all; exec 3< ../../.collections/c.m3u8; read -r line <&3; echo "$line"
            exec 4< <(find . -maxdepth 1 -printf '%i %l\\n'); read -r line <&4
            touch '\(mount.byHand.directory.path)/ready'
            while [ -e '\(mount.byHand.directory.path)/ready' ]; do sleep 0.02; done
            ls -1Ui .; cat <&3; cat <&4 | wc -l
            """
        let output = mount.byHand.directory.path.appending("output")
        let ready = mount.byHand.directory.path.appending("ready")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", "cd '\(mount.byHand.mount)'; { \(script); } > \(output) 2>&1"]
        try process.run()
        #expect(Self.eventually { (try? FileStatus.of(ready)) != nil })
        try mount.start()
        try unlink(ready)
        process.waitUntilExit()
        let lines = try String(contentsOfFile: output.description, encoding: .utf8).split(separator: "\n").map(
            String.init)
        #expect(lines.first == "#EXTM3U")
        #expect(Array(lines.dropFirst().prefix(1000)) == Array(first.prefix(1000)))
        #expect(Array(lines.dropFirst(1001).prefix(10)) == Array(first.suffix(10)))
        #expect(lines.last == "1000")
        // Of which one may be of the request that the predecessor's thread still took.
        #expect((2...3).contains(mount.search.queries))
    }

    @Test func listingsFollowWhatTheListsHold() throws {
        let mount = try Mount(tracks: 5)
        let tracks = try mount.tracks()
        mount.search["x"] = [tracks[0]]
        let handle = try open(mount.byHand.mount.appending(".search/x"), .read)
        let held = "/proc/\(ThisProcess.pid)/fd/\(handle.raw)/."
        #expect(try mount.shell("ls \(held); ls .search/x; ls .search/x").count == 3)
        #expect(mount.search.queries == 1)
        let time = try mount.shell("stat -c %y \(held)")
        mount.search["x"] = tracks
        #expect(try mount.shell("ls \(held)").count == 1, "the listing was not cached: this test shows nothing")
        mount.changed(".collections")
        #expect(try mount.shell("ls \(held)").count == 1)
        mount.changed()
        #expect(try Self.eventually { try mount.shell("ls \(held)").count == 5 })
        #expect(try mount.shell("ls .search/x").count == 5)
        #expect(try mount.shell("stat -c %y \(held)").joined() > time.joined())
        #expect(mount.search.queries == 2)
        // A track that moves takes its links along.
        let link = ".search/x/005 Artist - Song 4.mp3"
        let target = try mount.shell("readlink '\(link)'")
        _ = try mount.byHand.library.apply([
            .audio(
                OriginFile(origin: mount.byHand.origin, folder: [], name: Array("4.mp3".utf8)),
                FileStamp(size: 1, modified: 2_000_000_000, inode: 5),
                .report(
                    MediaReport(tags: Tags(entries: [Tags.Entry(.title, "Moved"), Tags.Entry(.artist, "Other")]))))
        ])
        #expect(try mount.shell("readlink '\(link)'") != target)
        // The test's library tells nobody of its commits.
        mount.changed()
        #expect(try Self.eventually { try mount.shell("ls .search/x").last == "005 Other - Moved.mp3" })
        #expect(try mount.shell("readlink -e '.search/x/005 Other - Moved.mp3' | grep -c /Other/") == ["1"])
    }

    @Test func newListsAreShownAndTheOthersNotAskedForAgain() throws {
        let mount = try Mount(tracks: 2)
        mount.search["x"] = try mount.tracks()
        let handle = try open(mount.byHand.mount.appending(".search"), .read)
        let held = "/proc/\(ThisProcess.pid)/fd/\(handle.raw)/."
        #expect(try mount.shell("ls \(held) | grep -v unknown; ls .search/x").count == 3)
        #expect(
            try mount.shell("stat -c '%F %i' .search/x")
                == mount.shell("echo directory $(ls -i .search | grep x | cut -d' ' -f1)"))
        mount.search["y"] = []
        #expect(try mount.shell("ls \(held)").filter { $0 != "unknown" } == ["x"])
        mount.namesChanged(".search")
        #expect(try Self.eventually { try mount.shell("ls \(held)").filter { $0 != "unknown" } == ["x", "y"] })
        #expect(try mount.shell("ls .search/x | wc -l") == ["2"])
        #expect(mount.search.queries == 1)
    }

    @Test func playlistsAreFilesWithExactSizes() throws {
        let mount = try Mount(tracks: 300)
        let tracks = try mount.tracks()
        mount.collections["my list"] = Array(tracks.prefix(2))
        mount.collections["long"] = tracks
        #expect(try mount.shell("ls .collections | sort") == ["long", "long.m3u8", "my list", "my list.m3u8"])
        let text = try mount.shell("cat '.collections/my list.m3u8'")
        #expect(text.first == "#EXTM3U" && text.count == 5 && text[1] == "#EXTINF:-1,Artist - Song 0")
        let script = """
            cd .collections; f=long.m3u8
            [ "$(stat -c '%s %A' $f)" = "$(wc -c < $f) -r--r--r--" ] || stat $f
            for skip in 0 1 4095 4096 5000 100000; do
                cmp <(dd if=$f bs=1 skip=$skip count=700 status=none) <(cat $f | tail -c +$((skip + 1)) | head -c 700)
            done
            grep -v '^#' $f | while read -r path; do [ -e "$path" ] || echo "$path is not there"; done
            [ "$(ls -id $f)" = "$(ls -i | grep m3u8 | grep long)" ] || ls -i
            """
        #expect(try mount.shell(script).isEmpty)
        // What is open is read on as it was; who opens it anew gets what the list holds now.
        let inode = try mount.shell("stat -c %i '.collections/my list.m3u8'")
        mount.collections["my list"] = Array(tracks.prefix(3))
        let both = """
            exec 3< '.collections/my list.m3u8'; touch \(mount.byHand.directory.path)/opened
            while [ -e \(mount.byHand.directory.path)/opened ]; do sleep 0.02; done; cat <&3 | wc -l
            """
        let opened = mount.byHand.directory.path.appending("opened")
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", "cd '\(mount.byHand.mount)'; { \(both); } 2>&1"]
        process.standardOutput = pipe
        try process.run()
        #expect(Self.eventually { (try? FileStatus.of(opened)) != nil })
        mount.changed()
        #expect(try Self.eventually { try mount.shell("cat '.collections/my list.m3u8' | wc -l") == ["7"] })
        #expect(
            try mount.shell("stat -c %s '.collections/my list.m3u8'")
                == mount.shell("cat '.collections/my list.m3u8' | wc -c"))
        try unlink(opened)
        process.waitUntilExit()
        #expect(String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) == "5\n")
        #expect(try mount.shell("stat -c %i '.collections/my list.m3u8'") == inode)
        mount.collections["my list"] = nil
        #expect(try Self.eventually { try mount.byHand.shell("stat '.collections/my list.m3u8'").status != 0 })
    }

    @Test func lookingUpAFileBelowPrefetchIsAHint() throws {
        let mount = try Mount(tracks: 3)
        let file = try #require(try mount.shell("find . -type f | sort | sed 's/^..//'").first)
        #expect(
            try mount.shell("ls -a .prefetch '.prefetch/Artist/Album [MP3]' | grep -v '^\\.'; ls -d .prefetch/Artist")
                == [
                    "", ".prefetch/Artist",
                ])
        #expect(mount.hints.nodes.withLock { $0 } == [])
        #expect(
            try mount.shell(
                "stat -c %F '.prefetch/\(file)'; readlink -e '.prefetch/\(file)' | grep -cF '/mount/\(file)'") == [
                    "symbolic link", "1",
                ])
        let node = try #require(mount.hints.nodes.withLock { $0 }.first)
        #expect(mount.hints.nodes.withLock { $0.count } >= 2)
        #expect(try mount.byHand.library.makeTreeReader().path(ofFile: node)?.description == "/\(file)")
        #expect(try mount.byHand.shell("stat '.prefetch/Artist/nothing'").status == 1)
    }
}
