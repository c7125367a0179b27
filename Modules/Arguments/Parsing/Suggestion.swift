/// The candidate that `word` was probably meant to be, if any is near enough.
///
/// Near is one edit for each three letters (one for short words), or being the beginning of one candidate alone.
func suggestion(for word: String, among candidates: [String]) -> String? {
    let limit = max(1, word.count / 3)
    let nearest =
        candidates
        .map { (candidate: $0, distance: editDistance(word, $0)) }
        .filter { $0.distance <= limit && $0.distance < $0.candidate.count }
        .min { $0.distance < $1.distance }
    if let nearest { return nearest.candidate }
    let begun = candidates.filter { word.count >= 2 && $0.hasPrefix(word) }
    return begun.count == 1 ? begun.first : nil
}

/// How many letters must be added, removed, replaced or swapped with their neighbour to turn one word into the other
/// (optimal string alignment).
func editDistance(_ first: String, _ second: String) -> Int {
    let a = Array(first)
    let b = Array(second)
    var beforePrevious: [Int] = []
    var previous = Array(0...b.count)
    for i in a.indices {
        var current = [i + 1]
        for j in b.indices {
            let substitution = previous[j] + (a[i] == b[j] ? 0 : 1)
            var best = min(substitution, previous[j + 1] + 1, current[j] + 1)
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                best = min(best, beforePrevious[j - 1] + 1)
            }
            current.append(best)
        }
        beforePrevious = previous
        previous = current
    }
    return previous[b.count]
}
