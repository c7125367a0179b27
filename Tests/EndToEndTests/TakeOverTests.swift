import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// The mount outlives its server, and open files their names.
    @Suite struct TakeOverTests {
        /// How files are read, and for whom.
        enum Manner: String, CaseIterable, Sendable {
            case passthrough, direct
            /// Through fusermount3; the plan is direct.
            case ordinaryUser

            /// Those that can be tried as the user that the tests run as.
            static var possible: [Manner] { ThisProcess.isAdministrator ? allCases : [.ordinaryUser] }

            var plan: String { self == .passthrough ? "passthrough" : "direct" }
        }

        private static let rounds = Rounds.of(7, full: 20)

        private func makeLibrary(_ manner: Manner) throws -> MountedLibrary {
            let library = try MountedLibrary(isOfNobody: manner == .ordinaryUser && ThisProcess.isAdministrator)
            if manner == .direct {
                try writeFileAtomically(
                    library.directory.path.appending("config.toml"), Array("[fuse]\npassthrough = \"never\"\n".utf8))
                library.extraArguments = ["--config", library.directory.path.appending("config.toml").description]
            }
            return library
        }

        /// Fills the origin with files of some hundred kilobytes, `N.flac` with the title `Track-NNNN`: noise of twelve kinds.
        private func fill(_ library: MountedLibrary, _ count: Int) throws {
            let script = """
                import subprocess, sys
                origin, count = sys.argv[1], int(sys.argv[2])
                noises = []
                for seed in range(min(12, count)):
                    subprocess.run(
                        f"ffmpeg -v error -f lavfi -i anoisesrc=duration=4:seed={seed} -metadata artist=A "
                        f"-metadata title=Track-XXXX -sample_fmt s16 -c:a flac {origin}/{seed}.flac".split(), check=True)
                    with open(f"{origin}/{seed}.flac", "rb") as file: noises.append(file.read())
                assert all(noise.count(b"Track-XXXX") == 1 and len(noise) > 200000 for noise in noises)
                for n in range(count):
                    with open(f"{origin}/{n}.flac", "wb") as file:
                        file.write(noises[n % 12].replace(b"Track-XXXX", b"Track-%04d" % n))
                """
            let outcome = try run("python3", "-c", script, library.origin.description, String(count))
            try #require(outcome.status == 0, "\(outcome.text)")
        }

        private func expectPlan(_ manner: Manner, _ library: MountedLibrary) throws {
            let file = library.mount.appending(try #require(try library.files().first)).description
            let info = try run(library.inside([Programs.musicfs, "info", "--name", library.name, "--json", file]))
            #expect(info.text.contains("\"\(manner.plan)\""), "\(info.text)")
        }

        /// 1,000 files that are open all the time, and 64 threads that read at random offsets of them and of newly opened
        /// ones, beside listings, until the file `ready` is gone. They
        /// leave the processor to others between reads, as players do: nothing else bounds them where the kernel reads.
        private static let readers = """
            import multiprocessing, os, random, sys, threading, time
            mount, ready = sys.argv[1:]
            files = sorted(os.path.join(d, f) for d, _, fs in os.walk(mount) for f in fs)
            barrier = multiprocessing.Barrier(9)
            def read(index):
                mine, errors, reads = files[index::8], [], [0] * 8
                held = {f: os.open(f, os.O_RDONLY) for f in mine}
                real = {f: os.open(os.getxattr(f, "user.musicfs.real_path"), os.O_RDONLY) for f in mine}
                length = {f: os.fstat(real[f]).st_size for f in mine}
                def thread(n):
                    rng = random.Random(index * 8 + n)
                    while os.path.exists(ready):
                        f = rng.choice(mine)
                        at, size = rng.randrange(length[f]), rng.randrange(1, 200000)
                        try:
                            if rng.random() < 0.3:
                                fd = os.open(f, os.O_RDONLY)
                                got = os.pread(fd, size, at)
                                os.close(fd)
                            else:
                                # What the kernel has kept need not be asked for.
                                if rng.random() < 0.5: os.posix_fadvise(held[f], 0, 0, os.POSIX_FADV_DONTNEED)
                                got = os.pread(held[f], size, at)
                            if got != os.pread(real[f], size, at): errors.append(f"wrong bytes of {f} at {at}")
                            os.stat(f)
                            if rng.random() < 0.02: os.listdir(os.path.dirname(f))
                            reads[n] += 1
                            time.sleep(rng.random() * 0.1)
                        except OSError as e:
                            errors.append(f"{f}: {e}")
                barrier.wait(timeout=60)
                while not os.path.exists(ready): time.sleep(0.01)
                threads = [threading.Thread(target=thread, args=(n,)) for n in range(8)]
                for t in threads: t.start()
                for t in threads: t.join()
                for f in mine:
                    os.posix_fadvise(held[f], 0, 0, os.POSIX_FADV_DONTNEED)
                    if os.pread(held[f], 10 << 20, 0) != os.pread(real[f], 10 << 20, 0):
                        errors.append(f"wrong bytes of {f} in the end")
                lines = ["ERROR " + e for e in errors[:5]] + [f"reads {min(reads)} {sum(reads)}"]
                os.write(1, "".join(line + "\\n" for line in lines).encode())
                os._exit(1 if errors or not all(reads) else 0)
            processes = [multiprocessing.Process(target=read, args=(i,), daemon=True) for i in range(8)]
            for p in processes: p.start()
            barrier.wait(timeout=60)
            open(ready, "w").close()
            for p in processes: p.join()
            sys.exit(max(abs(p.exitcode) for p in processes))
            """

        /// Has the server replaced many times while all those read.
        ///
        /// - Parameter replace: gets the number of the server's process.
        /// - Returns: the numbers of the servers that were replaced.
        private func replaceOften(
            _ library: MountedLibrary, _ manner: Manner, _ replace: (Int32) throws -> Void
        ) throws -> Set<Int32> {
            try fill(library, 1000)
            // What most sessions begin with: the daemon has to raise it.
            library.prefix = ["prlimit", "--nofile=1024:"] + library.prefix
            try library.start()
            #expect(try library.files().count == 1000)
            try expectPlan(manner, library)
            let ready = library.directory.path.appending("ready")
            let readers = Process()
            let output = Pipe()
            readers.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            readers.arguments = library.inside([
                "python3", "-c", Self.readers, library.mount.description, ready.description,
            ])
            readers.standardOutput = output
            readers.standardError = output
            try readers.run()
            defer { readers.terminate() }
            #expect(eventually(60) { (try? FileStatus.of(ready)) != nil || !readers.isRunning })
            #expect(try library.status().open_files >= 1000)
            let start = monotonicNanoseconds()
            var replaced: Set<Int32> = []
            for _ in 0..<Self.rounds where readers.isRunning {
                let pid = try library.status().pid
                replaced.insert(pid)
                try replace(pid)
                #expect(try eventually { try library.status().pid != pid })
            }
            try unlink(ready)
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            readers.waitUntilExit()
            let seconds = (monotonicNanoseconds() - start) / 1_000_000_000
            print(
                "\(manner): replaced \(replaced.count) times in \(seconds) s; the least of the threads, and all, of each process: \(text)"
            )
            #expect(readers.terminationStatus == 0, "\(text)\n\(library.log)")
            #expect(text.split(separator: "\n").count { $0.hasPrefix("reads") } == 8, "\(text)")
            return replaced
        }

        @Test(.timeLimit(.minutes(4)), arguments: Manner.possible)
        func killedServersAreReplacedUnderAThousandOpenFilesWithoutAnErrorToAnyReader(manner: Manner) throws {
            let library = try makeLibrary(manner)
            let killed = try replaceOften(library, manner) { pid in
                // A server that has not served for a second counts as one that cannot start, and is waited for.
                usleep(useconds_t.random(in: 1_100_000...1_200_000))
                kill(pid, SIGKILL)
            }
            #expect(try killed.count == Self.rounds && library.status().restarts == Self.rounds)
        }

        @Test(.timeLimit(.minutes(4)), arguments: Manner.possible.filter { $0 != .direct })
        func upgradesAreNoticedByNoReader(manner: Manner) throws {
            let library = try makeLibrary(manner)
            let program = try library.useOwnProgram()
            var guardians: Set<Int32> = []
            let replaced = try replaceOften(library, manner) { _ in
                try library.putProgram(program)
                let outcome = try run(library.inside([Programs.musicfs, "upgrade", "--name", library.name]))
                #expect(outcome.status == 0, "\(outcome.text)\n\(library.log)")
                let status = try library.status()
                guardians.insert(status.guardian_pid)
                for pid in [status.pid, status.guardian_pid] {
                    let executable = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")
                    #expect(executable == program.description)
                }
            }
            // Nobody died of it.
            #expect(try replaced.count == Self.rounds && guardians.count == 1 && library.status().restarts == 0)
        }

        @Test func aProgramThatCannotTakeOverChangesNothing() throws {
            let library = try makeLibrary(Manner.possible[0])
            try fill(library, 3)
            let program = try library.useOwnProgram()
            try library.start()
            #expect(eventually { (try? library.files().count) == 3 })
            let before = try library.status()
            for script in ["#!/bin/sh\necho it is broken >&2\nexit 1\n", "no program at all"] {
                try writeFileAtomically(program, Array(script.utf8), mode: 0o755)
                let outcome = try run(library.inside([Programs.musicfs, "upgrade", "--name", library.name]))
                #expect(outcome.status != 0 && outcome.text.contains("nothing was changed"), "\(outcome.text)")
                // By a signal nobody is asked first but by the guardian itself.
                kill(before.guardian_pid, SIGUSR2)
                #expect(eventually { library.log.contains("cannot") })
            }
            let after = try library.status()
            #expect(after.pid == before.pid && after.guardian_pid == before.guardian_pid && after.restarts == 0)
            try library.putProgram(program)
            kill(before.guardian_pid, SIGUSR2)
            #expect(try eventually { try library.status().pid != before.pid })
            #expect(try library.files().count == 3)
        }

        /// Asked through the socket and by a signal at once.
        @Test(.timeLimit(.minutes(1))) func aProgramThatDoesNotAnswerIsGivenUp() throws {
            let library = try makeLibrary(Manner.possible[0])
            let program = try library.useOwnProgram()
            try library.start()
            let before = try library.status()
            try writeFileAtomically(program, Array("#!/bin/sh\nexec sleep 600\n".utf8), mode: 0o755)
            kill(before.guardian_pid, SIGUSR2)
            let outcome = try run(library.inside([Programs.musicfs, "upgrade", "--name", library.name]))
            #expect(outcome.status != 0 && outcome.text.contains("nothing was changed"), "\(outcome.text)")
            #expect(eventually { library.log.contains("the program on disk cannot take over; nothing is changed") })
            let after = try library.status()
            #expect(after.pid == before.pid && after.guardian_pid == before.guardian_pid)
        }

        /// What happens to files that are open, from the side of their reader.
        private static let changes = """
            import os, sys, time
            mount, origin, scratch = sys.argv[1:]
            def shown(title): return f"{mount}/A/Unknown Album [FLAC]/{title}.flac"
            def stored(n): return f"{origin}/{n}.flac"
            def content(fd): return os.pread(fd, 10 << 20, 0)
            def bytes_of(path):
                with open(path, "rb") as file: return file.read()
            def put(n, data):
                with open(f"{scratch}/x", "wb") as file: file.write(data)
                os.rename(f"{scratch}/x", stored(n))
            def size(path):
                try: return os.stat(path).st_size
                except FileNotFoundError: return -1
            def expect(what, ok):
                if not ok: print(what, "is wrong")
            def expect_soon(what, condition):
                end = time.monotonic() + 10
                while not condition() and time.monotonic() < end: time.sleep(0.02)
                expect(what, condition())
            names = [f"Track-{n:04}" for n in range(4)]
            old = [bytes_of(stored(n)) for n in range(4)]
            held = [os.open(shown(name), os.O_RDONLY) for name in names]

            put(0, old[0] + bytes(3))
            expect_soon("size of the replaced", lambda: size(shown(names[0])) == len(old[0]) + 3)
            expect("new bytes of the replaced", bytes_of(shown(names[0])) == old[0] + bytes(3))

            put(1, old[1].replace(b"Track-0001", b"Retag-0001"))
            expect_soon("new path of the retagged", lambda: size(shown("Retag-0001")) == len(old[1]))
            expect("old path of the retagged", size(shown(names[1])) == -1)
            expect("new bytes of the retagged", bytes_of(shown("Retag-0001")) == bytes_of(stored(1)) != old[1])

            os.unlink(stored(2))
            expect_soon("path of the removed", lambda: size(shown(names[2])) == -1)

            for n, what in enumerate(["replaced", "retagged", "removed"]):
                for _ in range(2):
                    expect("open file of the " + what, content(held[n]) == old[n])
                    os.posix_fadvise(held[n], 0, 0, os.POSIX_FADV_DONTNEED)

            # Rewritten in place: a new open shows the new bytes, at once and not when the scan has come by.
            longer = old[3] + bytes([1, 2, 3])
            with open(stored(3), "wb") as file: file.write(longer)
            expect("new bytes of the rewritten", bytes_of(shown(names[3])) == longer)
            expect("size of the rewritten", size(shown(names[3])) == len(longer))
            # Its inode is the same: an open file shows what it showed, or what is there now.
            expect("open file of the rewritten", content(held[3]) in (old[3], longer, longer[:len(old[3])]))
            print("done")
            """

        @Test(arguments: Manner.possible) func anOpenFileStaysWhatItWas(manner: Manner) throws {
            let library = try makeLibrary(manner)
            try fill(library, 4)
            try library.start()
            try expectPlan(manner, library)
            let outcome = try run(
                library.inside(
                    ["python3", "-c", Self.changes]
                        + [library.mount, library.origin, library.directory.path].map(\.description)
                ))
            #expect(outcome.text == "done\n")
        }

        /// On a mount that notes every access, as a file that is read directly shows in the end.
        @Test(.enabled(if: ThisProcess.isAdministrator, "mounting takes CAP_SYS_ADMIN"), arguments: Manner.allCases)
        func readingLeavesNoTrace(manner: Manner) throws {
            let library = try makeLibrary(manner)
            let origin = library.origin.description
            #expect(try run("mount", "--bind", origin, origin).status == 0)
            defer { _ = try? run("umount", "-l", origin) }
            #expect(try run("mount", "-o", "remount,bind,strictatime", origin).status == 0)
            try fill(library, 4)
            func accessTimes() throws -> [String] {
                try shell("stat -c %x '\(origin)'/*.flac").text.split(separator: "\n").map(String.init)
            }
            _ = try shell("touch -a -d '2001-01-01 00:00:00' '\(origin)'/*.flac")
            let before = try accessTimes()
            try library.start()
            try expectPlan(manner, library)
            let mounted = "'\(library.mount)'/A/*/*.flac"
            let read = try run(library.inside(["bash", "-c", "cat \(mounted) | wc -c"]))
            #expect(Int(read.text.filter(\.isNumber)) ?? 0 > 800_000, "\(read.text)")
            let after = try accessTimes()
            // The control: what the mount did not do is seen when it is done.
            #expect(try shell("cat '\(origin)'/3.flac > /dev/null").status == 0)
            let control = try accessTimes()
            print("\(manner): accessed \(before), read through the mount \(after), the last read directly \(control)")
            #expect(before.count == 4 && after == before)
            #expect(control.dropLast() == before.dropLast() && control.last != before.last)
        }

        @Test func noOriginIsEverOpenedForWriting() throws {
            let library = try makeLibrary(.direct)
            try fill(library, 12)
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
}
