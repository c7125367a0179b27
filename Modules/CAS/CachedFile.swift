import MusicFSCore
import MusicFSSystem
import Synchronization

/// One content version while somebody has it open: what is stored of it, what is in memory, and what is under way. All
/// readers of the version share it.
final class CachedFile: Sendable {
    let info: VersionInfo
    let grid: ChunkGrid
    private let state: Mutex<State>

    private struct State {
        var manifest: Manifest
        var blocks: [Block] = []
        var flights: [Flight] = []

        func block(at position: Int64) -> Block? { blocks.last { $0.range.contains(position) } }
        func flight(at position: Int64) -> Flight? { flights.first { $0.range.contains(position) } }

        /// Stored chunks that follow on each other without a gap, at least the first.
        func run(from first: Manifest.Entry, to end: Int64, most: Int64) -> [Manifest.Entry] {
            var run = [first]
            var position = first.end
            while position < end, position - first.offset < most, block(at: position) == nil,
                flight(at: position) == nil,
                let next = manifest.entry(at: position).entry, next.offset == position
            {
                run.append(next)
                position = next.end
            }
            return run
        }
    }

    /// A fetch, or a load from the disk, that is under way.
    final class Flight: Sendable {
        typealias Waiter = @Sendable (Result<Block, ContentError>) -> Void
        let range: Range<Int64>
        /// Whether it comes from the cache's disk.
        let isLoad: Bool
        /// Whether it was begun before anybody asked for it.
        let isAhead: Bool
        fileprivate let waiters = Mutex<[Waiter]?>([])

        init(_ range: Range<Int64>, isLoad: Bool = false, isAhead: Bool = false) {
            self.range = range
            self.isLoad = isLoad
            self.isAhead = isAhead
        }

        /// Calls back when it has landed; false when it has already.
        func wait(_ waiter: @escaping Waiter) -> Bool {
            waiters.withLock { waiters in
                guard waiters != nil else { return false }
                waiters?.append(waiter)
                return true
            }
        }
    }

    /// Where the bytes of a part of the file are to be had.
    enum Piece {
        case memory(Block, Range<Int64>)
        case disk(Manifest.Entry, Range<Int64>)
        case flight(Flight)
    }

    init(info: VersionInfo, manifest: Manifest) {
        self.info = info
        grid = info.grid
        state = Mutex(State(manifest: manifest))
    }

    /// What is stored.
    var storedBytes: Int64 { state.withLock { $0.manifest.bytes } }

    /// Divides a range by where its bytes are. For those that are nowhere new flights are entered, which the caller must
    /// start.
    ///
    /// - Parameters:
    ///   - held: blocks that the caller has already, whether or not they are still known here.
    ///   - most: the largest flight, in bytes.
    func locate(_ range: Range<Int64>, held: [Block], most: Int64) -> (pieces: [Piece], new: [Flight]) {
        state.withLock { state in
            var pieces: [Piece] = []
            var new: [Flight] = []
            var position = range.lowerBound
            while position < range.upperBound {
                if let block = held.first(where: { $0.range.contains(position) }) ?? state.block(at: position) {
                    let part = position..<min(range.upperBound, block.range.upperBound)
                    pieces.append(.memory(block, part))
                    position = part.upperBound
                    continue
                }
                let (entry, next) = state.manifest.entry(at: position)
                if let flight = state.flight(at: position) {
                    pieces.append(.flight(flight))
                    position = flight.range.upperBound
                    continue
                }
                if let entry {
                    let part = position..<min(range.upperBound, entry.end)
                    pieces.append(.disk(entry, part))
                    position = part.upperBound
                    continue
                }
                let flight = gap(at: position, wanted: range.upperBound, before: next, most: most, state)
                state.flights.append(flight)
                new.append(flight)
                pieces.append(.flight(flight))
                position = flight.range.upperBound
            }
            return (pieces, new)
        }
    }

