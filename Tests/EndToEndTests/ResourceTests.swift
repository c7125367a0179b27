import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// Descriptors and memory run out.
    @Suite struct ResourceTests {
        private func makeLibrary(_ environment: String...) throws -> MountedLibrary {
            let library = try MountedLibrary()
            let outcome = try run(
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "anoisesrc=duration=1:seed=1", "-metadata",
                "artist=A", "-metadata", "title=T", "-c:a", "flac", "\(library.origin)/1.flac")
            try #require(outcome.status == 0, "\(outcome.text)")
            library.prefix = ["env", "MUSICFS_TEST_HURRY=60"] + environment
            return library
        }

        /// Opens a file as often as it goes, reads through each, closes some and opens as many again, and waits for a line
        /// on its input in between.
        private static let opener = """
            import os, sys, errno
            path, most = sys.argv[1], int(sys.argv[2])
            expected = open(path, "rb").read()
            files, error = [], None
            def fill():
                global error
                while len(files) < most:
                    try: files.append(os.open(path, os.O_RDONLY))
                    except OSError as e:
                        error = errno.errorcode[e.errno]
                        break
            def whole(): return all(os.pread(f, len(expected), 0) == expected for f in files)
            fill()
            print(len(files), error, whole(), flush=True)
            sys.stdin.readline()
            for f in files[:10]: os.close(f)
            del files[:10]
            error, before = None, len(files)
            fill()
            print(len(files) - before, error, whole(), flush=True)
            for f in files: os.close(f)
            """

        private func python(_ library: MountedLibrary, most: Int) throws -> (Process, Pipe, Pipe) {
            let file = library.mount.appending(try #require(try library.files().first))
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = [
                "prlimit", "--nofile=8192", "python3", "-c", Self.opener, file.description, "\(most)",
            ]
            let (input, output) = (Pipe(), Pipe())
            process.standardInput = input
            process.standardOutput = output
            process.standardError = output
            try process.run()
            return (process, input, output)
        }

        private func line(_ pipe: Pipe) -> [String] {
            var bytes: [UInt8] = []
            while let byte = try? pipe.fileHandleForReading.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") {
                bytes.append(byte)
            }
            return String(decoding: bytes, as: UTF8.self).split(separator: " ").map(String.init)
        }

        @Test(.timeLimit(.minutes(1)), arguments: [32, 64, 127]) func tooFewDescriptorsAreRefusedWithARemedy(limit: Int)
            throws
        {
            let library = try makeLibrary()
            let outcome = try run(["prlimit", "--nofile=\(limit):\(limit)"] + library.mountArguments)
            #expect(outcome.status == 1)
            #expect(outcome.text.contains("only \(limit) files may be open"), "\(outcome.text)")
            #expect(outcome.text.contains("ulimit -n 65536"))
            #expect(try MountEntry.at(library.mount) == nil)
        }

        @Test(.timeLimit(.minutes(1)), arguments: [(128, "never"), (256, "auto"), (4096, "never")])
        func descriptorsRunOutAndNothingBreaks(limit: Int, passthrough: String) throws {
            let library = try makeLibrary()
            library.prefix += ["prlimit", "--nofile=\(limit):\(limit)"]
            library.configuration =
                Section.directory(library.origin, id: "local", type: "local")
                + "[fuse]\npassthrough = \"\(passthrough)\"\n"
            try library.start()
            let pid = try library.status().pid
            let (process, input, output) = try python(library, most: 8000)
            defer { if process.isRunning { process.terminate() } }
            let first = line(output)
            #expect(first.count == 3 && first.dropFirst() == ["EMFILE", "True"], "\(first)")
            let opened = try #require(Int(first[0]))
            #expect(opened > limit / 4 && opened < limit)
            #expect(try library.status().open_files == opened)
            if limit == 4096 {
                // The rest is for the daemon itself, and is not for what can wait.
                #expect(
                    try eventually {
                        let status = try library.status()
                        return status.state == "degraded"
                            && status.degraded_because.contains { $0.hasPrefix("descriptors: ") }
                    }, "\(library.log)")
                let refused = try library.musicfs("cache", "stats")
                #expect(refused.status != 0 && refused.text.contains("nearly all descriptors"), "\(refused.text)")
                #expect(refused.text.contains("LimitNOFILE"))
                #expect(library.log.contains("95 % of the descriptors are in use"))
            }
            input.fileHandleForWriting.write(Data("\n".utf8))
            // Those that were closed, and what the daemon itself had open at the first time.
            let second = line(output)
            #expect(
                (5..<100).contains(Int(second.first ?? "") ?? 0) && second.dropFirst() == ["EMFILE", "True"],
                "\(second)")
            process.waitUntilExit()
            #expect(try eventually { try library.status().open_files == 0 })
            #expect(try eventually { try library.status().state == "ready" }, "\(library.log)")
            #expect(try library.musicfs("cache", "stats").status == 0)
            #expect(try library.status().pid == pid)
            let files = try library.files()
            #expect(try files.allSatisfy { try run("cat", library.mount.appending($0).description).status == 0 })
        }

        @Test(.timeLimit(.minutes(1))) func cachesShrinkWhileMemoryIsShort() throws {
            let library = try makeLibrary()
            // It stands for the control group's files.
            let group = library.directory.path.appending("group")
            func set(_ anonymous: Int, high: String = "1000000") throws {
                try createDirectories(group)
                try writeFileAtomically(group.appending("self"), Array("0::/\n".utf8))
                try writeFileAtomically(group.appending("memory.high"), Array("\(high)\n".utf8))
                try writeFileAtomically(group.appending("memory.stat"), Array("anon \(anonymous)\n".utf8))
            }
            try set(10)
            library.prefix += ["MUSICFS_TEST_CGROUP=\(group)"]
            try library.start()
            func limit() throws -> Int {
                let text = try run(
                    "curl", "-s", "--unix-socket", library.socket.description, "http://localhost/metrics"
                ).text
                let line = text.split(separator: "\n").first { $0.hasPrefix("musicfs_cache_buffer_limit_bytes ") }
                return try #require(line.flatMap { Int($0.split(separator: " ")[1]) }, "\(text)")
            }
            let full = try limit()
            try set(950_000)
            #expect(try eventually { try limit() == full / 4 })
            #expect(library.log.contains("memory is short"))
            try set(10)
            #expect(try eventually { try limit() == full })
            #expect(library.log.contains("memory is no longer short"))
            #expect(try library.status().state == "ready")
        }
    }
}
