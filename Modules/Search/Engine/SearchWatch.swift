import MusicFSSystem

/// What ends a search before its time: the deadline, somebody who waits no more, too much memory, damage. Asked in every
/// loop that can be long. One for each search or merge.
final class SearchWatch {
    /// What all lists of one search may take, in bytes.
    static let memoryLimit = 256 << 20

    private let deadline: UInt64
    private let isCancelled: (() -> Bool)?
    private let interval: Int
    /// How many steps there are until the next look.
    private var left = 0
    private var memory = memoryLimit
    /// Why the search is to end; what it found until then is not the answer.
    private(set) var error: SearchError?

    /// - Parameters:
    ///   - deadline: see `monotonicNanoseconds`; nil for none.
    ///   - interval: after how many steps, of some nanoseconds each, the clock is looked at.
    init(deadline: UInt64? = nil, interval: Int = 16_384, isCancelled: (() -> Bool)? = nil) {
        self.deadline = deadline ?? .max
        self.interval = interval
        self.isCancelled = isCancelled
    }

    @inline(__always) var isOver: Bool { error != nil }

    /// Whether to end, when so many steps were made since it was asked last.
    @inline(__always) func isOver(after steps: Int) -> Bool {
        left &-= steps
        if left >= 0 { return false }
        return look()
    }

    private func look() -> Bool {
        if error == nil {
            if deadline != .max, monotonicNanoseconds() >= deadline {
                error = SearchError(.tooLong, "the query takes too long: look for longer words, or for fewer")
            } else if isCancelled?() == true {
                error = SearchError(.cancelled, "nobody waits for the answer")
            }
        }
        // Once it is over every step is a look.
        left = error == nil ? interval : -1
        return error != nil
    }

    private func end(_ reason: SearchError) {
        if error == nil { error = reason }
        left = -1
    }

    /// Something that was read cannot be what was written.
    func noteDamage() { end(SearchError(.damaged, "a segment holds what was never written")) }

    /// - Returns: whether so many bytes may be taken.
    func takeMemory(_ bytes: Int) -> Bool {
        memory -= bytes
        if memory < 0 {
            end(SearchError(.tooLong, "the words stand for too many others: look for longer ones, or for fewer"))
        }
        return memory >= 0
    }

    /// - Throws: what the search is to end with.
    func check() throws(SearchError) { if let error { throw error } }
}
