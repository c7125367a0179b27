import MusicFSMetadata
import TestSupport
import Testing

@Suite struct RangeTableTests {
    @Test("a table says of every byte what a bit map says")
    func model() {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<200 {
            var table = RangeTable()
            var map = [Bool](repeating: false, count: 64)
            for _ in 0..<12 {
                let start = Int64.random(in: 0...64, using: &generator)
                let range = start..<Int64.random(in: start...min(64, start + 20), using: &generator)
                table.insert(range)
                for byte in range { map[Int(byte)] = true }
                var there = [Bool](repeating: false, count: 64)
                for present in table.ranges { for byte in present { there[Int(byte)] = true } }
                #expect(there == map)
                #expect(table.ranges.allSatisfy { !$0.isEmpty })
                #expect(zip(table.ranges, table.ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
                let low = Int64.random(in: 0...64, using: &generator)
                let asked = low..<Int64.random(in: low...64, using: &generator)
                #expect(table.missing(in: asked).flatMap(Array.init) == asked.filter { !map[Int($0)] })
            }
        }
    }
}
