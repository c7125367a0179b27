package import MusicFSCore
import MusicFSSystem

/// Knows which origins answer: checks all of them at the same time, each on its own lane and with a deadline, and hears
/// of every request. Nobody waits for one that hangs.
package final class HealthMonitor: Sendable {
    package struct Settings: Hashable, Sendable {
        /// `health.interval`.
        package var interval = Duration.seconds(30)
        /// `health.timeout`.
        package var timeout = Duration.seconds(5)
        /// `health.slow`.
        package var slow = Duration.seconds(2)

        package init() {}
    }

    /// What is told when an origin's status changes.
    package typealias OnChange = @Sendable (_ origin: Int64, _ old: OriginHealth.Status, _ new: OriginHealth) -> Void

    private struct Entry: Sendable {
        var origin: any Origin
        var health: OriginHealth
        var lastCheck: Int64?
        var nextCheck: UInt64 = 0
        var isUnderWay = false
    }

    private let settings: Settings
    private let onChange: OnChange
    private let entries = Condition<[Int64: Entry]>([:])

    /// - Parameter onChange: called on any thread; it must not block.
    package init(settings: Settings, onChange: @escaping OnChange) {
        self.settings = settings
        self.onChange = onChange
    }

    /// - Parameter threshold: how many failures in a row make it unhealthy.
    package func add(_ origin: any Origin, threshold: Int) {
        let health = OriginHealth(threshold: threshold, slow: settings.slow.nanoseconds)
        entries.withLock { $0[origin.id] = Entry(origin: origin, health: health) }
        entries.broadcast()
    }

    /// What is known of an origin, and when it was last checked (nanoseconds since the epoch).
    package func health(of origin: Int64) -> (health: OriginHealth, lastCheck: Int64?)? {
        entries.withLock { $0[origin].map { ($0.health, $0.lastCheck) } }
    }

    /// Whether origins are known and none of them answers.
    package var isOffline: Bool {
        entries.withLock { !$0.isEmpty && $0.values.allSatisfy { $0.health.status == .unhealthy } }
    }

    /// Has one origin checked at once, or all.
    package func checkNow(_ origin: Int64? = nil) {
        entries.withLock { entries in
            for id in entries.keys where origin == nil || id == origin { entries[id]?.nextCheck = 0 }
        }
        entries.broadcast()
    }

    /// A request ended, well or with an error that says something about the origin.
    package func note(origin: Int64, error: OriginError?, latency: UInt64) {
        update(origin) { health in
            switch error?.code {
            case nil, .notFound, .changed, .permission, .invalid: health.noteAnswer(latency: latency)
            // One bad file must not take the origin away from all others: whether it is well, its check tells.
            case .transient: break
            case .unreachable, .nameResolution: if let error { health.noteFailure(error) }
            }
        }
    }

    private func update(_ origin: Int64, _ change: (inout OriginHealth) -> Void) {
        let changed = entries.withLock { entries -> (OriginHealth.Status, OriginHealth)? in
            guard let old = entries[origin]?.health else { return nil }
            var health = old
            change(&health)
            entries[origin]?.health = health
            // One that is in doubt is asked again soon.
            if health.status == .degraded, old.status == .healthy { entries[origin]?.nextCheck = 0 }
            return health.status == old.status ? nil : (old.status, health)
        }
        guard let changed else { return }
        entries.broadcast()
        onChange(origin, changed.0, changed.1)
    }

    // MARK: Checks

    /// Checks until it is cancelled; a supervised task.
    package func run(_ context: TaskContext) throws -> TaskExit {
        context.onCancel { [self] in entries.broadcast() }
        var nextTidy: UInt64 = 0
        while !context.isCancelled {
            context.beat()
            let now = monotonicNanoseconds()
            for origin in takeDue(now) { check(origin) }
            if now >= nextTidy {
                nextTidy = now &+ 5_000_000_000
                for origin in entries.withLock({ $0.values.map(\.origin) }) { tidy(origin) }
            }
            let wake = min(nextTidy, entries.withLock { $0.values.map(\.nextCheck).min() ?? .max })
            // One that is to be checked now is not left to wait for the next that is due.
            _ = entries.wait(until: max(wake, now &+ 10_000_000)) { entries in
                let isAsked = entries.values.contains { $0.nextCheck == 0 && !$0.isUnderWay }
                return context.isCancelled || isAsked ? true : nil
            }
        }
        return .stopped
    }

    private func tidy(_ origin: any Origin) {
        origin.lane.submit(deadline: settings.timeout) { () throws(OriginError) in
            origin.closeIdle()
        } completion: { _ in
        }
    }

    private func takeDue(_ now: UInt64) -> [any Origin] {
        let isOffline = self.isOffline
        return entries.withLock { entries in
            var due: [any Origin] = []
            for (id, entry) in entries where entry.nextCheck <= now && !entry.isUnderWay {
                var interval = settings.interval.nanoseconds
                // While nothing answers there is no hurry; while only the name cannot be found, there is.
                if isOffline { interval = max(interval, min(interval * 2, 60_000_000_000)) }
                if entry.health.status == .degraded { interval = min(interval, 5_000_000_000) }
                entries[id]?.nextCheck = now &+ interval
                entries[id]?.isUnderWay = true
                due.append(entry.origin)
            }
            return due
        }
    }

    private func check(_ origin: any Origin) {
        let begin = monotonicNanoseconds()
        let timeout = settings.timeout
        origin.lane.submit(deadline: timeout) { () throws(OriginError) in
            try origin.check(deadline: begin &+ timeout.nanoseconds)
        } completion: { [self] result in
            entries.withLock { entries in
                entries[origin.id]?.isUnderWay = false
                entries[origin.id]?.lastCheck = wallClockNanoseconds()
            }
            update(origin.id) { health in
                switch result {
                case .success: health.noteAnswer(latency: monotonicNanoseconds() - begin)
                case .failure(.failed(let error)): health.noteFailure(error)
                case .failure(let refusal): health.noteFailure(OriginError(.unreachable, "\(refusal)"))
                }
            }
        }
    }

    // MARK: Routing

    /// Origins by health, priority and median latency (D9); one that was never measured comes last among equals.
    package func order(_ replicas: [(origin: Int64, priority: Int)]) -> [Int64] {
        let known = entries.withLock { entries in
            replicas.map { replica in
                let health = entries[replica.origin]?.health
                return (
                    id: replica.origin, rank: health?.rank ?? 2, priority: replica.priority,
                    latency: health?.medianLatency ?? .max
                )
            }
        }
        return known.sorted { ($0.rank, $0.priority, $0.latency) < ($1.rank, $1.priority, $1.latency) }.map(\.id)
    }

    package func isUsable(origin: Int64) -> Bool {
        entries.withLock { $0[origin].map { $0.health.status != .unhealthy } ?? false }
    }
}
