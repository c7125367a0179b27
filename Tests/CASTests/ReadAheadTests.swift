import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSCAS

/// How far ahead a reader is served, as arithmetic alone.
@Suite struct ReadAheadTests {
    private let limit: Int64 = 8 << 20
    private let step: Int64 = 128 << 10

    /// Reads a file from its beginning.
    ///
    /// - Returns: what was asked for, and the most that was asked for beyond a read.
    private func stream(
        _ ahead: inout ReadAhead, size: Int64, from: Int64 = 0, to: Int64? = nil,
        each: (inout ReadAhead) -> Void = { _ in }
    ) -> (asked: [Range<Int64>], furthest: Int64) {
        var asked: [Range<Int64>] = []
        var furthest: Int64 = 0
        for offset in stride(from: from, to: to ?? size, by: Int64.Stride(step)) {
            let range = offset..<min(size, offset + step)
            ahead.note(range)
            if let next = ahead.next(size: size) { asked.append(next) }
            furthest = max(furthest, (asked.last?.upperBound ?? 0) - range.upperBound)
            each(&ahead)
        }
        return (asked, furthest)
    }

    @Test func aStreamIsAskedForOnceAndWholly() throws {
        let size: Int64 = 100 << 20 | 12_345
        var ahead = ReadAhead(limit: limit)
        let (asked, furthest) = stream(&ahead, size: size) {
            $0.noteFetch(Int($0.piece), nanoseconds: 500_000_000)
            $0.noteFetch(Int($0.piece), nanoseconds: 100_000_000)
        }
        for (one, next) in zip(asked, asked.dropFirst()) { #expect(one.upperBound == next.lowerBound) }
        #expect(try #require(asked.first).lowerBound <= 3 * step && asked.last?.upperBound == size)
        #expect(furthest <= limit && furthest > limit / 2)
        // In pieces that are worth a round trip.
        #expect(asked.count < 300)
    }

    @Test func aReaderThatIsFasterThanTheLineIsGivenMoreAndInLargerPieces() {
        var ahead = ReadAhead(limit: limit)
        let (asked, furthest) = stream(&ahead, size: 1 << 30) { ahead in
            ahead.noteWait()
            ahead.noteFetch(Int(ahead.piece), nanoseconds: 60_000_000)
        }
        #expect(ahead.piece == 16 << 20)
        #expect(furthest > 4 * limit && furthest <= 8 * limit)
        #expect(asked.suffix(10).dropLast().allSatisfy { $0.count >= 8 << 20 })
    }

    @Test func aSlowLineBringsSmallPieces() {
        var ahead = ReadAhead(limit: limit)
        _ = stream(&ahead, size: 100 << 20) { $0.noteFetch(Int($0.piece), nanoseconds: 3_000_000_000) }
        #expect(ahead.piece == 256 << 10)
    }

    @Test func looksAtAFileAreNotFollowed() {
        var random = SeededGenerator(seed: 1)
        var ahead = ReadAhead(limit: limit)
        let size: Int64 = 1 << 30
        // The head, as a media server reads it, the tail, and places without an order.
        for range in [0..<(128 << 10), (size - (16 << 10))..<size] {
            ahead.note(range)
            #expect(ahead.next(size: size) == nil)
        }
        var last: Int64 = 0
        for _ in 0..<200 {
            let offset = Int64.random(in: 0..<(size - step), using: &random)
            guard abs(offset - last) > 8 << 20 else { continue }
            last = offset
            ahead.note(offset..<(offset + step))
            #expect(ahead.next(size: size) == nil)
        }
        var off = ReadAhead(limit: 0)
        #expect(stream(&off, size: 10 << 20).asked.isEmpty)
    }

    @Test func aSeekBeginsAnew() {
        var ahead = ReadAhead(limit: limit)
        let size: Int64 = 1 << 30
        _ = stream(&ahead, size: size, to: 50 << 20)
        let (asked, furthest) = stream(&ahead, size: size, from: 500 << 20, to: 501 << 20)
        #expect(asked.first.map { $0.lowerBound >= 500 << 20 && $0.count <= 512 << 10 } == true)
        #expect(furthest <= 4 << 20)
    }

    @Test func whatThereWasNoMemoryForIsAskedForAgain() {
        var ahead = ReadAhead(limit: limit)
        var turn = 0
        var got: [Range<Int64>] = []
        let size: Int64 = 64 << 20
        for offset in stride(from: Int64(0), to: size, by: Int64.Stride(step)) {
            ahead.note(offset..<(offset + step))
            guard let next = ahead.next(size: size) else { continue }
            turn += 1
            if turn % 3 == 0 { ahead.retreat(to: next.lowerBound) } else { got.append(next) }
        }
        #expect(got.count > 4)
        // What the reader passed meanwhile it has fetched itself.
        for (one, next) in zip(got, got.dropFirst()) {
            #expect(one.upperBound <= next.lowerBound && next.lowerBound <= one.upperBound + step)
        }
    }

    @Test func whatThereIsNoMemoryForNowIsAskedForLater() {
        var ahead = ReadAhead(limit: limit)
        let size: Int64 = 64 << 20
        var (end, room): (Int64, Int64) = (0, 0)
        for offset in stride(from: Int64(0), to: size, by: Int64.Stride(step)) {
            ahead.note(offset..<(offset + step))
            // Now and then there is a little.
            room = offset % (5 << 20) == 0 ? 3 << 20 : 0
            guard let next = ahead.next(size: size, room: room) else { continue }
            #expect(next.lowerBound >= end && next.count <= 3 << 20)
            end = next.upperBound
        }
        #expect(end > size / 2)
    }

    @Test func whatIsKnownOfTheLineIsUsedFromTheFirstFetchOn() {
        for piece in [nil, 16 << 20] as [Int64?] {
            var ahead = ReadAhead(limit: limit, piece: piece)
            let (asked, _) = stream(&ahead, size: 1 << 30, to: 12 << 20) { $0.noteWait() }
            // Nothing much before the reader has shown that it goes on.
            #expect(asked.first.map { $0.count <= 512 << 10 } == true)
            #expect(asked.last.map { $0.upperBound > 32 << 20 } == (piece != nil))
        }
    }

    @Test func aReaderThatLooksAtMoreThanTheHeadIsGivenNoMoreThanTheLimit() {
        var ahead = ReadAhead(limit: limit, piece: 16 << 20)
        let (asked, _) = stream(&ahead, size: 1 << 30, to: 3 << 20) { $0.noteWait() }
        #expect(asked.last.map { $0.upperBound <= limit + 3 << 20 } == true)
    }

    @Test func aLineThatBecameSlowBringsSmallPiecesAtOnce() {
        var ahead = ReadAhead(limit: limit, piece: 16 << 20)
        ahead.noteFetch(256 << 10, nanoseconds: 600_000_000)
        #expect(ahead.piece <= 512 << 10)
        var broken = ReadAhead(limit: limit, piece: 16 << 20)
        broken.noteFailure()
        #expect(broken.piece == 512 << 10)
    }
}
