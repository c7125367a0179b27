import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEndRemote {
    /// A NAS that is mounted, and hangs, fails or goes away.
    @Suite struct NetworkMountTests {
        private func makeLibrary(type: String, local: String? = nil) throws -> (
            library: MountedLibrary, nas: FaultFileSystem, files: FilePath
        ) {
            let library = try MountedLibrary()
            let files = library.directory.path.appending("files")
            let made = try run(Programs.libgen, files.description, "--tracks", "60")
            try #require(made.status == 0, "\(made.text)")
            let share = library.directory.path.appending("share")
            let nas = try FaultFileSystem(files, at: share)
            library.configuration =
                Section.directory(share, id: "nas", type: type, extra: "timeout = \"3s\"") + Section.quick
            if let local {
                let path = library.directory.path.appending(local)
                let made = try run(Programs.libgen, path.description, "--tracks", "12", "--seed", "9")
                try #require(made.status == 0, "\(made.text)")
                library.configuration? +=
                    "\n[fuse]\npassthrough = \"never\"\n" + Section.directory(path, id: "local", type: "local")
            }
            try library.startAndScan(origins: local == nil ? 1 : 2)
            return (library, nas, files)
        }

        private func compareAll(_ library: MountedLibrary, _ files: FilePath) throws {
            #expect(try MountedLibrary.sums(library.mount) == MountedLibrary.sums(files))
        }

        /// A network's file system under a `local` origin is told by statfs.
        @Test(arguments: ["nfs", "local"])
        func errorsThatPassAreNotSeen(type: String) throws {
            let (library, nas, files) = try makeLibrary(type: type)
            for fault in [
                FaultFileSystem.Fault.error("ESTALE", .read), .error("ENOTCONN", .read), .error("EIO", .read),
                .short(100),
                .delay(.milliseconds(20)),
            ] {
                _ = try library.musicfs("cache", "clear")
                try library.dropKernelCaches()
                // One read of three fails, and is tried again. With operations of all kinds every attempt would fail.
                try nas.set(fault, every: 3)
                let sums = try MountedLibrary.sums(library.mount)
                #expect(try sums == MountedLibrary.sums(files), "\(fault)")
                try nas.clear()
            }
        }

        @Test func aNASThatHangsStopsNobody() throws {
            let (library, nas, files) = try makeLibrary(type: "nfs")
            let all = try library.files()
            let sums = try MountedLibrary.sums(files)
            // Half of it was heard before.
            for file in all.prefix(all.count / 2) { _ = try run("cat", library.mount.appending(file).description) }
            _ = try library.musicfs("cache", "verify")
            try nas.set(.hang())
            #expect(eventually(20) { (try? library.status().origins.first?.health) == "unhealthy" })
            try library.dropKernelCaches()
            let begin = Date()
            #expect(try run("ls", "-lR", library.mount.description).status == 0)
            for file in all.prefix(all.count / 2) {
                #expect(try run("cat", library.mount.appending(file).description).status == 0)
            }
            #expect(Date().timeIntervalSince(begin) < 5)
            // What is not there is an error at once, and no hang.
            let missing = try #require(
                all.dropFirst(all.count / 2).first { $0.hasSuffix(".flac") || $0.hasSuffix(".wav") })
            let read = try run("timeout", "5", "cat", library.mount.appending(missing).description)
            #expect(
                read.status == 0 || read.text.contains("Input/output error"), "\(read.status) \(read.text.prefix(100))")
            try nas.clear()
            #expect(eventually(20) { (try? library.status().origins.first?.health) == "healthy" })
            #expect(try MountedLibrary.sums(library.mount) == sums)
        }

        /// A thread that waits for a file system whose server is stopped cannot be killed: its process stays, and is not
        /// waited for.
        @Test(.timeLimit(.minutes(1))) func aServerThatCannotDieIsReplacedAtOnce() throws {
            let (library, nas, _) = try makeLibrary(type: "nfs", local: "local")
            let files = try library.files().filter { (try? library.realPath($0).contains("/local/")) == true }
            try #require(files.count >= 12)
            try nas.set(.hang())
            let old = try library.status()
            // Taken by the share's server, and never answered.
            #expect(try eventually(20) { try nas.statistics().waiting > 0 })
            try library.dropKernelCaches()
            let begin = monotonicNanoseconds()
            kill(old.pid, SIGKILL)
            #expect(try run("cat", library.mount.appending(files[0]).description).status == 0)
            print("a server that cannot die: a reader waited \((monotonicNanoseconds() - begin) / 1_000_000) ms")
            for file in files {
                let outcome = try run("cmp", library.mount.appending(file).description, library.realPath(file))
                #expect(outcome.status == 0, "\(outcome.text)")
            }
            #expect(try library.status().pid != old.pid)
            #expect(!library.log.contains("silent for too long"))
            let states = try shell("cat /proc/\(old.pid)/task/*/stat | sed 's/.*) //' | cut -c1").text
            #expect(states.contains("D"), "it had nothing to wait for: \(states)")
            try nas.clear()
            #expect(eventually { kill(old.pid, 0) != 0 })
        }

        @Test func aNASThatIsNotMountedIsNotEmpty() throws {
            let (library, nas, files) = try makeLibrary(type: "nfs")
            let before = try library.files()
            try compareAll(library, files)
            _ = try library.musicfs("cache", "verify")
            try nas.set(.empty)
            _ = try library.scan()
            #expect(try library.files() == before)
            #expect(try library.status().origins.first?.suspect == true)
            try nas.clear()
            #expect(try library.scan().status == 0)
            #expect(try library.status().origins.first?.suspect == false)
            // Its process dies: everything answers ENOTCONN.
            nas.crash()
            #expect(eventually(20) { (try? library.status().origins.first?.health) == "unhealthy" })
            try library.dropKernelCaches()
            try compareAll(library, files)
            #expect(try library.files() == before)
        }
    }
}
