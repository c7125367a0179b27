import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEndRemote {
    /// Networks that are slow, silent, or gone, between MusicFS and real servers.
    @Suite(.enabled(if: canServe)) struct NetworkTroubleTests {
        private func seconds(_ body: () throws -> Void) rethrows -> Double {
            let begin = Date()
            try body()
            return Date().timeIntervalSince(begin)
        }

        @Test(arguments: ["sftp", "s3", "webdav"])
        func aSeekTakesTwoRoundTripsAndNoDownload(kind: String) throws {
            let directory = try TestDirectory()
            let file = directory.path.appending("buckets/music/big.wav")
            try writeAudio(file, megabytes: 200)
            let library = try MountedLibrary()
            let server: TestServer
            let proxy: TCPProxy
            switch kind {
            case "sftp":
                let ssh = try SSHServer()
                proxy = try TCPProxy(target: ssh.port)
                server = ssh
                library.configuration = try Section.sftp(ssh, file.parent, port: proxy.port)
            case "s3":
                let s3 = try RcloneServer(.s3, directory.path.appending("buckets"))
                proxy = try TCPProxy(target: s3.port)
                server = s3
                library.configuration = Section.s3(s3, bucket: "music", port: proxy.port)
            default:
                let dav = try RcloneServer(.webdav, file.parent)
                proxy = try TCPProxy(target: dav.port)
                server = dav
                library.configuration = Section.webdav(dav, port: proxy.port)
            }
            try library.startAndScan(origins: 1)
            let shown = library.mount.appending(try #require(try library.files().first))
            // The connections are warm by the scan.
            proxy.latency = 0.025
            var times: [Double] = []
            var turns: [Int] = []
            let before = proxy.bytesDown
            for part in [100, 50, 150, 25, 175] {
                let handle = try open(shown, [.read])
                let offset = Int64(part << 20) + 44
                var bytes: [UInt8] = []
                let turnsBefore = proxy.turns
                times.append(try seconds { bytes = try readFully(handle.raw, at: offset, count: 4096) })
                turns.append(proxy.turns - turnsBefore)
                let original = try open(file, [.read])
                #expect(try readFully(original.raw, at: offset, count: 4096) == bytes)
            }
            let fetched = proxy.bytesDown - before
            print(
                "\(kind): seeks at 50 ms took \(times.map { Int($0 * 1000) }) ms, \(turns) round trips, \(fetched) bytes"
            )
            // One of them may have met a check of the origin's health.
            #expect(turns.sorted()[2] <= 2)
            #expect(fetched < 4 << 20)
            withExtendedLifetime(server) {}
        }

        @Test func aHungOriginSlowsNobodyElse() throws {
            let directory = try TestDirectory()
            let far = directory.path.appending("far")
            let near = directory.path.appending("near")
            try writeAudio(far.appending("far.wav"), megabytes: 60)
            try writeAudio(near.appending("near.wav"), megabytes: 4)
            let ssh = try SSHServer()
            let proxy = try TCPProxy(target: ssh.port)
            let library = try MountedLibrary()
            library.configuration =
                Section.directory(near, id: "near", type: "local")
                + (try Section.sftp(ssh, far, port: proxy.port, extra: "timeout = \"5s\"")) + Section.quick
            try library.startAndScan(origins: 2)
            let files = try library.files()
            let farFile = library.mount.appending(
                try #require(files.first { $0.contains("far.wav") || $0.contains("far") }))
            let nearFile = library.mount.appending(try #require(files.first { $0.contains("near") }))
            proxy.isFrozen = true
            let script =
                "for i in $(seq 200); do dd if='\(farFile)' bs=4k count=1 skip=$((i * 60)) status=none of=/dev/null & done; wait"
            let null = try open("/dev/null", [.readWrite])
            let stuck = try ChildProcess.start(
                "/bin/bash", arguments: ["bash", "-c", script], descriptors: [(null.raw, 1), (null.raw, 2)])
            usleep(500_000)
            try library.dropKernelCaches()
            let work = try seconds { () throws in
                #expect(try run("cmp", nearFile.description, near.appending("near.wav").description).status == 0)
                #expect(try run("ls", "-lR", library.mount.description).status == 0)
                #expect(try run("stat", farFile.description).status == 0)
                #expect(try run("df", library.mount.description).status == 0)
            }
            #expect(work < 2, "\(work) s with a hung origin")
            #expect(stuck.wait(until: monotonicNanoseconds() + 40_000_000_000) != nil)
            proxy.isFrozen = false
            #expect(eventually(30) { (try? library.status().origins.allSatisfy { $0.health == "healthy" }) ?? false })
            #expect(try run("cmp", farFile.description, far.appending("far.wav").description).status == 0)
        }

        @Test func anotherOriginTakesOverInTheMiddleOfARead() throws {
            let directory = try TestDirectory()
            let first = directory.path.appending("first/same.wav")
            let second = directory.path.appending("second/same.wav")
            try writeAudio(first, megabytes: 40)
            try createDirectories(second.parent)
            try #require(try run("cp", "-p", first.description, second.description).status == 0)
            let ssh = try SSHServer()
            let proxy = try TCPProxy(target: ssh.port)
            let dav = try RcloneServer(.webdav, second.parent)
            let library = try MountedLibrary()
            library.configuration  // Or else the first would have given all of it before it hangs.
            =
                try "[cache]\nread_ahead = \"256KiB\"\n"
                + Section.sftp(
                    ssh, first.parent, port: proxy.port, extra: "priority = 1")
                + Section.webdav(dav, extra: "priority = 2") + Section.quick
            try library.startAndScan(origins: 2)
            let files = try library.files()
            try #require(files.count == 1, "\(files)")
            let shown = library.mount.appending(files[0])
            let handle = try open(shown, [.read])
            let original = try open(first, [.read])
            let size = try FileStatus.of(shown).size
            var longest = 0.0
            var offset: Int64 = 0
            while offset < size {
                if offset == 8 << 20 { proxy.isFrozen = true }
                var bytes: [UInt8] = []
                let time = try seconds { bytes = try readFully(handle.raw, at: offset, count: 1 << 20) }
                longest = max(longest, time)
                #expect(try readFully(original.raw, at: offset, count: 1 << 20) == bytes)
                offset += Int64(bytes.count)
            }
            print("the longest pause when the first origin hung: \(longest) s")
            #expect(longest <= 2.5)
            let served = try run(
                "getfattr", "--only-values", "--absolute-names", "-n", "user.musicfs.served_from", shown.description)
            #expect(served.text == "dav")
            proxy.isFrozen = false
            #expect(eventually(30) { (try? library.status().origins.allSatisfy { $0.health == "healthy" }) ?? false })
        }

        /// The cache's writer dies at random moments, and at the worst ones: what is served is right, and the store too.
        @Test(arguments: [
            "", "cas-put-before-write", "cas-put-after-write-before-index", "cas-put-after-sync", "cas-manifest-middle",
        ])
        func deathsWhileChunksAreWritten(failpoint: String) throws {
            let directory = try TestDirectory()
            let file = directory.path.appending("music/a.wav")
            try writeAudio(file, megabytes: 8)
            let library = try MountedLibrary()
            library.configuration = Section.directory(file.parent, id: "nas", type: "nfs") + Section.quick
            if !failpoint.isEmpty { library.prefix = ["env", "MUSICFS_FAILPOINT=\(failpoint)"] }
            if failpoint.isEmpty {
                try library.startAndScan(origins: 1)
                let shown = library.mount.appending(try #require(try library.files().first))
                for round in 0..<Rounds.of(4, full: 12) {
                    _ = try? library.musicfs("cache", "clear")
                    try library.dropKernelCaches()
                    let reader = try ChildProcess.start(
                        "/usr/bin/cmp", arguments: ["cmp", shown.description, file.description])
                    usleep(useconds_t(20_000 + round * 7000))
                    kill(try library.status().pid, SIGKILL)
                    #expect(reader.wait(until: monotonicNanoseconds() + 30_000_000_000) == .code(0))
                    // A server that has served for a second does not count as one that cannot.
                    usleep(1_100_000)
                }
            } else {
                try library.start(waitsForScan: false)
                _ = eventually(20) {
                    library.log.contains("gives up") || library.log.components(separatedBy: "serving").count > 3
                }
            }
            try library.unmount()
            library.prefix = []
            try library.startAndScan(origins: 1)
            let shown = library.mount.appending(try #require(try library.files().first))
            #expect(try run("cmp", shown.description, file.description).status == 0)
            #expect(try library.musicfs("cache", "repair").status == 0)
            let verified = try library.musicfs("cache", "verify")
            #expect(verified.status == 0, "\(verified.text)")
            let stats = try library.cacheStats()
            let chunks = library.directory.path.appending("cache/\(library.name)/chunks")
            let onDisk = try shell("find '\(chunks)' -type f -printf '%s\\n' | awk '{s+=$1} END {print s+0}'").text
            #expect(Int(onDisk.trimmingCharacters(in: .whitespacesAndNewlines)) == stats.used_bytes)
        }
    }
}
