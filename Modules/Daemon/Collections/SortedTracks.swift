/// Sets of tracks as ids in ascending order.
enum SortedTracks {
    static func contains(_ tracks: [Int64], _ id: Int64) -> Bool {
        var (low, high) = (0, tracks.count)
        while low < high {
            let middle = (low + high) / 2
            if tracks[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < tracks.count && tracks[low] == id
    }

    static func intersect(_ left: [Int64], _ right: [Int64]) -> [Int64] { merge(left, right) { $0 && $1 } }

    static func subtract(_ right: [Int64], from left: [Int64]) -> [Int64] { merge(left, right) { $0 && !$1 } }

    /// Those that are in either, each once.
    static func unite(_ left: [Int64], _ right: [Int64]) -> [Int64] {
        if left.isEmpty { return right }
        if right.isEmpty { return left }
        var result: [Int64] = []
        result.reserveCapacity(max(left.count, right.count))
        var (i, j) = (0, 0)
        while i < left.count, j < right.count {
            let next = min(left[i], right[j])
            if left[i] == next { i += 1 }
            if right[j] == next { j += 1 }
            result.append(next)
        }
        result += left[i...]
        result += right[j...]
        return result
    }

    /// Those for which `isWanted` says yes, being told whether they are in the left and in the right.
    private static func merge(_ left: [Int64], _ right: [Int64], _ isWanted: (Bool, Bool) -> Bool) -> [Int64] {
        var result: [Int64] = []
        var (i, j) = (0, 0)
        while i < left.count {
            while j < right.count, right[j] < left[i] { j += 1 }
            if isWanted(true, j < right.count && right[j] == left[i]) { result.append(left[i]) }
            i += 1
        }
        return result
    }
}
