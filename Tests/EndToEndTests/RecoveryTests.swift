import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// What is kept on the cache's disk is damaged, deleted, or cannot be reached any more.
    @Suite struct RecoveryTests {
        /// A local library of a few files whose cache directory may lie on a disk of its own.
        private func makeLibrary() throws -> MountedLibrary {
            let library = try MountedLibrary()
            try library.generate("--tracks", "12")
            library.prefix = ["env", "MUSICFS_TEST_HURRY=100"]
            return library
        }

        /// The kernel asks the daemon for everything again.
        private func dropKernelCaches() throws {
            let caches = try open("/proc/sys/vm/drop_caches", [.write])
            try writeFully(caches.raw, Array("3".utf8))
        }

        /// Every name is there, and every file has the bytes of its original.
        private func expectWhole(_ library: MountedLibrary, _ files: [String]) throws {
            try dropKernelCaches()
            #expect(try library.files() == files)
            for file in files {
                let outcome = try run("cmp", library.mount.appending(file).description, library.realPath(file))
                #expect(outcome.status == 0, "\(outcome.text)")
            }
        }

        private func isInMemory(_ library: MountedLibrary) throws -> Bool {
            try library.degradedBecause().contains { $0.contains("kept in memory") }
        }

        @Test(.enabled(if: LoopDisk.isPossible), .timeLimit(.minutes(2)))
        func theDiskOfTheCacheDiesAndComesBack() throws {
            let library = try makeLibrary()
            let disk = try LoopDisk(
                library.directory.path, at: library.directory.path.appending("cache"), megabytes: 64)
            try library.start()
            let files = try library.files()
            try #require(files.count >= 12)
            let held = try open(library.mount.appending(files[0]), [.read])
            let begin = try readFully(held.raw, at: 0, count: 1000)

            try disk.die()
            // Which directory is which is lost with the library: a listing that was under way may end with ESTALE.
            try dropKernelCaches()
            #expect(eventually { (try? library.files()) == files })
            #expect(eventually { (try? isInMemory(library)) == true })
            #expect(eventually { (try? library.files()) == files })
            try expectWhole(library, files)
            #expect(try library.status().state == "degraded")
            // What changes meanwhile is seen.
            try FileManager.default.removeItem(atPath: library.realPath(files[1]))
            #expect(eventually { (try? library.files()) == files.filter { $0 != files[1] } })
            #expect(try readFully(held.raw, at: 0, count: 1000) == begin)

            try disk.replace()
            #expect(eventually(20) { (try? isInMemory(library)) == false })
            #expect(library.log.contains("the library was brought back"))
            try expectWhole(library, files.filter { $0 != files[1] })
            #expect(try readFully(held.raw, at: 0, count: 1000) == begin)
            #expect(eventually { (try? library.status().state) == "ready" })
            #expect((try? FileStatus.of(FilePath("/dev/shm/musicfs-\(ThisProcess.user)-\(library.name)"))) == nil)
            try library.unmount()
        }

        @Test(.timeLimit(.minutes(1))) func aCacheDirectoryThatCannotBeUsedAtTheStart() throws {
            let library = try makeLibrary()
            let cache = library.directory.path.appending("cache")
            try removeDirectory(cache)
            try writeFileAtomically(cache, [])
            try library.start()
            #expect(library.log.contains(cache.description))
            #expect(try isInMemory(library))
            let files = try library.files()
            try expectWhole(library, files)
            // It outlives a server.
            kill(try library.status().pid, SIGKILL)
            try expectWhole(library, files)
            try unlink(cache)
            #expect(eventually(20) { (try? isInMemory(library)) == false })
            try expectWhole(library, files)
            #expect(try FileStatus.of(cache.appending("\(library.name)/library.db")).size > 0)
        }

        @Test(.timeLimit(.minutes(1))) func theCacheDirectoryIsDeletedWhileItIsServed() throws {
            let library = try makeLibrary()
            try library.start()
            let files = try library.files()
            let cache = library.directory.path.appending("cache/\(library.name)")
            try FileManager.default.removeItem(atPath: cache.description)
            try expectWhole(library, files)
            #expect(eventually(30) { library.log.contains("its file was gone") })
            try expectWhole(library, files)
            // Nothing was read again: what was known was written to the new file.
            #expect(try FileStatus.of(cache.appending("library.db")).size > 0)
            #expect(!library.log.contains("is damaged"))
        }

        enum Trouble: String, CaseIterable, Sendable {
            case full, readOnly
        }

        /// Local files and far-away ones, while the disk of the cache takes nothing more.
        @Test(.enabled(if: LoopDisk.isPossible && canServe), .timeLimit(.minutes(2)), arguments: Trouble.allCases)
        func theDiskOfTheCacheTakesNothingMore(_ trouble: Trouble) throws {
            var disk: LoopDisk?
            let stressed = try StressedLibrary(files: 6, megabytes: 4, cache: "max_size = \"1GiB\"") { library in
                library.prefix = ["env", "MUSICFS_TEST_HURRY=100"]
                library.configuration? += Section.directory(library.origin, id: "local", type: "local")
                disk = try LoopDisk(
                    library.directory.path, at: library.directory.path.appending("cache"), megabytes: 40)
            }
            let library = stressed.library
            #expect(eventually { (try? stressed.pairs().count) == 6 })
            let pairs = try stressed.pairs()
            var random = SeededGenerator(seed: 3)
            let orders = (0..<4).map { _ in (0..<6).flatMap { _ in pairs.shuffled(using: &random) } }
            let readers = try stressed.startReaders(orders)
            switch trouble {
            case .full: try disk?.fill()
            case .readOnly: try disk?.turnReadOnly()
            }
            // What is new is shown: the library goes on elsewhere.
            for number in 0..<20 where try !isInMemory(library) {
                try writeAudio(library.origin.appending("new\(number).wav"), megabytes: 1)
                _ = try library.scan()
            }
            #expect(
                eventually(30) { (try? library.files().contains { $0.contains("new0") }) == true },
                "\(library.log.suffix(6000))")
            while !readers.hasEnded(within: 0.1) { try library.dropKernelCaches() }
            #expect(readers.complaints == "", "\(library.log.suffix(4000))")
            for pair in pairs { #expect(try run("cmp", pair.shown.description, pair.original.description).status == 0) }

            switch trouble {
            case .full: try disk?.giveSpace()
            case .readOnly: try disk?.replace()
            }
            #expect(eventually(30) { (try? library.degradedBecause()) == [] }, "\(library.log.suffix(4000))")
            #expect(try library.files().contains { $0.contains("new0") })
            for pair in pairs { #expect(try run("cmp", pair.shown.description, pair.original.description).status == 0) }
        }

        /// A file system that takes a little and not the library, or whose file cannot be replaced, is no reason to try for ever.
        @Test(.enabled(if: LoopDisk.isPossible), .timeLimit(.minutes(1))) func aReturnThatFailsIsTriedEveryMinuteAlone()
            throws
        {
            let library = try makeLibrary()
            library.prefix = []
            let disk = try LoopDisk(
                library.directory.path, at: library.directory.path.appending("cache"), megabytes: 8)
            try library.start()
            let files = try library.files()
            try library.unmount()
            let database = library.directory.path.appending("cache/\(library.name)/library.db")
            // Opened for writing it is not: the next mount has its library in memory.
            try #require(try run("chattr", "+i", database.description).status == 0)
            defer { _ = try? run("chattr", "-i", database.description) }
            library.prefix = ["env", "MUSICFS_TEST_HURRY=60"]
            try library.start()
            #expect(eventually { (try? isInMemory(library)) == true })
            let pid = try library.status().pid
            // Three of its minutes.
            usleep(3_500_000)
            #expect(try library.status().pid == pid, "\(library.log)")
            try expectWhole(library, files)
            _ = try run("chattr", "-i", database.description)
            #expect(eventually(20) { (try? isInMemory(library)) == false }, "\(library.log)")
            try expectWhole(library, files)
            withExtendedLifetime(disk) {}
        }

        /// What an origin has that does not answer is not waited for.
        @Test(.timeLimit(.minutes(1))) func anOriginThatIsAwayDoesNotHoldUpTheOthersAfterARebuild() throws {
            let library = try makeLibrary()
            library.configuration =
                Section.directory(library.origin, id: "local", type: "local") + """
                    [[origins]]
                    id = "away"
                    type = "webdav"
                    url = "http://127.0.0.1:9/"
                    credentials = "anonymous"
                    """
            try library.start()
            #expect(eventually { (try? library.files().count) == 22 })
            let files = try library.files()
            try library.unmount()
            let database = library.directory.path.appending("cache/\(library.name)/library.db")
            try writeFileAtomically(database, Array("no database".utf8))
            try library.start()
            #expect(eventually(20) { (try? library.files()) == files }, "\(library.log)")
            let begin = monotonicNanoseconds()
            #expect(try run("ls", library.mount.appending("absent").description).text.contains("No such file"))
            #expect(monotonicNanoseconds() - begin < 5_000_000_000)
        }

        /// A disk that hangs is left alone.
        @Test(.enabled(if: LoopDisk.isPossible), .timeLimit(.minutes(2))) func aDiskThatHangsDoesNotEndTheMount() throws
        {
            let library = try makeLibrary()
            library.prefix = ["env", "MUSICFS_TEST_HURRY=5"]
            let disk = try LoopDisk(
                library.directory.path, at: library.directory.path.appending("cache"), megabytes: 64)
            try library.start()
            let files = try library.files()
            let pid = try library.status().pid
            try #require(try run("fsfreeze", "-f", disk.mount.description).status == 0)
            defer { _ = try? run("fsfreeze", "-u", disk.mount.description) }
            // It is told of, and not waited for.
            #expect(try library.degradedBecause().contains { $0.contains("library") })
            kill(pid, SIGKILL)
            try dropKernelCaches()
            #expect(eventually(60) { (try? library.files()) == files }, "\(library.log)")
            #expect(eventually(60) { (try? isInMemory(library)) == true }, "\(library.log)")
            _ = try run("fsfreeze", "-u", disk.mount.description)
        }

        /// The library in memory is lost, after it gave out numbers that the one of the disk does not know of: files that are
        /// open are those that they were, or not known any more.
        @Test(.enabled(if: LoopDisk.isPossible), .timeLimit(.minutes(1))) func noNumberIsGivenOutTwice() throws {
            let library = try makeLibrary()
            library.prefix = []
            library.configuration =
                "[fuse]\npassthrough = \"never\"\n" + Section.directory(library.origin, id: "local", type: "local")
            try library.start()
            let old = try library.files()
            let cache = library.directory.path.appending("cache/\(library.name)")
            try #require(try run("chattr", "+i", cache.description).status == 0)
            defer { _ = try? run("chattr", "-i", cache.description) }
            usleep(1_200_000)
            kill(try library.status().pid, SIGKILL)
            #expect(eventually(20) { (try? isInMemory(library)) == true }, "\(library.log)")
            func add(_ range: Range<Int>) throws {
                for number in range {
                    try writeFileAtomically(
                        library.origin.appending("new\(number).lrc"), Array("line \(number) of \(range)".utf8))
                    try writeAudio(library.origin.appending("new\(number).wav"), megabytes: 1)
                }
            }
            try add(0..<6)
            #expect(eventually { (try? library.files().count) == old.count + 12 }, "\(library.log)")
            let held = try library.files().map { file -> (SharedFD, FilePath) in
                (SharedFD(try open(library.mount.appending(file), [.read])), FilePath(try library.realPath(file)))
            }
            let memory = "/dev/shm/musicfs-\(ThisProcess.user)-\(library.name)"
            try FileManager.default.removeItem(atPath: memory)
            // Others come first now, and would get the numbers.
            for number in 0..<6 { try unlink(library.origin.appending("new\(number).wav")) }
            try add(100..<106)
            // A death before it had served for a second would count as an early one.
            usleep(1_200_000)
            kill(try library.status().pid, SIGKILL)
            #expect(eventually(20) { (try? library.files().contains { $0.contains("new105") }) == true })
            try dropKernelCaches()
            var known = 0
            for (fd, original) in held {
                guard let bytes = try? readFully(fd.raw, at: 0, count: 4096) else { continue }
                known += 1
                guard let expected = try? readFile(original) else { continue }
                #expect(bytes == Array(expected.prefix(4096)), "\(original) has \(expected.count) bytes")
            }
            print("\(known) of \(held.count) open files are known after the library was lost")
        }
    }
}
