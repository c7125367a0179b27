import MusicFSCAS
import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSFUSE
import MusicFSOrigins
import MusicFSSync
import MusicFSSystem

/// Where the mount stands, and its changes.
extension Server {
    /// The origin of that name; all for nil.
    ///
    /// - Throws: `notFound`, with the names that there are.
    func origins(called name: String?) throws(ControlError) -> [OriginTask] {
        guard let name else { return origins }
        let chosen = origins.filter { $0.setting.id == name }
        guard !chosen.isEmpty else {
            let names = origins.map(\.setting.id).joined(separator: ", ")
            throw ControlError(.notFound, "there is no origin \(name)", remedy: "use one of: \(names)")
        }
        return chosen
    }

    /// Has the guardian start a successor, which reads everything anew.
    func beReplaced() throws(ControlError) {
        do throws(SystemError) { try guardian.replace() } catch {
            throw ControlError(.failed, "the guardian does not replace the server", cause: error)
        }
    }

    /// What is wrong with an origin; nil when nothing is.
    func problem(of origin: OriginTask, _ record: OriginRecord?) -> String? {
        origin.message ?? content.health.health(of: origin.id)?.health.message ?? record?.suspect
    }

    func state(_ records: [OriginRecord]) -> (state: MountState, because: [String]) {
        var problems = origins.compactMap { origin in
            problem(of: origin, records.first { $0.id == origin.id }).map { "\(origin.setting.id): \($0)" }
        }
        if let problem = recovery.problem { problems.append(problem) }
        if let problem = curation.problem { problems.append(problem) }
        if let problem = search.problem { problems.append(problem) }
        let cache = content.cache.statistics
        if let problem = resources.problem { problems.append("descriptors: \(problem)") }
        if cache.isOff { problems.append("cache: \(cache.lastError ?? "its disk gives errors")") }
        for task in supervisor.tasks where task.critical && [.stuck, .restarting, .failed].contains(task.state) {
            problems.append("task \(task.name): \(task.reason ?? task.state.rawValue)")
        }
        if content.health.isOffline { return (.offline, problems) }
        if !problems.isEmpty { return (.degraded, problems) }
        let isScanning = origins.contains { $0.synchronizer?.monitor.snapshot.isActive == true }
        return (isScanning ? .syncing : .ready, [])
    }

    /// Tells of each change of state once: in the log and to those who follow the events.
    func followState(_ context: TaskContext) throws -> TaskExit {
        let reader = try library.makeReader()
        var state = MountState.mounting
        var summary = OfflineSummary(interval: Pace.of(.seconds(60)))
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
            // What is wrong with a library that cannot be read is among the reasons already.
            let records = (try? reader.origins()) ?? []
            rebuild.update(library, records, origins, content.health)
            let (next, because) = self.state(records)
            move(to: next, because.joined(separator: "; "))
            let reads = OfflineSummary.Reads(
                cached: content.cache.statistics.hits, failed: fuse.statistics.failedReads.value)
            if let line = summary.note(isOffline: next == .offline, reads, now: monotonicNanoseconds()) {
                log.warning("\(line)")
            }
        } while context.wait(for: .milliseconds(500))
        move(to: .unmounting, "told to stop")
        return .stopped
    }
}
