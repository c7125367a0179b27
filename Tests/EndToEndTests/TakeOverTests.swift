import Foundation
import MusicFSSystem
import TestSupport
import Testing

/// The mount outlives its server, and open files their names.
@Suite(.serialized, .enabled(if: canMount)) struct TakeOverTests {
    enum Plan: String, CaseIterable, Sendable { case passthrough, direct }

    /// A library with files of some hundred kilobytes, on a file system that gives the plan.
    private func makeLibrary(_ plan: Plan) throws -> MountedLibrary {
        let library = try MountedLibrary()
        if plan == .direct {
            try writeFileAtomically(
                library.directory.path.appending("config.toml"), Array("[fuse]\npassthrough = \"never\"\n".utf8))
            library.extraArguments = ["--config", library.directory.path.appending("config.toml").description]
        }
        for index in 0..<12 {
            let outcome = try run(
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "anoisesrc=duration=4:seed=\(index)", "-metadata",
                "artist=A", "-metadata", "title=T\(index)", "-c:a", "flac", "\(library.origin)/\(index).flac")
            try #require(outcome.status == 0, "\(outcome.text)")
        }
        return library
    }

    @Test(arguments: Plan.allCases) func aKilledServerIsReplacedWithoutAnErrorToAnyReader(plan: Plan) throws {
        let library = try makeLibrary(plan)
        try library.start()
        let info = try run(
            Programs.musicfs, "info", "--name", library.name, "--json",
            library.mount.appending(try #require(try library.files().first)).description)
        if ThisProcess.isAdministrator { #expect(info.text.contains("\"\(plan.rawValue)\"")) }
        // Readers at random offsets of open and newly opened files, beside listings, until the file `stop` appears.
        let script = """
            import os, random, sys, threading
            mount, stop, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
            random.seed(seed)
            files = [os.path.join(d, f) for d, _, fs in os.walk(mount) for f in fs]
            real = {f: open(os.getxattr(f, "user.musicfs.real_path"), "rb").read() for f in files}
            errors, reads = [], 0
            def reader(n):
                global reads
                rng = random.Random(n)
                held = {f: os.open(f, os.O_RDONLY) for f in files}
                while not os.path.exists(stop):
                    f = rng.choice(files)
                    at, size = rng.randrange(len(real[f])), rng.randrange(1, 200000)
                    try:
                        if rng.random() < 0.3:
                            fd = os.open(f, os.O_RDONLY)
                            got = os.pread(fd, size, at)
                            os.close(fd)
                        else:
                            if rng.random() < 0.3: os.posix_fadvise(held[f], 0, 0, os.POSIX_FADV_DONTNEED)
                            got = os.pread(held[f], size, at)
                        if got != real[f][at:at + size]: errors.append(f"wrong bytes of {f} at {at}")
                        os.stat(f)
                        os.listdir(os.path.dirname(f))
                        reads += 1
                    except OSError as e:
                        errors.append(str(e))
            threads = [threading.Thread(target=reader, args=(i,)) for i in range(8)]
            for t in threads: t.start()
            for t in threads: t.join()
            for e in errors[:5]: print("ERROR", e)
            print("reads", reads)
            """
        let stop = library.directory.path.appending("stop")
        let readers = Process()
        let output = Pipe()
        readers.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        readers.arguments = ["python3", "-c", script, library.mount.description, stop.description, "1"]
        readers.standardOutput = output
        readers.standardError = output
        try readers.run()
        defer { readers.terminate() }
        var killed: Set<Int32> = []
        for _ in 0..<20 {
            let pid = try library.status().pid
            killed.insert(pid)
            kill(pid, SIGKILL)
            #expect(try eventually { try library.status().pid != pid })
            // A server that has not served for a second counts as one that cannot start, and is waited for.
            usleep(useconds_t.random(in: 1_050_000...1_150_000))
        }
        try writeFileAtomically(stop, [])
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        readers.waitUntilExit()
        #expect(readers.terminationStatus == 0 && !text.contains("ERROR") && text.contains("reads"), "\(text)")
        #expect(killed.count == 20)
        #expect(try library.status().restarts == 20)
    }

    @Test(arguments: Plan.allCases) func anOpenFileStaysWhatItWas(plan: Plan) throws {
        let library = try makeLibrary(plan)
        try library.start()
        func path(_ index: Int) -> FilePath { library.mount.appending("A/Unknown Album [FLAC]/T\(index).flac") }
        func content(_ fd: borrowing OwnedFD) throws -> [UInt8] { try readFully(fd.raw, at: 0, count: 10 << 20) }
        let replaced = library.origin.appending("0.flac")
        let old = try readFile(replaced)
        let handle = try open(path(0), .read)
        // Replaced by a rename, with other bytes and the same tags.
        try writeFileAtomically(library.directory.path.appending("x"), old + [0, 0, 0])
        try rename(library.directory.path.appending("x"), to: replaced)
        #expect(try eventually { try FileStatus.of(path(0)).size == Int64(old.count) + 3 })
        #expect(try content(handle) == old)
        let again = try open(path(0), .read)
        #expect(try content(again) == old + [0, 0, 0])

        let removed = try readFile(library.origin.appending("1.flac"))
        let other = try open(path(1), .read)
        try unlink(library.origin.appending("1.flac"))
        #expect(eventually { (try? FileStatus.of(path(1))) == nil })
        #expect(try content(other) == removed)

        // Rewritten in place: a new open shows the new bytes, at once and not when the scan has come by.
        let rewritten = library.origin.appending("2.flac")
        let longer = try readFile(rewritten) + [1, 2, 3]
        let writing = try open(rewritten, [.write, .truncate])
        try writeFully(writing.raw, longer)
        let fresh = try open(path(2), .read)
        #expect(try content(fresh) == longer)
        #expect(try FileStatus.of(path(2)).size == Int64(longer.count))
    }

    @Test(.enabled(if: ThisProcess.isAdministrator, "as an ordinary user O_NOATIME is for owners alone"))
    func readingLeavesNoTrace() throws {
        let library = try makeLibrary(.passthrough)
        _ = try shell("touch -a -d 2001-01-01 '\(library.origin)'/*.flac")
        try library.start()
        let before = try FileStatus.of(library.origin.appending("3.flac")).accessed
        #expect(try shell("cat '\(library.mount)'/A/*/*.flac | wc -c").status == 0)
        #expect(try FileStatus.of(library.origin.appending("3.flac")).accessed == before)
    }

    @Test func noOriginIsEverOpenedForWriting() throws {
        let library = try makeLibrary(.direct)
        let trace = library.directory.path.appending("trace").description
        library.prefix = ["strace", "-f", "-qq", "-e", "trace=open,openat,openat2,creat", "-o", trace]
        try #require(try shell("command -v strace").status == 0, "strace is missing; apt-get install strace")
        try library.start()
        _ = try shell("cat '\(library.mount)'/A/*/*.flac > /dev/null")
        _ = try library.scan()
        try library.unmount()
        let opened = try shell("grep -F '\(library.origin)' '\(trace)' | grep -E 'O_WRONLY|O_RDWR|O_CREAT|O_TRUNC'")
            .text
        #expect(opened == "")
        #expect(try shell("grep -c openat2 '\(trace)'").text != "0\n")
    }
}
