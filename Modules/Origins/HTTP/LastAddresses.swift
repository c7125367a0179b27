import MusicFSSystem
import Synchronization

/// Where hosts answered last, for when a name cannot be resolved for a moment (resilience 4.2.5).
final class LastAddresses: Sendable {
    private struct Entry {
        var address: String
        /// When it answered there, found by its name.
        var time: UInt64
        var wasUsed = false
    }

    private let entries = Mutex<[String: Entry]>([:])
    /// Nanoseconds for which an address does without its name: later it may be somebody else's.
    static let limit: UInt64 = 60_000_000_000

    /// The host was found by its name and has answered.
    func note(_ host: String, _ address: String, now: UInt64 = monotonicNanoseconds()) {
        entries.withLock { $0[host] = Entry(address: address, time: now) }
    }

    /// The address to do with; nil where there is none that is young enough.
    ///
    /// - Returns: also whether this is the first use since the name was last resolved, which is worth a message.
    func address(of host: String, now: UInt64 = monotonicNanoseconds()) -> (address: String, isFirstUse: Bool)? {
        entries.withLock { entries in
            guard let entry = entries[host], now < entry.time &+ Self.limit else { return nil }
            entries[host]?.wasUsed = true
            return (entry.address, !entry.wasUsed)
        }
    }
}
