import MusicFSCache
import MusicFSOrigins
import MusicFSSync
import MusicFSSystem
import Synchronization

/// Whether a library that took the place of another is worth waiting for: there are origins that it has not seen, and that
/// are being scanned or will be at once. What an origin has that cannot be scanned now is not waited for.
final class RebuildWatch: Sendable {
    private let waiting = Atomic(true)

    /// Costs one atomic load.
    var isWaiting: Bool { waiting.load(ordering: .relaxed) }

    func update(_ library: Library, _ records: [OriginRecord], _ origins: [OriginTask], _ health: HealthMonitor) {
        guard library.isRebuilding else { return waiting.store(false, ordering: .relaxed) }
        let isExpected = origins.contains { origin in
            guard records.first(where: { $0.id == origin.id })?.lastScan == nil, origin.message == nil else {
                return false
            }
            switch origin.synchronizer?.monitor.snapshot.phase {
            case nil, .idle: return health.health(of: origin.id)?.health.status != .unhealthy
            case .walking, .reading, .applying: return true
            case .done, .failed: return false
            }
        }
        waiting.store(isExpected, ordering: .relaxed)
    }
}
