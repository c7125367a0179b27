package import MusicFSCache
package import MusicFSCore
package import MusicFSOrigins
package import MusicFSSystem
import Synchronization

/// Keeps the library in step with one origin: scans it at the start, on demand, when its folders change, and by the
/// clock where they cannot be watched.
///
/// Two tasks: `watch` reads events, `run` does everything else. Both belong to the supervisor.
package final class OriginSynchronizer: Sendable {
    package let origin: any Origin
    package let monitor: ScanMonitor
    /// Files that came, went or changed, since the start.
    package let filesChanged = Counter()
    private let library: Library
    private let media: any MediaReader
    private let settings: SyncSettings
    private let log: Logger
    private let events: EventBus
    private let remote: (any RemoteContent)?
    private let watcher: FolderWatcher
    private let requests: Mutex<Requests>

    private struct Requests {
        /// Scans that were asked for and have not begun.
        var pending: Request?
        /// Files with times in these are to be read again.
        var doubtful: [ClosedRange<Int64>] = []
        /// How many scans of everything have been asked for, and how many have ended.
        var asked = 0
        var done = 0
    }

    private struct Request {
        var acceptsRemovals: Bool
        var isFull: Bool
    }

    package init(
        origin: any Origin, library: Library, media: any MediaReader, remote: (any RemoteContent)?,
        settings: SyncSettings, events: EventBus,
        log: Logger, scansAtStart: Bool
    ) throws(SystemError) {
        self.origin = origin
        self.library = library
        self.media = media
        self.remote = remote
        self.settings = settings
        self.events = events
        self.log = log
        monitor = ScanMonitor(origin: origin.name)
        watcher = try FolderWatcher(origin: origin, settings: settings, log: log)
        requests = Mutex(Requests(pending: scansAtStart ? Request(acceptsRemovals: false, isFull: false) : nil))
    }

    /// Whether changes are noticed by inotify; false while the origin is polled.
    package var isWatching: Bool {
        !origin.isFarAway && watcher.hasReader && !watcher.isOutOfWatches && watcher.watchCount > 0
    }

    /// Asks for a scan of everything; several requests before it begins become one.
    ///
    /// - Parameters:
    ///   - acceptsRemovals: what has vanished is gone, even if it is much.
    ///   - isFull: reads the tags of all files again.
    /// - Returns: a ticket for `hasFinished`.
    @discardableResult
    package func requestScan(acceptsRemovals: Bool = false, isFull: Bool = false) -> Int {
        let ticket = requests.withLock { requests in
            let earlier = requests.pending
            requests.pending = Request(
                acceptsRemovals: acceptsRemovals || earlier?.acceptsRemovals ?? false,
                isFull: isFull || earlier?.isFull ?? false)
            requests.asked += 1
            return requests.asked
        }
        watcher.wake()
        return ticket
    }

    /// Whether the scan of a ticket has come to its end.
    package func hasFinished(_ ticket: Int) -> Bool { requests.withLock { $0.done >= ticket } }

    /// Has one folder looked at, after the debounce: somebody found a file in it that is another one by now.
    package func requestLook(at folder: [UInt8]) { watcher.touch(folder) }

    /// The origin is back: what its folders are by now is watched, and what changed meanwhile is looked for.
    package func resume() {
        // The watcher asks for the scan once it watches anew, so that nothing falls in between.
        if !origin.isFarAway, watcher.hasReader { watcher.renew() } else { requestScan() }
    }

    /// Has the files read again whose modification times, nanoseconds since the epoch, lie in these ranges: what was
    /// written there may look unchanged and not be.
    package func confirm(_ times: [ClosedRange<Int64>]) {
        requests.withLock { $0.doubtful += times }
        watcher.wake()
    }

    package func watch(_ context: TaskContext) throws -> TaskExit { try watcher.run(context) }

    /// The synchronizer's thread.
    package func run(_ context: TaskContext) throws -> TaskExit {
        context.onCancel { [watcher] in watcher.wake() }
        var nextPoll = monotonicNanoseconds() &+ settings.pollInterval.nanoseconds
        while !context.isCancelled {
            context.beat()
            if let request = requests.withLock({ requests in
                defer { requests.pending = nil }
                return requests.pending
            }) {
                watcher.fullScanBegins()
                scanEverything(request, context)
                nextPoll = monotonicNanoseconds() &+ settings.pollInterval.nanoseconds
                continue
            }
            let doubtful = requests.withLock { requests in
                defer { requests.doubtful = [] }
                return requests.doubtful
            }
            if !doubtful.isEmpty {
                try confirm(doubtful, context)
                continue
            }
            let now = monotonicNanoseconds()
            let isPolled = !isWatching
            if isPolled, now >= nextPoll {
                requestScan()
                continue
            }
            // At least every minute it shows that it lives.
            let wait = min(isPolled ? nextPoll : .max, now &+ 60_000_000_000)
            switch watcher.next(until: wait, isWoken: { context.isCancelled || hasRequest }) {
            case .everything: requestScan()
            case .folders(let folders): try scan(folders, context)
            case .nothing: break
            }
        }
        return .stopped
    }

    private var hasRequest: Bool { requests.withLock { $0.pending != nil || !$0.doubtful.isEmpty } }

    // MARK: Scans

    private func scanEverything(_ request: Request, _ context: TaskContext) {
        let ticket = requests.withLock { $0.asked }
        let expected = try? library.makeReader().origins().first { $0.id == origin.id }?.files
        monitor.update { state in
            let sequence = state.sequence + 1
            state = ScanState(
                origin: origin.name, sequence: sequence, phase: .walking, started: monotonicNanoseconds())
            state.filesExpected = expected.flatMap { $0 > 0 ? Int($0) : nil }
        }
        events.publish(.syncStarted(origin: origin.name))
        do {
            let record = try begin()
            let isComplete = try makeScan(context, rereads: request.isFull).run(
                .everything, acceptsRemovals: request.acceptsRemovals)
            if isComplete { try finish(record) }
            monitor.update { $0.phase = .done }
        } catch {
            let message = describe(error)
            log.error("the scan failed", metadata: ["origin": "\(origin.name)", "error": "\(message)"])
            monitor.update {
                $0.phase = .failed
                $0.error = message
            }
        }
        monitor.update { $0.ended = monotonicNanoseconds() }
        // Batches and worker answers come and go by the thousand; what they leave would stay for the daemon's life.
        ThisProcess.releaseFreeMemory()
        report()
        requests.withLock { $0.done = max($0.done, ticket) }
    }

    /// The record of a scan in the library: one that did not come to its end is told of, and gone on with, since what
    /// it has read already is known by its stamp.
    private func begin() throws -> ScanRecord {
        let earlier = try library.makeReader().scan(origin: origin.id)
        if let earlier, earlier.phase != .finished {
            log.info(
                "going on with a scan that was interrupted",
                metadata: ["origin": "\(origin.name)", "files": "\(earlier.filesSeen)"])
        }
        let record = ScanRecord(
            origin: origin.id, sequence: (earlier?.sequence ?? 0) + 1, phase: .walking,
            started: wallClockNanoseconds(), filesSeen: 0, lastFolder: [])
        try library.saveScan(record)
        return record
    }

    private func finish(_ record: ScanRecord) throws {
        var record = record
        record.phase = .finished
        record.filesSeen = Int64(monitor.snapshot.filesSeen)
        try library.saveScan(record)
    }

    private func confirm(_ times: [ClosedRange<Int64>], _ context: TaskContext) throws {
        let folders = try library.makeReader().folders(origin: origin.id, modifiedWithin: times)
        log.info(
            "files written about the time of a clock jump are read again",
            metadata: ["origin": "\(origin.name)", "folders": "\(folders.count)"])
        if !folders.isEmpty { try scan(folders.map { ($0, false) }, doubtful: times, context) }
    }

    private func scan(
        _ folders: [(path: [UInt8], isRecursive: Bool)], doubtful: [ClosedRange<Int64>] = [], _ context: TaskContext
    ) throws {
        let before = monitor.snapshot
        // It is none of the scans that are followed.
        defer { monitor.update { $0.phase = before.phase } }
        do {
            _ = try makeScan(context, rereads: false, doubtful: doubtful).run(.folders(folders), acceptsRemovals: false)
        } catch {
            // What is wrong with a folder may be wrong with all: a scan of everything tells.
            log.warning(
                "could not look at changed folders; everything will be scanned",
                metadata: ["origin": "\(origin.name)", "error": "\(describe(error))"])
            _ = context.wait(for: .seconds(1))
            requestScan()
            return
        }
        let now = monitor.snapshot
        let changed =
            now.filesNew + now.filesChanged + now.filesRemoved - before.filesNew - before.filesChanged
            - before.filesRemoved
        if changed > 0 { tell(changed) }
    }

    private func makeScan(
        _ context: TaskContext, rereads: Bool, doubtful: [ClosedRange<Int64>] = []
    ) -> OriginScan {
        OriginScan(
            origin: origin, library: library, media: media, remote: remote, monitor: monitor, settings: settings,
            rereads: rereads, doubtful: doubtful,
            log: log, willList: { [watcher, origin] in if !origin.isFarAway { watcher.watch($0) } },
            isCancelled: { context.isCancelled }, beat: { context.beat() })
    }

    private func report() {
        let state = monitor.snapshot
        let seconds = Double((state.ended ?? state.started) &- state.started) / 1e9
        let changed = state.filesNew + state.filesChanged + state.filesRemoved
        log.info(
            "scanned",
            metadata: [
                "origin": "\(origin.name)", "files": "\(state.filesSeen)", "new": "\(state.filesNew)",
                "changed": "\(state.filesChanged)", "removed": "\(state.filesRemoved)",
                "unreadable": "\(state.filesUnreadable)", "milliseconds": "\(Int(seconds * 1000))",
            ])
        tell(changed)
    }

    private func tell(_ changed: Int) {
        filesChanged.increment(by: UInt64(max(0, changed)))
        events.publish(.syncCompleted(origin: origin.name, filesChanged: changed))
    }

    private func describe(_ error: any Error) -> String { "\(error)" }
}
