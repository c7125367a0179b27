import Foundation
import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSCAS

/// What the cache keeps of a library that is larger than it is, beside what a plain LRU would keep.
@Suite struct EvictionTests {
    static let albums = 600
    static let tracksPerAlbum = 10
    /// All sizes are a 640th of real ones, so that behind its head a track is one chunk.
    static let scale: Int64 = 640
    static let head: Int64 = (128 << 10) / scale

    struct Step {
        var track: Int
        /// Whether somebody plays the track, rather than looking at its head.
        var isPlayed: Bool
        /// Whether it counts: from the scan on, when the caches are full.
        var counts: Bool
    }

    /// From 20 to 40 MB before scaling, the tracks of an album alike.
    static func size(_ track: Int) -> Int64 {
        ((20 << 20) + Int64(track / tracksPerAlbum * 7919 % 200) * 100_000) / scale
    }

    /// The chunks behind the head.
    static func body(_ size: Int64) -> [Range<Int64>] {
        stride(from: head, to: size, by: Int(ChunkGrid.chunkSize)).map { $0..<min(size, $0 + ChunkGrid.chunkSize) }
    }

    /// Albums played one after the other, chosen by Zipf's law: the one of rank r as often as 1/r^0.9. In the middle a
    /// scanner reads the head of every file while the listener goes on.
    static func trace(plays: Int, seed: UInt64, scans: Bool) -> [Step] {
        var random = SeededGenerator(seed: seed)
        let shuffled = Array(0..<albums).shuffled(using: &random)
        var sums: [Double] = []
        for rank in 1...albums { sums.append((sums.last ?? 0) + pow(Double(rank), -0.9)) }
        var steps: [Step] = []
        var toScan = scans ? Array(0..<(albums * tracksPerAlbum)) : []
        for play in 0..<plays {
            let point = Double.random(in: 0..<sums[albums - 1], using: &random)
            let album = shuffled[sums.firstIndex { $0 > point } ?? 0]
            for track in 0..<tracksPerAlbum {
                steps.append(Step(track: album * tracksPerAlbum + track, isPlayed: true, counts: play >= plays / 2))
                guard play >= plays / 2 else { continue }
                for _ in 0..<min(50, toScan.count) {
                    steps.append(Step(track: toScan.removeLast(), isPlayed: false, counts: false))
                }
            }
        }
        return steps
    }

    /// How much of what the listener heard was there.
    struct Score {
        var (heard, there): (Int64, Int64) = (0, 0)
        var ratio: Double { heard == 0 ? 0 : Double(there) / Double(heard) }
    }

    /// The index as the writing thread uses it: room is made, chunks are entered, then the opens are counted.
    private func replay(_ trace: [Step], limit: Int64) throws -> Score {
        let directory = try TestDirectory()
        let index = try ChunkIndex(directory.path.appending("cas.db"))
        var score = Score()
        for step in trace {
            let size = Self.size(step.track)
            let key = ContentKey(
                origin: "o", path: Array("\(step.track)".utf8), stamp: FileStamp(size: size, modified: 1, inode: 0))
            let stored = try index.manifest(key)?.bytes ?? 0
            if step.counts {
                score.heard += size
                score.there += stored
            }
            let parts = [0..<Self.head] + (step.isPlayed ? Self.body(size) : [])
            try index.transaction {
                for (place, part) in parts.enumerated() where try index.chunk(of: key, at: part.lowerBound) == nil {
                    let length = part.upperBound - part.lowerBound
                    let excess = index.totals.used + length + Int64(ChunkTrailer.byteCount) - limit
                    if excess > 0 { _ = try index.evict(excess, limit: limit) }
                    let pack = index.totals.takePack()
                    try index.enter(pack, size: length + Int64(ChunkTrailer.byteCount))
                    let name = ContentHash.xxh3(Array("\(step.track) \(place)".utf8))
                    let info = VersionInfo(key: key, size: size, payload: nil, origin: "o")
                    let entry = try Manifest.Entry(
                        offset: part.lowerBound, length: Int(length), id: #require(ChunkID(bytes: name)),
                        place: ChunkPlace(pack: pack, position: 0))
                    _ = try index.add([entry], to: info)
                }
                try index.noteAccesses([key: 1])
            }
            #expect(index.totals.used <= limit)
        }
        return score
    }

    /// The same with the version that was not read for the longest time evicted first.
    private func replayWithLRU(_ trace: [Step], limit: Int64) -> Score {
        var stored: [Int: (bytes: Int64, time: Int)] = [:]
        var order: [Int: Int] = [:]
        var (oldest, used) = (0, Int64(0))
        var score = Score()
        for (time, step) in trace.enumerated() {
            let size = Self.size(step.track)
            let before = stored[step.track]
            if step.counts {
                score.heard += size
                score.there += before?.bytes ?? 0
            }
            if let before { order[before.time] = nil }
            let now = step.isPlayed ? size : max(before?.bytes ?? 0, Self.head)
            used += now - (before?.bytes ?? 0)
            stored[step.track] = (now, time)
            order[time] = step.track
            while used > limit {
                if let track = order.removeValue(forKey: oldest) {
                    used -= stored.removeValue(forKey: track)?.bytes ?? 0
                }
                oldest += 1
            }
        }
        return score
    }

    /// Shares of the library, in hundredths, that the cache has room for.
    @Test(arguments: [5, 10, 25], [true, false])
    func aListenerIsServedNoWorseThanByLRU(share: Int64, scans: Bool) throws {
        let library = (0..<(Self.albums * Self.tracksPerAlbum)).reduce(0) { $0 + Self.size($1) }
        let limit = library * share / 100
        let trace = Self.trace(plays: 1000, seed: 5, scans: scans)
        let ours = try replay(trace, limit: limit).ratio
        let lru = replayWithLRU(trace, limit: limit).ratio
        func text(_ ratio: Double) -> String { String(format: "%.1f %%", ratio * 100) }
        print(
            "a cache for \(share) % of the library, \(scans ? "with a scan" : "no scan"): S3-FIFO has \(text(ours)) of "
                + "what is heard, LRU \(text(lru))")
        #expect(ours >= lru)
    }
}
