/// The candidate with the fewest edits away from `word`, if it is near enough to be meant: at most one edit for each
/// three letters.
func nearestKey(to word: String, among candidates: [String]) -> String? {
    // A word that is longer than any key is near none; the work grows with its length.
    guard word.utf8.count <= 64 else { return nil }
    return
        candidates
        .map { (candidate: $0, distance: editDistance(word, $0)) }
        .filter { $0.distance <= max(1, min(word.count, $0.candidate.count) / 3) }
        .min { $0.distance < $1.distance }?.candidate
}

/// How many letters must be added, removed or replaced, or swapped with their neighbour, to turn one word into the
/// other (optimal string alignment).
func editDistance(_ first: String, _ second: String) -> Int {
    let a = Array(first.utf8)
    let b = Array(second.utf8)
    var beforePrevious: [Int] = []
    var previous = Array(0...b.count)
    for i in a.indices {
        var current = [i + 1]
        for j in b.indices {
            var best = min(previous[j] + (a[i] == b[j] ? 0 : 1), previous[j + 1] + 1, current[j] + 1)
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, beforePrevious[j - 1] + 1) }
            current.append(best)
        }
        beforePrevious = previous
        previous = current
    }
    return previous[b.count]
}
