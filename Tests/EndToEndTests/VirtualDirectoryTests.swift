import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// Searches as directories of the mount.
    @Suite struct VirtualDirectoryTests {
        private func makeTrack(_ library: MountedLibrary, _ name: String, title: String, artist: String) throws {
            let file = library.directory.path.appending("new.flac")
            let made = try run(
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "anoisesrc=duration=1:seed=\(title.count)",
                "-metadata", "artist=\(artist)", "-metadata", "album=Album", "-metadata", "title=\(title)", "-c:a",
                "flac", file.description)
            try #require(made.status == 0, "\(made.text)")
            try rename(file, to: library.origin.appending(name))
        }

        /// What a shell prints in the mount.
        private func inMount(_ library: MountedLibrary, _ script: String) throws -> [String] {
            let text = try shell("cd '\(library.mount)' && { \(script)\n} 2>&1").text
            return text.split(separator: "\n").map(String.init)
        }

        private func queries(_ library: MountedLibrary) throws -> Int {
            let metrics = try run(
                "curl", "-s", "--unix-socket", library.socket.description, "http://localhost/metrics"
            ).text
            let line = metrics.split(separator: "\n").first {
                $0.hasPrefix("musicfs_list_queries_total{directory=\".search\"}")
            }
            return try #require(line?.split(separator: " ").last.flatMap { Int($0) }, "\(metrics.prefix(200))")
        }

        @Test(.timeLimit(.minutes(1))) func searchesAreDirectoriesOfLinksThatPlay() throws {
            let library = try MountedLibrary()
            let names = ["Dark Side Blues", "The Dark Side", "Bright Side", "Darkness"]
            for (index, title) in names.enumerated() {
                try makeTrack(library, "\(index).flac", title: title, artist: "Artist \(index)")
            }
            try library.start()
            #expect(try eventually(20) { try inMount(library, "ls '.search/dark side'").count == 2 })
            #expect(
                try inMount(library, "ls '.search/dark side' | cut -c1-3,5-").map { String($0.dropFirst(3)) }.sorted()
                    == [
                        "Artist 0 - Dark Side Blues.flac", "Artist 1 - The Dark Side.flac",
                    ])
            let script = """
                for link in '.search/dark side'/*; do
                    cp -L "$link" ../copy && cmp ../copy "$(getfattr --only-values -n user.musicfs.real_path "$link")" || echo "$link differs"
                done
                ffprobe -v error -show_entries format_tags=title -of csv=p=0 '.search/title:blues'/*.flac
                """
            #expect(try inMount(library, script) == ["Dark Side Blues"])
            #expect(try inMount(library, "ls '.search/(('; ls '.search/year:[9 TO'").isEmpty)
            #expect(try inMount(library, "ls .search | sort") == ["dark side", "title:blues"])
            // What was saved is there too, unless it is more than a search.
            #expect(try library.musicfs("collection", "add", "Saved", "title:side OR genre:AC/DC").status == 0)
            #expect(try library.musicfs("collection", "add", "Other", "played:never").status == 0)
            #expect(
                try eventually {
                    try inMount(library, "ls .search | sort") == [
                        "dark side", "title:blues", "title:side OR genre:AC%2FDC",
                    ]
                })

            // What desktops look for everywhere runs no query.
            let before = try queries(library)
            let probes = """
                for name in .Trash .Trash-1000 .hidden .directory desktop.ini autorun.inf; do
                    stat ".search/$name" ".search/dark side/$name"
                done; stat '.search/dark side/cover.jpg'; stat .search/anything
                """
            #expect(try inMount(library, probes).count { $0.contains("No such file") } == 13)
            #expect(try queries(library) == before)

            // The tree is what it was.
            #expect(try inMount(library, "ls -A").allSatisfy { $0.hasPrefix("Artist ") })
            #expect(try inMount(library, "find . -name '.*' ! -name .; find . -type l").isEmpty)
            #expect(try library.files().count == 4)

            // A listing that a program has open follows the library.
            let handle = try open(library.mount.appending(".search/dark side"), .read)
            let held = "/proc/\(ThisProcess.pid)/fd/\(handle.raw)/."
            #expect(try inMount(library, "ls \(held)").count == 2)
            try makeTrack(library, "new.flac", title: "Another Dark Side", artist: "New")
            #expect(
                try eventually {
                    try inMount(library, "ls \(held)").contains { $0.hasSuffix("New - Another Dark Side.flac") }
                })

            library.configuration = nil
            try library.unmount()
            try writeFileAtomically(
                library.directory.path.appending("off.toml"), Array("[tree]\nvirtual_dirs = false\n".utf8))
            library.extraArguments = ["--config", library.directory.path.appending("off.toml").description]
            try library.start()
            #expect(
                try inMount(library, "ls -d .search .collections .prefetch").count { $0.contains("No such file") } == 3)
        }

        @Test(.timeLimit(.minutes(1))) func aListingThatIsReadOutlivesItsServers() throws {
            let library = try MountedLibrary()
            try makeTrack(library, "0.flac", title: "Track 0000", artist: "Artist")
            // Titles of one length: copies of one file.
            let copies = """
                import sys
                origin = sys.argv[1]
                with open(f"{origin}/0.flac", "rb") as file: track = file.read()
                assert track.count(b"Track 0000") == 1
                for n in range(1, 400):
                    with open(f"{origin}/{n}.flac", "wb") as file: file.write(track.replace(b"Track 0000", b"Track %04d" % n))
                """
            #expect(try run("python3", "-c", copies, library.origin.description).status == 0)
            try library.start()
            #expect(try eventually(30) { try inMount(library, "ls .search/track | wc -l") == ["400"] })
            let ready = library.directory.path.appending("ready")
            // Names, inode numbers and where the links lead, from directories that are held; a listing is read in pieces of 2 kB.
            let reader = """
                import ctypes, os, struct, sys, time
                mount, ready = sys.argv[1:]
                libc = ctypes.CDLL(None, use_errno=True)
                def look(folder):
                    found, buffer = [], ctypes.create_string_buffer(2000)
                    os.lseek(folder, 0, os.SEEK_SET)
                    while True:
                        count, at = libc.getdents64(folder, buffer, len(buffer)), 0
                        if count < 0: raise OSError(ctypes.get_errno(), "getdents64")
                        if count == 0: return found
                        while at < count:
                            inode, _, length = struct.unpack_from("<QqH", buffer, at)
                            name = os.fsdecode(ctypes.string_at(ctypes.addressof(buffer) + at + 19))
                            if name not in (".", ".."):
                                found.append((name, inode, os.readlink(name, dir_fd=folder)))
                            at += length
                        time.sleep(0.005)
                folders = [os.open(f"{mount}/.search/{q}", os.O_RDONLY) for q in ("track", "artist", "track OR nothing")]
                expected = [look(folder) for folder in folders]
                assert all(len(found) == 400 for found in expected), [len(found) for found in expected]
                open(ready, "w").close()
                rounds, errors = 0, []
                while os.path.exists(ready) or rounds < 3:
                    for folder, before in zip(folders, expected):
                        try:
                            after = look(folder)
                            if after != before: errors.append(f"{len(after)} of {len(before)}")
                        except OSError as e: errors.append(repr(e))
                        # Read anew, not from what the kernel has kept.
                        os.posix_fadvise(folder, 0, 0, os.POSIX_FADV_DONTNEED)
                    rounds += 1
                print(errors[:3])
                """
            let process = Process()
            let pipe = Pipe()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = ["python3", "-c", reader, library.mount.description, ready.description]
            process.standardOutput = pipe
            process.standardError = pipe
            try process.run()
            defer { process.terminate() }
            #expect(eventually(20) { (try? FileStatus.of(ready)) != nil || !process.isRunning })
            for _ in 0..<2 {
                let pid = try library.status().pid
                // Servers that die within a second are taken to die of their library.
                #expect(try eventually { try library.status().uptime_s >= 2 })
                kill(pid, SIGKILL)
                #expect(try eventually { try library.status().pid != pid })
            }
            try unlink(ready)
            process.waitUntilExit()
            let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            #expect(text == "[]\n", "\(text) \(library.log)")
        }
    }
}
