/// A change of a small library, known by its number alone: what writers of a search index index, and what tests expect.
package struct StressChange: Hashable, Sendable {
    /// From 1.
    package let number: Int64

    /// How many tracks there are at most.
    package static let tracks: Int64 = 80

    package init(_ number: Int64) { self.number = number }

    private func value(_ salt: UInt64, below limit: UInt64) -> UInt64 {
        var generator = SeededGenerator(seed: UInt64(number) &* 31 &+ salt)
        return UInt64.random(in: 0..<limit, using: &generator)
    }

    /// The track that changes.
    package var track: Int64 { Int64(value(1, below: UInt64(StressChange.tracks))) }
    package var isRemoval: Bool { value(2, below: 5) == 0 }

    /// Of a few words, so that searches find many.
    package var title: String {
        let words = ["love", "night", "dark", "side", "moon", "light", "lovely", "noche", "björk", "夜空"]
        return (0..<(1 + value(3, below: 4))).map { words[Int(value(10 + $0, below: UInt64(words.count)))] }
            .joined(separator: " ") + " v\(number)"
    }

    package var year: Int64 { 1960 + Int64(value(4, below: 60)) }

    /// The last change of each track that is there behind this one.
    package static func library(at sequence: Int64) -> [Int64: StressChange] {
        var library: [Int64: StressChange] = [:]
        for number in 1..<(max(sequence, 0) + 1) {
            let change = StressChange(number)
            library[change.track] = change.isRemoval ? nil : change
        }
        return library
    }
}
