import MusicFSCAS
import MusicFSCache
import MusicFSCore
import MusicFSOrigins
import MusicFSSync
import MusicFSSystem

/// Where the mount stands, and its changes.
extension Server {
    /// - Parameter suspects: why the last walk of an origin is not believed, by its name.
    func state(suspects: [String: String]) -> (state: MountState, because: [String]) {
        var problems: [String] = []
        for origin in origins {
            let message = origin.message ?? content.health.health(of: origin.id)?.health.message
            if let message = message ?? suspects[origin.setting.id] {
                problems.append("\(origin.setting.id): \(message)")
            }
        }
        let cache = content.cache.statistics
        if cache.isOff { problems.append("cache: \(cache.lastError ?? "its disk gives errors")") }
        for task in supervisor.tasks where task.critical && [.stuck, .restarting, .failed].contains(task.state) {
            problems.append("task \(task.name): \(task.reason ?? task.state.rawValue)")
        }
        if content.health.isOffline { return (.offline, problems) }
        if !problems.isEmpty { return (.degraded, problems) }
        let isScanning = origins.contains {
            [.walking, .reading, .applying].contains($0.synchronizer?.monitor.snapshot.phase)
        }
        return (isScanning ? .syncing : .ready, [])
    }

    /// Tells of each change of state once: in the log, to those who follow the events, and to systemd.
    func followState(_ context: TaskContext) throws -> TaskExit {
        let reader = try library.makeReader()
        var state = MountState.mounting
        func move(to next: MountState, _ because: String) {
            guard next != state else { return }
            // What comes and goes with each scan is no news.
            let isNews = ![.mounting, .ready, .syncing].contains(state) || ![.ready, .syncing].contains(next)
            log.log(
                level: isNews ? .notice : .debug, "the mount's state changed",
                metadata: ["from": "\(state.rawValue)", "to": "\(next.rawValue)", "because": "\(because)"])
            events.publish(.mountStateChanged(from: state, to: next, because: because))
            if next == .offline { events.publish(.allOriginsUnhealthy(origins: origins.count)) }
            state = next
        }
        repeat {
            let suspects = try reader.origins().compactMap { record in record.suspect.map { (record.name, $0) } }
            let (next, because) = self.state(suspects: Dictionary(suspects) { first, _ in first })
            move(to: next, because.joined(separator: "; "))
        } while context.wait(for: .milliseconds(500))
        move(to: .unmounting, "told to stop")
        return .stopped
    }
}