    /// Enters flights for what is neither in memory nor under way: fetches for what is stored nowhere, and loads, of
    /// whole chunks, for what is stored. The caller must start them.
    ///
    /// - Parameter most: the largest flight, in bytes.
    func locateAhead(
        _ range: Range<Int64>, most: Int64
    ) -> (fetches: [Flight], loads: [(Flight, [Manifest.Entry])]) {
        state.withLock { state in
            var fetches: [Flight] = []
            var loads: [(Flight, [Manifest.Entry])] = []
            var position = range.lowerBound
            while position < range.upperBound {
                if let known = state.block(at: position)?.range ?? state.flight(at: position)?.range {
                    position = known.upperBound
                    continue
                }
                let (entry, next) = state.manifest.entry(at: position)
                let flight: Flight
                if let entry {
                    let entries = state.run(from: entry, to: range.upperBound, most: min(most, Self.largestLoad))
                    flight = Flight(entry.offset..<(entries.last ?? entry).end, isLoad: true)
                    loads.append((flight, entries))
                } else {
                    flight = gap(at: position, wanted: range.upperBound, before: next, most: most, state)
                    fetches.append(flight)
                }
                state.flights.append(flight)
                position = flight.range.upperBound
            }
            return (fetches, loads)
        }
    }

    /// Enters flights for what is neither in memory, nor stored, nor under way, and that nobody has asked for. The caller
    /// must start them.
    ///
    /// - Parameter most: the largest flight, in bytes.
    func locateMissing(_ range: Range<Int64>, most: Int64) -> [Flight] {
        state.withLock { state in
            var flights: [Flight] = []
            var position = range.lowerBound
            while position < range.upperBound {
                let known = state.block(at: position)?.range ?? state.flight(at: position)?.range
                let (entry, next) = state.manifest.entry(at: position)
                if let end = known?.upperBound ?? entry?.end {
                    position = end
                    continue
                }
                let flight = gap(
                    at: position, wanted: range.upperBound, before: next, most: most, isAhead: true, state)
                state.flights.append(flight)
                flights.append(flight)
                position = flight.range.upperBound
            }
            return flights
        }
    }

    /// So that a reader does not wait for more than it needs.
    private static let largestLoad: Int64 = 1 << 20

    /// A flight for what is missing from `position` on, in whole chunks, up to what is known or under way.
    private func gap(
        at position: Int64, wanted: Int64, before next: Int64, most: Int64, isAhead: Bool = false,
        _ state: borrowing State
    ) -> Flight {
        let chunk = grid.chunk(at: position)
        // What lies before in the same chunk may be known: from a chunk of another division.
        let start = state.manifest.entry(at: chunk.lowerBound).entry == nil ? chunk.lowerBound : position
        var end = grid.rounded(position..<max(min(wanted, start + most), position + 1)).upperBound
        end = min(end, next)
        for flight in state.flights where flight.range.lowerBound > position {
            end = min(end, flight.range.lowerBound)
        }
        return Flight(start..<max(end, position + 1), isAhead: isAhead)
    }

    /// A flight has landed, or failed: its block is kept for readers, and those that wait are told.
    func land(_ flight: Flight, _ result: Result<Block, ContentError>) {
        state.withLock { state in
            state.flights.removeAll { $0 === flight }
            if case .success(let block) = result { state.blocks.append(block) }
        }
        let waiters = flight.waiters.withLock { waiters in
            defer { waiters = nil }
            return waiters
        }
        for waiter in waiters ?? [] { waiter(result) }
    }

    /// A chunk is stored now.
    func stored(_ entry: Manifest.Entry) { state.withLock { $0.manifest.insert(entry) } }

    /// A chunk that was thought to be stored is not, or is damaged.
    func lost(_ entry: Manifest.Entry) { state.withLock { $0.manifest.remove(entry) } }

    /// Nothing is stored any more.
    func forgetStored() { state.withLock { $0.manifest = Manifest() } }

    // A block that goes gives its memory to somebody who waits for it, which must not happen under the lock.

    /// Lets go of the blocks that end in a range, which was read.
    func dropBlocks(in range: Range<Int64>) {
        let dropped = state.withLock { state in
            let (kept, dropped) = state.blocks.divided {
                $0.range.upperBound > range.lowerBound && $0.range.upperBound <= range.upperBound
            }
            state.blocks = kept
            return dropped
        }
        withExtendedLifetime(dropped) {}
    }

    /// Lets go of all blocks: somebody else needs the memory. Those that are being read from stay as long as that lasts.
    func dropAllBlocks() {
        let dropped = state.withLock { state in
            defer { state.blocks = [] }
            return state.blocks
        }
        withExtendedLifetime(dropped) {}
    }
}

extension Array {
    /// The elements without those that `isApart` says yes to, and those.
    fileprivate func divided(_ isApart: (Element) -> Bool) -> (rest: [Element], apart: [Element]) {
        (filter { !isApart($0) }, filter(isApart))
    }
}
