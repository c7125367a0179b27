import MusicFSCore
import MusicFSOrigins
import MusicFSSync
import Synchronization

/// The origins by their number, for those who are made before them: what becomes of news about an origin.
final class OriginDirectory: Sendable {
    private struct State {
        var origins: [Int64: OriginTask] = [:]
        /// Starts an origin's tasks anew that had failed for good.
        var revive: @Sendable (OriginTask) -> Void = { _ in }
    }

    private let state = Mutex(State())
    private let events: EventBus
    private let log: Logger

    init(events: EventBus, log: Logger) {
        self.events = events
        self.log = log
    }

    /// - Parameter revive: starts an origin's tasks anew that had failed for good.
    func set(_ tasks: [OriginTask], revive: @escaping @Sendable (OriginTask) -> Void) {
        let origins = Dictionary(tasks.map { ($0.id, $0) }) { first, _ in first }
        state.withLock { $0 = State(origins: origins, revive: revive) }
    }

    /// A file turned out to be another one by now: its folder is looked at.
    func look(_ origin: Int64, at folder: [UInt8]) {
        state.withLock { $0.origins[origin] }?.synchronizer?.requestLook(at: folder)
    }

    func healthChanged(_ origin: Int64, _ old: OriginHealth.Status, _ new: OriginHealth) {
        guard let task = state.withLock({ $0.origins[origin] }) else { return }
        let name = task.setting.id
        switch new.status {
        case .healthy where old == .unknown: log.debug("the origin answers", metadata: ["origin": "\(name)"])
        case .healthy: log.info("the origin is healthy again", metadata: ["origin": "\(name)"])
        case .degraded, .unknown:
            log.warning(
                "the origin is degraded", metadata: ["origin": "\(name)", "reason": "\(new.message ?? "")"])
        case .unhealthy:
            log.error(
                "the origin does not answer; what is cached of it goes on playing",
                metadata: ["origin": "\(name)", "reason": "\(new.message ?? "")"])
            events.publish(.originDisconnected(origin: name))
        }
        if old != .unknown || new.status == .unhealthy {
            events.publish(.originHealthChanged(origin: name, isHealthy: new.status == .healthy))
        }
        if old == .unhealthy { events.publish(.originConnected(origin: name)) }
        // What changed meanwhile, and what was served from elsewhere, is looked at; and what a failed scan did not see.
        let hasMissed = new.status == .healthy && task.synchronizer?.monitor.snapshot.phase == .failed
        if old == .unhealthy || hasMissed {
            state.withLock { $0.revive }(task)
            task.synchronizer?.resume()
        }
    }
}
