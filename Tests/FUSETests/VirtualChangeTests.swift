import Foundation
import MusicFSCache
import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSFUSE

/// What is seen of virtual directories when lists, libraries and servers change.
@Suite(.enabled(if: canMount))
struct VirtualChangeTests {
    @Test func aSuccessorServesWhatItsPredecessorGaveOut() throws {
        let mount = try VirtualMount(tracks: 1000)
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
        #expect(eventually { (try? FileStatus.of(ready)) != nil })
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
        let mount = try VirtualMount(tracks: 5)
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
        #expect(try eventually { try mount.shell("ls \(held)").count == 5 })
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
        #expect(try eventually { try mount.shell("ls .search/x").last == "005 Other - Moved.mp3" })
        #expect(try mount.shell("readlink -e '.search/x/005 Other - Moved.mp3' | grep -c /Other/") == ["1"])
    }

    /// Reads a directory that it holds, and asks the kernel for no attributes of it, which would bring its new time.
    private static let watcher = """
        import ctypes, os, sys, time
        libc = ctypes.CDLL(None)
        folder, ready, buffer = os.open(sys.argv[1], os.O_RDONLY), sys.argv[2], ctypes.create_string_buffer(1 << 16)
        def look():
            os.lseek(folder, 0, os.SEEK_SET)
            found = 0
            # To the end: only then the kernel keeps it.
            while (count := libc.getdents64(folder, buffer, len(buffer))) > 0:
                found += buffer.raw[:count].count(b"Artist - Song")
            return found
        print(look())
        open(ready, "w").close()
        end = time.monotonic() + 10
        while look() == 1 and time.monotonic() < end: time.sleep(0.02)
        print(look())
        """

    @Test func theKernelIsToldOfListingsThatItHasKept() throws {
        let mount = try VirtualMount(tracks: 5)
        mount.search["x"] = Array(try mount.tracks().prefix(1))
        let ready = mount.byHand.directory.path.appending("ready")
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "python3", "-c", Self.watcher, mount.byHand.mount.appending(".search/x").description, ready.description,
        ]
        process.standardOutput = pipe
        try process.run()
        #expect(eventually { (try? FileStatus.of(ready)) != nil })
        mount.search["x"] = try mount.tracks()
        mount.changed()
        process.waitUntilExit()
        #expect(String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) == "1\n5\n")
    }

    @Test func linksOfALibraryThatIsGoneAreStale() throws {
        let mount = try VirtualMount(tracks: 3)
        mount.search["x"] = try mount.tracks()
        let script = """
            import os, sys, time
            os.chdir(sys.argv[1] + "/.search/x")
            link = os.open("001 Artist - Song 0.mp3", os.O_PATH | os.O_NOFOLLOW)
            print(os.readlink("", dir_fd=link))
            open(sys.argv[2], "w").close()
            while os.path.exists(sys.argv[2]): time.sleep(0.02)
            try: print(os.readlink("", dir_fd=link))
            except OSError as e: print(e.strerror)
            print(os.readlink("001 Artist - Song 3.mp3"))
            """
        let ready = mount.byHand.directory.path.appending("ready")
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script, mount.byHand.mount.description, ready.description]
        process.standardOutput = pipe
        try process.run()
        #expect(eventually { (try? FileStatus.of(ready)) != nil })
        try mount.byHand.replaceLibrary()
        try mount.add(2)
        // Titles go on counting: 3 and 4, and the first has the id of the old library's first.
        mount.search["x"] = try mount.tracks()
        try mount.start()
        try unlink(ready)
        process.waitUntilExit()
        let lines = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self).split(
            separator: "\n")
        #expect(lines.first?.hasSuffix("Song 0.mp3") == true)
        #expect(lines.dropFirst().first == "Stale file handle")
        #expect(lines.last?.hasSuffix("Song 3.mp3") == true)
    }

    @Test func newListsAreShownAndTheOthersNotAskedForAgain() throws {
        let mount = try VirtualMount(tracks: 2)
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
        #expect(try eventually { try mount.shell("ls \(held)").filter { $0 != "unknown" } == ["x", "y"] })
        #expect(try mount.shell("ls .search/x | wc -l") == ["2"])
        #expect(mount.search.queries == 1)
    }
}
