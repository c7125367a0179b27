import Synchronization

/// The score tables of a snapshot: they take longer to make than many a query to answer.
final class ScoreTables: Sendable {
    private struct Key: Hashable {
        var field: TextField?
        var weights: FieldWeights?
    }

    private static let limit = 64
    private let made = Mutex<[Key: ScoreTable]>([:])

    /// - Parameter weights: of no matter where a field is given.
    func table(_ field: TextField?, _ weights: FieldWeights, _ make: () -> ScoreTable) -> ScoreTable {
        let key = Key(field: field, weights: field == nil ? weights : nil)
        if let known = made.withLock({ $0[key] }) { return known }
        let table = make()
        made.withLock { made in
            // Whoever tries out many weights has none of them kept.
            if made.count >= ScoreTables.limit { made.removeAll() }
            made[key] = table
        }
        return table
    }
}
