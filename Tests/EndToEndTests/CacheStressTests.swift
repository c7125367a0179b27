import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEndRemote {
    /// A cache that is too small, or spoilt, while several programs read through a mount.
    @Suite(.enabled(if: canServe)) struct CacheStressTests {
        @Test(.timeLimit(.minutes(4))) func spoiltChunksAreSeenByNobody() throws {
            let stressed = try StressedLibrary(files: 10, megabytes: 4, cache: "max_size = \"1GiB\"")
            let pairs = try stressed.pairs()
            try #require(pairs.count == 10)
            var random = SeededGenerator(seed: 1)
            var done = [Spoiling: Int]()
            for _ in 0..<3 {
                // Three times each in an order of its own.
                let orders = (0..<6).map { _ in (0..<3).flatMap { _ in pairs.shuffled(using: &random) } }
                let readers = try stressed.startReaders(orders)
                while !readers.hasEnded(within: 0.02) {
                    for _ in 0..<8 {
                        if let kind = try spoilOne(of: stressed.chunks, &random) { done[kind, default: 0] += 1 }
                    }
                    // Or else the kernel would answer.
                    let caches = try open("/proc/sys/vm/drop_caches", [.write])
                    try writeFully(caches.raw, Array("3".utf8))
                }
                #expect(readers.complaints == "")
            }
            let refetched = stressed.library.log.components(separatedBy: "is fetched again").count - 1
            print("chunks spoilt under load: \(done), \(refetched) fetched again")
            #expect(Spoiling.allCases.allSatisfy { done[$0, default: 0] >= 20 })
            #expect(refetched >= 20)
            #expect(try stressed.library.hasNothingAhead())
            #expect(try stressed.library.musicfs("cache", "repair").status == 0)
            #expect(try stressed.library.musicfs("cache", "verify").status == 0)
            #expect(try stressed.chunkBytes() == stressed.library.cacheStats().used_bytes)
            try stressed.compareAll()
        }

        private enum Spoiling: CaseIterable { case flip, truncate, delete }

        /// Spoils a random chunk in place.
        ///
        /// - Returns: what was done; nil where there was no chunk, or it was gone.
        private func spoilOne(of chunks: FilePath, _ random: inout SeededGenerator) throws -> Spoiling? {
            let manager = FileManager.default
            let folders = (try? manager.contentsOfDirectory(atPath: chunks.description)) ?? []
            guard let folder = folders.sorted().randomElement(using: &random) else { return nil }
            let path = chunks.appending(folder)
            let names = (try? manager.contentsOfDirectory(atPath: path.description)) ?? []
            guard let name = names.sorted().randomElement(using: &random), name.utf8.count == 16,
                let kind = Spoiling.allCases.randomElement(using: &random)
            else { return nil }
            let file = path.appending(name)
            guard kind != .delete else { return (try? unlink(file)) == nil ? nil : kind }
            guard let handle = FileHandle(forUpdatingAtPath: file.description) else { return nil }
            defer { try? handle.close() }
            let size = try handle.seekToEnd()
            guard size > 0 else { return nil }
            let offset = UInt64.random(in: 0..<size, using: &random)
            if kind == .truncate {
                try handle.truncate(atOffset: offset)
            } else {
                try handle.seek(toOffset: offset)
                let byte = try handle.read(upToCount: 1)?.first ?? 0
                try handle.seek(toOffset: offset)
                try handle.write(contentsOf: Data([byte ^ (1 << UInt8.random(in: 0..<8, using: &random))]))
            }
            return kind
        }

        @Test(.timeLimit(.minutes(4))) func muchIsStreamedThroughASmallCache() throws {
            let megabytes = 32
            let stressed = try StressedLibrary(
                files: 16, megabytes: megabytes,
                cache: "max_size = \"64MiB\"\nmemory = \"64MiB\"\nread_ahead = \"8MiB\"")
            let pairs = try stressed.pairs()
            try #require(pairs.count == 16)
            let before = try stressed.residentBytes()
            let begin = Date()
            let readers = try stressed.startReaders(pairs.map { [$0] })
            var (used, onDisk, resident, buffers, samples) = (0, 0, before, 0, 0)
            while !readers.hasEnded(within: 0.05) {
                used = max(used, try stressed.library.cacheStats().used_bytes)
                onDisk = max(onDisk, try stressed.chunkBytes())
                resident = max(resident, try stressed.residentBytes())
                buffers = max(buffers, try stressed.metric("musicfs_cache_buffer_bytes") ?? 0)
                samples += 1
            }
            let seconds = Date().timeIntervalSince(begin)
            #expect(readers.complaints == "")
            print(
                "\(16 * megabytes) MiB by 16 readers in \(Int(seconds)) s, \(samples) samples: used \(used >> 20) MiB, "
                    + "on disk \(onDisk >> 20), buffers \(buffers >> 20), resident \(before >> 20) to \(resident >> 20)"
            )
            let window = 8 << 20
            #expect(used <= 64 << 20)
            #expect(onDisk <= 64 << 20 + window)
            #expect(used > 32 << 20 && samples >= 5)
            #expect((1...(64 << 20)).contains(buffers))
            // The buffers, as much again of the allocator's, and what a server without readers takes.
            #expect(resident <= before + 128 << 20)
            let isAllGivenBack = try eventually(10) { try stressed.metric("musicfs_cache_buffer_bytes") == 0 }
            #expect(isAllGivenBack)
            #expect(try stressed.library.hasNothingAhead())
            #expect(try stressed.library.musicfs("cache", "verify").status == 0)
            #expect(try stressed.chunkBytes() == stressed.library.cacheStats().used_bytes)
        }

        @Test(.timeLimit(.minutes(2)), arguments: ["full", "read-only"])
        func noErrorOfTheCachesDiskReachesAReader(trouble: String) throws {
            var disk: FilePath?
            defer { if let disk { _ = try? run("umount", "-l", disk.description) } }
            let stressed = try StressedLibrary(files: 6, megabytes: 8, cache: "max_size = \"1GiB\"") { library in
                let chunks = StressedLibrary.cacheDirectory(library).appending("chunks")
                try createDirectories(chunks)
                let mounted = try run("mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", chunks.description)
                try #require(mounted.status == 0, "\(mounted.text)")
                disk = chunks
            }
            let pairs = try stressed.pairs()
            try #require(pairs.count == 6)
            if trouble == "read-only" {
                // Something is there to be read before nothing can be written any more.
                let first = try stressed.startReaders([[pairs[0]]])
                #expect(first.hasEnded(within: 30) && first.complaints == "")
                #expect(try eventually(10) { try stressed.chunkBytes() > 4 << 20 })
                // The kernel refuses while a chunk is being written.
                let remounted = try eventually {
                    try run("mount", "-o", "remount,ro", stressed.chunks.description).status == 0
                }
                try #require(remounted)
            }
            let readers = try stressed.startReaders((0..<4).map { Array(pairs[$0...] + pairs[..<$0]) })
            #expect(readers.hasEnded(within: 60) && readers.complaints == "")
            try stressed.compareAll()
            #expect(try stressed.library.cacheStats().used_bytes > 0)
            #expect(stressed.library.log.contains("the cache's disk gave an error"))
            #expect(try stressed.library.status().state == "degraded")
        }

        @Test(.timeLimit(.minutes(2))) func withoutACacheEverythingIsRead() throws {
            let stressed = try StressedLibrary(files: 4, megabytes: 8, cache: "max_size = 0")
            let pairs = try stressed.pairs()
            try #require(pairs.count == 4)
            for _ in 0..<2 {
                let readers = try stressed.startReaders([pairs, pairs.reversed()])
                #expect(readers.hasEnded(within: 60) && readers.complaints == "")
            }
            #expect(try stressed.chunkBytes() == 0)
            #expect(try stressed.library.cacheStats().used_bytes == 0)
        }
    }
}
