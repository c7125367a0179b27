import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// Under a service manager that keeps descriptors: the mount outlives its guardian too.
    @Suite(.timeLimit(.minutes(1))) struct ServiceManagerTests {
        /// Does what systemd does with the file descriptor store, and writes down what it hears. Starts its service again
        /// when that is killed, or has ended while the file `restart` is there; `stored` is what it holds, a name a line.
        private static let manager = """
            import os, select, signal, socket, sys
            home, command = sys.argv[1], sys.argv[2:]
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            notify.bind(home + "/notify")
            store, child, ended = [], 0, False
            if os.path.exists(home + "/prepare"): exec(open(home + "/prepare").read())
            def start():
                global child
                child = os.fork()
                if child: return
                environment = dict(os.environ, NOTIFY_SOCKET=home + "/notify")
                if store:
                    # High numbers first, so that none is overwritten before it was copied.
                    high = [os.dup2(fd, 200 + n) for n, (_, fd) in enumerate(store)]
                    for n, fd in enumerate(high): os.dup2(fd, 3 + n, inheritable=True)
                    environment |= {"LISTEN_FDS": str(len(store)), "LISTEN_PID": str(os.getpid()),
                                    "LISTEN_FDNAMES": ":".join(name for name, _ in store)}
                os.execvpe(command[0], command, environment)
            def write():
                with open(home + "/stored.new", "w") as file: file.write("".join(name + "\\n" for name, _ in store))
                os.rename(home + "/stored.new", home + "/stored")
            signal.signal(signal.SIGTERM, lambda *_: child and os.kill(child, signal.SIGTERM))
            signal.signal(signal.SIGCHLD, lambda *_: None)
            wake, raised = os.pipe()
            os.set_blocking(raised, False)
            signal.set_wakeup_fd(raised)
            write()
            start()
            while True:
                ready = select.select([notify, wake], [], [])[0]
                if notify in ready:
                    text, fds, _, _ = socket.recv_fds(notify, 4096, 8)
                    with open(home + "/heard", "ab") as file: file.write(text + b"\\n")
                    fields = dict(line.split("=", 1) for line in text.decode().splitlines())
                    if "FDSTORE" in fields: store += [(fields["FDNAME"], fd) for fd in fds]
                    if "FDSTOREREMOVE" in fields:
                        for name, fd in store:
                            if name == fields["FDNAME"]: os.close(fd)
                        store = [entry for entry in store if entry[0] != fields["FDNAME"]]
                    write()
                    continue
                os.read(wake, 100)
                pid, status = os.waitpid(child, os.WNOHANG)
                if pid and (os.WIFSIGNALED(status) or os.path.exists(home + "/restart")): start()
                elif pid: sys.exit(os.waitstatus_to_exitcode(status))
            """

        private func makeLibrary(isOfNobody: Bool = false) throws -> MountedLibrary {
            let library = try MountedLibrary(isOfNobody: isOfNobody)
            for n in 1...4 {
                let outcome = try run(
                    "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "anoisesrc=duration=10:seed=\(n)", "-metadata",
                    "artist=A", "-metadata", "title=T\(n)", "-c:a", "flac", "\(library.origin)/\(n).flac")
                try #require(outcome.status == 0, "\(outcome.text)")
            }
            library.prefix = ["python3", "-c", Self.manager, library.directory.path.description]
            return library
        }

        private func lines(_ library: MountedLibrary, _ file: String) -> [String] {
            String(decoding: (try? readFile(library.directory.path.appending(file))) ?? [], as: UTF8.self)
                .split(separator: "\n").map(String.init)
        }

        private func device(_ library: MountedLibrary) throws -> String {
            try #require(
                try run(library.inside(["stat", "-c", "%d", library.mount.description])).text.split(separator: "\n")
                    .last
                    .map(String.init))
        }

        /// Four threads that read files which are open all the time and newly opened ones, and list the root, until the file
        /// `go` is gone. The kernel is made to ask again each time.
        private static let readers = """
            import os, random, sys, threading, time
            mount, origin, go = sys.argv[1:]
            files = sorted(os.path.join(d, f) for d, _, fs in os.walk(mount) for f in fs)
            real = {f: os.open(os.getxattr(f, "user.musicfs.real_path"), os.O_RDONLY) for f in files}
            held = {f: os.open(f, os.O_RDONLY) for f in files}
            errors, reads = [], [0] * 4
            def read(n):
                while os.path.exists(go):
                    try:
                        for f in files:
                            size = os.fstat(real[f]).st_size
                            at = random.randrange(size)
                            os.posix_fadvise(held[f], 0, 0, os.POSIX_FADV_DONTNEED)
                            if os.pread(held[f], 100000, at) != os.pread(real[f], 100000, at): errors.append("bytes")
                            with open(f, "rb") as file:
                                file.seek(at)
                                if file.read(1000) != os.pread(real[f], 1000, at): errors.append("new bytes")
                            os.listdir(mount)
                            reads[n] += 1
                            time.sleep(0.005)
                    except OSError as error: errors.append(str(error))
            open(go, "w").close()
            threads = [threading.Thread(target=read, args=(n,)) for n in range(4)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            print("errors", errors[:3], "all read", all(reads))
            """

        @Test(arguments: ThisProcess.isAdministrator ? [false, true] : [false])
        func killedAndRestartedGuardiansAreNoticedByNoReader(isOfNobody: Bool) throws {
            let library = try makeLibrary(isOfNobody: isOfNobody)
            try library.start()
            let before = try device(library)
            let go = library.directory.path.appending("go")
            let output = Pipe()
            let readers = Process()
            readers.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            readers.arguments = library.inside([
                "python3", "-c", Self.readers, library.mount.description, library.origin.description, go.description,
            ])
            readers.standardOutput = output
            readers.standardError = output
            try readers.run()
            defer { readers.terminate() }
            #expect(eventually { FileManager.default.fileExists(atPath: go.description) })
            var guardians: Set<Int32> = []
            for round in 0..<6 {
                let status = try library.status()
                guardians.insert(status.guardian_pid)
                // The last three leave in order, as before a restart of the unit.
                if round == 3 { try writeFileAtomically(library.directory.path.appending("restart"), []) }
                kill(status.guardian_pid, round < 3 ? SIGKILL : SIGQUIT)
                #expect(eventually { lines(library, "heard").count { $0 == "READY=1" } == round + 2 })
            }
            try unlink(go)
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            #expect(text == "errors [] all read True\n", "\(library.log)")
            #expect(try guardians.count == 6 && device(library) == before)
            #expect(lines(library, "stored").count == 2)
            // A stop is a stop.
            try unlink(library.directory.path.appending("restart"))
            kill(try library.status().guardian_pid, SIGTERM)
            #expect(eventually { lines(library, "stored").isEmpty })
            #expect(try device(library) != before)
        }

        /// Root, and a user who has CAP_SYS_ADMIN as in the unit: what takes it the guardian does, the server has none of it.
        @Test(.enabled(if: ThisProcess.isAdministrator, "passthrough takes CAP_SYS_ADMIN"), arguments: [false, true])
        func theServerReadsByPassthroughWithoutPrivileges(isOfNobody: Bool) throws {
            let library = try makeLibrary(isOfNobody: isOfNobody)
            library.prefix = []
            library.capability = "sys_admin"
            try library.start()
            let status = try library.status()
            func word(_ field: String, of pid: Int32) throws -> UInt64 {
                let text = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
                let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("\(field):") })
                return try #require(UInt64(line.dropFirst(field.count + 1).filter { !$0.isWhitespace }, radix: 16))
            }
            #expect(try word("CapEff", of: status.guardian_pid) & 1 << 21 != 0)
            for field in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
                let rest = try word(field, of: status.pid)
                // Of root's, those to read and write files.
                #expect(rest & ~(isOfNobody ? 0 : 0b1111) == 0, "\(field) \(String(rest, radix: 16))")
            }
            #expect(try isOfNobody || word("CapBnd", of: status.pid) == 0b1111)
            #expect(try word("NoNewPrivs", of: status.pid) == 1)
            let file = library.mount.appending(try #require(try library.files().first)).description
            let info = try run(library.inside([Programs.musicfs, "info", "--name", library.name, "--json", file]))
            #expect(info.text.contains("\"passthrough\""), "\(info.text)")
            let read = try run(library.inside(["sha256sum", file])).text.prefix(64)
            let real = try run("sha256sum", library.realPath(file.replacing("\(library.mount)/", with: ""))).text
                .prefix(64)
            #expect(read == real && read.count == 64)
        }

        /// What is stored may be of a mount that is gone, of a version that no longer runs, or no descriptor of ours at all.
        @Test func whatIsNotThisMountsIsRefused() throws {
            let library = try makeLibrary()
            let prepare = library.directory.path.appending("prepare")
            try writeFileAtomically(
                prepare,
                Array(
                    """
                    store = [("musicfs-0-1", os.open("/dev/fuse", os.O_RDWR)), ("musicfs-0-1", os.memfd_create("x")),
                             ("other", os.open("/dev/null", os.O_RDWR)), ("", os.pipe()[0])]
                    """.utf8))
            try library.start()
            #expect(try library.files().count == 4)
            #expect(lines(library, "heard").contains("FDNAME=other"))
            let names = lines(library, "stored").filter { $0 != "stored" }
            #expect(Set(names).count == 1 && names.count == 2 && names[0] != "musicfs-0-1", "\(names)")
            // Of this mount, with a journal that is none: nobody can answer it, so it is made anew.
            let before = try device(library)
            let status = try library.status()
            try writeFileAtomically(library.directory.path.appending("restart"), [])
            kill(status.guardian_pid, SIGSTOP)
            let spoilt = try shell(
                "printf '\\0\\0\\0\\0\\0\\0\\0\\0' | dd of=/proc/\(status.guardian_pid)/fd/"
                    + "$(ls -l /proc/\(status.guardian_pid)/fd | awk '/musicfs-journal/ { print $9 }') conv=notrunc status=none"
            )
            #expect(spoilt.status == 0, "\(spoilt.text)")
            kill(status.guardian_pid, SIGKILL)
            #expect(eventually { lines(library, "heard").count { $0 == "READY=1" } == 2 })
            #expect(library.log.contains("made anew"))
            #expect(try library.files().count == 4)
            #expect(try device(library) != before || library.status().guardian_pid != status.guardian_pid)
            #expect(lines(library, "stored").count == 2)
            guard ThisProcess.isAdministrator else { return }
            // Of this mount, whose connection the kernel has aborted meanwhile.
            let minor = try #require(try MountEntry.at(library.mount)?.device.split(separator: ":").last)
            let control = "/sys/fs/fuse/connections"
            if !FileManager.default.fileExists(atPath: "\(control)/\(minor)/abort") {
                _ = try run("mount", "-t", "fusectl", "none", control)
            }
            let guardian = try library.status().guardian_pid
            kill(guardian, SIGSTOP)
            #expect(try shell("echo 1 > \(control)/\(minor)/abort").status == 0)
            kill(guardian, SIGKILL)
            #expect(eventually { lines(library, "heard").count { $0 == "READY=1" } == 3 })
            #expect(try library.files().count == 4)
            try unlink(library.directory.path.appending("restart"))
        }
    }
}
