import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEndRemote {
    /// Lines that lose everything for a while or are kept narrow, and files that are larger than any other.
    @Suite(.enabled(if: canServe)) struct LongLineTests {
        @Test(.timeLimit(.minutes(3))) func halfAMinuteOfLossHealsByItself() throws {
            let directory = try TestDirectory()
            let far = directory.path.appending("far/far.wav")
            try writeAudio(far, megabytes: 40)
            let dav = try RcloneServer(.webdav, far.parent)
            let proxy = try TCPProxy(target: dav.port)
            let library = try MountedLibrary()
            library.configuration = Section.webdav(dav, port: proxy.port) + Section.quick
            try library.startAndScan(origins: 1)
            let shown = library.mount.appending(try #require(try library.files().first))
            let pid = try library.status().pid
            let handle = try open(shown, [.read])
            let original = try open(far, [.read])
            func compare(at offset: Int64) throws {
                let bytes = try readFully(handle.raw, at: offset, count: 1 << 20)
                #expect(try readFully(original.raw, at: offset, count: 1 << 20) == bytes)
            }
            try compare(at: 0)
            proxy.isFrozen = true
            let end = monotonicNanoseconds() + 30_000_000_000
            #expect(eventually(10) { (try? library.status().origins.first?.health) != "healthy" })
            // What was read is there all the time; what was not is an error, some time (D10).
            while monotonicNanoseconds() < end {
                try compare(at: 0)
                #expect((try? readFully(handle.raw, at: 39 << 20, count: 4096)) == nil || !proxy.isFrozen)
            }
            proxy.isFrozen = false
            #expect(eventually(20) { (try? compare(at: 30 << 20)) != nil })
            #expect(try run("cmp", shown.description, far.description).status == 0)
            #expect(eventually(20) { (try? library.status().origins.first?.health) == "healthy" })
            #expect(try library.status().pid == pid)
        }

        @Test(.timeLimit(.minutes(2))) func aFileOfTenGigabytesIsReadWhereItIsAskedFor() throws {
            let directory = try TestDirectory()
            let far = directory.path.appending("far/long.wav")
            try writeAudio(far, megabytes: 1)
            // A hole to the size; the header tells of the first megabyte alone.
            try #require(try run("truncate", "-s", "10G", far.description).status == 0)
            let marks: [Int64] = [0, 5_000_000_000, (4 << 30) - 3, (10 << 30) - 100]
            let writer = try #require(FileHandle(forUpdatingAtPath: far.description))
            for mark in marks.dropFirst() {
                try writer.seek(toOffset: UInt64(mark))
                try writer.write(contentsOf: Data((0..<64).map { UInt8(truncatingIfNeeded: mark >> 3) &+ $0 }))
            }
            try writer.close()
            let dav = try RcloneServer(.webdav, far.parent)
            let proxy = try TCPProxy(target: dav.port)
            let library = try MountedLibrary()
            library.configuration = "[fuse]\npassthrough = \"never\"\n" + Section.webdav(dav, port: proxy.port)
            try library.startAndScan(origins: 1)
            let shown = library.mount.appending(try #require(try library.files().first))
            #expect(try FileStatus.of(shown).size == 10 << 30)
            let handle = try open(shown, [.read])
            let original = try open(far, [.read])
            for mark in marks {
                let offset = max(0, mark - 1000)
                let bytes = try readFully(handle.raw, at: offset, count: 5000)
                #expect(try readFully(original.raw, at: offset, count: 5000) == bytes)
            }
            #expect(try readFully(handle.raw, at: (10 << 30) - 36, count: 100).count == 36)
            #expect(proxy.bytesDown < 16 << 20)
        }

        @Test(.timeLimit(.minutes(2))) func noMoreIsFetchedThanTheOriginMayHave() throws {
            let directory = try TestDirectory()
            let far = directory.path.appending("far/far.wav")
            try writeAudio(far, megabytes: 8)
            let dav = try RcloneServer(.webdav, far.parent)
            let proxy = try TCPProxy(target: dav.port)
            let library = try MountedLibrary()
            library.configuration = Section.webdav(dav, port: proxy.port, extra: "bandwidth = \"1MiB\"")
            try library.startAndScan(origins: 1)
            let shown = library.mount.appending(try #require(try library.files().first))
            let (begin, before) = (monotonicNanoseconds(), proxy.bytesDown)
            let reader = try ChildProcess.start("/usr/bin/cmp", arguments: ["cmp", shown.description, far.description])
            var most = 0.0
            while reader.wait(until: monotonicNanoseconds() + 50_000_000) == nil {
                let seconds = Double(monotonicNanoseconds() - begin) / 1e9
                // Two seconds' worth beforehand, and what a request asks for at once.
                most = max(most, Double(proxy.bytesDown - before) / Double(1 << 20) - seconds)
            }
            #expect(monotonicNanoseconds() - begin > 4_000_000_000)
            #expect(most < 3, "\(most) MiB more than allowed")
            #expect(try run("cmp", shown.description, far.description).status == 0)
        }
    }
}
