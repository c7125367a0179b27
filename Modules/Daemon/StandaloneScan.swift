package import MusicFSControl
package import MusicFSCore
import MusicFSSync
import MusicFSSystem

/// Scans without a mount, by the same rules as a daemon.
package final class StandaloneScan {
    private let standalone: StandaloneLibrary
    private let supervisor: TaskSupervisor

    /// - Parameter origin: the id of the only one to scan; nil for all.
    /// - Throws: `MountError` where a daemon has the library, or there is no such origin.
    package init(
        _ settings: DaemonSettings, origin: String?, logs: LogSystem, environment: [String: String]
    ) throws {
        standalone = try StandaloneLibrary(settings, origin: origin, logs: logs, environment: environment)
        supervisor = try TaskSupervisor(logger: logs.logger("tasks"))
    }

    /// Scans until all origins are done.
    ///
    /// - Parameters:
    ///   - isFull: reads the tags of all files again.
    ///   - shouldStop: asked ten times a second; what was read so far is kept, and the next scan goes on with it.
    ///   - show: takes the progress of each origin as often, and for the last time with the phase `done`.
    /// - Returns: whether it came to its end.
    package func run(
        isFull: Bool, shouldStop: () -> Bool, show: (ScanProgress) throws -> Void
    ) throws -> Bool {
        defer {
            _ = supervisor.cancelAll(deadline: .seconds(30))
            standalone.close()
        }
        var waiting: [(origin: OriginTask, ticket: Int)] = []
        for origin in standalone.origins {
            origin.bringUp()
            guard let synchronizer = origin.synchronizer else {
                try show(ScanProgress(origin: origin.setting.id, phase: .done, error: origin.message))
                continue
            }
            waiting.append((origin, synchronizer.requestScan(isFull: isFull)))
            try supervisor.start("sync-\(origin.setting.id)", beatLimit: .seconds(300)) { try origin.run($0) }
        }
        while !waiting.isEmpty {
            if shouldStop() { return false }
            _ = pollReadable([], milliseconds: 100)
            var rest: [(origin: OriginTask, ticket: Int)] = []
            for (origin, ticket) in waiting {
                guard let synchronizer = origin.synchronizer else { continue }
                let isDone = synchronizer.hasFinished(ticket)
                try show(ScanProgress(synchronizer.monitor.snapshot, isDone: isDone))
                if !isDone { rest.append((origin, ticket)) }
            }
            waiting = rest
        }
        return true
    }
}
