import MusicFSCore
import MusicFSOrigins
import MusicFSSystem

/// Watches the folders of one origin with inotify and tells in which of them something happened.
///
/// Events are hints: what is different is found by looking (`FolderWalk`). So a lost or doubled one does no harm.
final class FolderWatcher: Sendable {
    private let origin: any Origin
    /// nil for an origin that cannot be watched.
    private let root: FilePath?
    private let log: Logger
    private let state: Condition<State>

    struct State: Sendable {
        var inotify: Inotify
        /// Whether it is to be replaced: what it watches may not be what is there, or what it told may be lost.
        var isUsedUp = false
        var runs = 0
        /// Runs that have not ended.
        var readers = 0
        var dirty: DirtyFolders
        var paths: [CInt: [UInt8]] = [:]
        /// Events were lost, or the root itself is gone: only a scan of everything can tell what there is.
        var needsFullScan = false
        /// The user's watches are used up: the rest is polled.
        var isOutOfWatches = false
    }

    init(origin: any Origin, settings: SyncSettings, log: Logger) throws(SystemError) {
        self.origin = origin
        root = (origin as? LocalOrigin)?.root
        self.log = log
        state = Condition(
            State(
                inotify: try Inotify(),
                dirty: DirtyFolders(
                    quiet: settings.debounce.nanoseconds, longest: settings.longestDebounce.nanoseconds)))
    }

    var isOutOfWatches: Bool { state.withLock { $0.isOutOfWatches } }
    var watchCount: Int { state.withLock { $0.paths.count } }
    var hasReader: Bool { state.withLock { $0.readers > 0 } }

    /// Watches a folder, before it is listed.
    func watch(_ folder: [UInt8]) {
        guard let root, let inotify = state.withLock({ $0.isOutOfWatches ? nil : $0.inotify }) else { return }
        do throws(SystemError) {
            let watch = try inotify.watch(folder.isEmpty ? root : root.appending(folder))
            state.withLock { state in
                if state.inotify === inotify { state.paths[watch] = folder }
            }
        } catch  where error.errno == .noSpace {
            let isNew = state.withLock { state in
                defer { state.isOutOfWatches = true }
                return !state.isOutOfWatches
            }
            if isNew {
                log.warning(
                    """
                    the limit of inotify watches is reached, the remaining folders are polled; to watch them all: \
                    sysctl fs.inotify.max_user_watches=524288
                    """, metadata: ["origin": "\(origin.name)", "watched": "\(watchCount)"])
            }
        } catch {
            // Gone already; listing it will tell.
        }
    }

    /// Notes that something may have happened in a folder.
    func touch(_ folder: [UInt8]) {
        state.withLock { $0.dirty.touch(folder, isRecursive: false, at: monotonicNanoseconds()) }
        state.broadcast()
    }

    /// Reads events until it is cancelled. Runs on a thread of its own.
    ///
    /// Each run but the first begins with new watches and has everything scanned, since what happened meanwhile is not
    /// known. One that was cancelled may still wait beside the next: it has an instance of its own.
    func run(_ context: TaskContext) throws -> TaskExit {
        // An instance is interrupted for good.
        context.onCancel { [self] in state.withLock { $0.inotify }.interrupt() }
        state.withLock { state in
            if state.runs > 0 { state.isUsedUp = true }
            state.runs += 1
            state.readers += 1
        }
        defer { state.withLock { $0.readers -= 1 } }
        while !context.isCancelled {
            context.beat()
            let inotify = try currentInotify()
            let events = try inotify.events(waiting: 10_000)
            if events.isEmpty { continue }
            try Failpoint.watchThrows.pass()
            take(events, of: inotify)
        }
        return .stopped
    }

    /// The instance, or a new one where that is used up.
    private func currentInotify() throws(SystemError) -> Inotify {
        let known = state.withLock { state -> Inotify? in
            guard state.isUsedUp else { return state.inotify }
            state.paths = [:]
            return nil
        }
        if let known { return known }
        let fresh = try Inotify()
        state.withLock { state in
            state.inotify = fresh
            (state.isUsedUp, state.isOutOfWatches, state.needsFullScan) = (false, false, true)
        }
        state.broadcast()
        log.info("watching anew; everything is scanned", metadata: ["origin": "\(origin.name)"])
        return fresh
    }

    /// Has everything watched anew: what is watched may be another file system's by now, or gone.
    func renew() {
        let inotify = state.withLock { state in
            state.isUsedUp = true
            return state.inotify
        }
        inotify.interrupt()
    }

    /// A scan of everything begins: what was noticed before needs no other.
    func fullScanBegins() {
        state.withLock { state in
            state.needsFullScan = false
            state.dirty.removeAll()
        }
    }

    private func take(_ events: [Inotify.Event], of inotify: Inotify) {
        let now = monotonicNanoseconds()
        state.withLock { state in
            guard state.inotify === inotify else { return }
            for event in events {
                if event.isOverflow {
                    state.needsFullScan = true
                    continue
                }
                guard let folder = state.paths[event.watch] else { continue }
                if event.isIgnored { state.paths[event.watch] = nil }
                if event.isUnmounted || (event.isGone && folder.isEmpty) { state.needsFullScan = true }
                if event.isGone || event.isIgnored { continue }
                if !event.name.isEmpty, Names.isIgnored(event.name) { continue }
                state.dirty.touch(folder, isRecursive: false, at: now)
                if event.isDirectory, event.isArrival {
                    let path = folder.isEmpty ? event.name : folder + [UInt8(ascii: "/")] + event.name
                    state.dirty.touch(path, isRecursive: true, at: now)
                } else if event.isDirectory, !event.name.isEmpty {
                    // A folder that left: its files are looked for below its old path.
                    let path = folder.isEmpty ? event.name : folder + [UInt8(ascii: "/")] + event.name
                    state.dirty.touch(path, isRecursive: true, at: now)
                }
            }
        }
        state.broadcast()
    }

    /// What there is to do.
    enum Work: Sendable {
        case folders([(path: [UInt8], isRecursive: Bool)])
        case everything
        case nothing
    }

    /// Waits until folders are due, at most until `deadline`, or until `isWoken` says so after a `wake`.
    func next(until deadline: UInt64, isWoken: () -> Bool) -> Work {
        while true {
            let now = monotonicNanoseconds()
            let due = state.withLock { $0.dirty.nextDue } ?? .max
            if isWoken() || now >= deadline { return takeWork(now) }
            let work = takeWork(now)
            if case .nothing = work {} else { return work }
            // Woken by events, which may bring an earlier due time.
            let seen = due
            _ = state.wait(until: min(deadline, due)) { state in
                (state.dirty.nextDue ?? .max) != seen || state.needsFullScan || isWoken() ? true : nil
            }
        }
    }

    private func takeWork(_ now: UInt64) -> Work {
        state.withLock { state in
            if state.needsFullScan {
                state.needsFullScan = false
                state.dirty.removeAll()
                return .everything
            }
            let folders = state.dirty.takeDue(at: now)
            return folders.isEmpty ? .nothing : .folders(folders)
        }
    }

    func wake() { state.broadcast() }
}
