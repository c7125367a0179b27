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
    @Test func linksAreNumberedAndLeadToTheirTracks() throws {
        let mount = try VirtualMount(tracks: 12)
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
        let mount = try VirtualMount(tracks: 3)
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
        let mount = try VirtualMount(tracks: 3)
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
        let mount = try VirtualMount(tracks: 1)
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
        let mount = try VirtualMount(tracks: 3, deadline: .seconds(2))
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
        #expect(eventually { mount.search.queries == 1 })
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

    @Test func aNameThatWaitsForAQueryHoldsUpNeitherItsDirectoryNorWhatIsTold() throws {
        let mount = try VirtualMount(tracks: 3, deadline: .seconds(60))
        mount.search["x"] = try mount.tracks()
        mount.search["y"] = try mount.tracks()
        #expect(try mount.shell("ls .search/y | wc -l") == ["3"])
        mount.search.isHeld = true
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["stat", mount.byHand.mount.appending(".search/x/002 Artist - Song 1.mp3").description]
        process.standardOutput = Pipe()
        try process.run()
        #expect(eventually { mount.search.queries == 2 })
        // The kernel is told of both directories while the name is looked up in one of them.
        mount.changed()
        #expect(try mount.byHand.shell("stat .search/x/cover.jpg").status == 1)
        #expect(try mount.shell("stat -c %F .search/x .search/y; ls Artist").count == 3)
        #expect(process.isRunning)
        mount.search.isHeld = false
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test func playlistsAreFilesWithExactSizes() throws {
        let mount = try VirtualMount(tracks: 300)
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
        #expect(eventually { (try? FileStatus.of(opened)) != nil })
        // The kernel still has the name of the file with the old bytes, and would cut the new ones to their length.
        _ = try mount.shell("stat '.collections/my list.m3u8'")
        mount.changed()
        #expect(try mount.shell("cat '.collections/my list.m3u8' | wc -l") == ["7"])
        #expect(
            try mount.shell("stat -c %s '.collections/my list.m3u8'")
                == mount.shell("cat '.collections/my list.m3u8' | wc -c"))
        try unlink(opened)
        process.waitUntilExit()
        #expect(String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) == "5\n")
        #expect(try mount.shell("stat -c %i '.collections/my list.m3u8'") == inode)
        mount.collections["my list"] = nil
        #expect(try eventually { try mount.byHand.shell("stat '.collections/my list.m3u8'").status != 0 })
    }

    @Test func lookingUpAFileBelowPrefetchIsAHint() throws {
        let mount = try VirtualMount(tracks: 3)
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
