import MusicFSCAS
import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSFUSE
import MusicFSOrigins
import MusicFSSystem

/// Fetches into the cache what is likely to be played next, piece by piece and out of everybody's way.
///
/// One supervised task predicts and decides; what it begins is answered on other threads, which only note it here.
final class Prefetcher: Sendable {
    let settings: Configuration.Prefetch
    private let library: Library
    private let history: History
    private let content: Content
    private let log: Logger
    private let state = Condition(PrefetchState())
    let fetchedFiles: Counter
    let fetchedBytes: Counter
    /// Files that were fetched ahead and then opened.
    let used: Counter
    let failed: Counter
    let dropped: Counter

    /// Who looks at a file is gone by then, who plays it is not.
    private static let hold = Pace.of(.seconds(1)).nanoseconds

    init(
        _ settings: Configuration.Prefetch, library: Library, history: History, content: Content,
        metrics: MetricsRegistry, log: Logger
    ) {
        self.settings = settings
        self.library = library
        self.history = history
        self.content = content
        self.log = log
        fetchedFiles = metrics.counter("musicfs_prefetch_files_total", help: "Files that were fetched ahead.")
        fetchedBytes = metrics.counter("musicfs_prefetch_bytes_total", help: "Bytes that were fetched ahead.")
        used = metrics.counter("musicfs_prefetch_used_total", help: "Files that were fetched ahead and then opened.")
        failed = metrics.counter("musicfs_prefetch_failed_total", help: "Files that could not be fetched ahead.")
        dropped = metrics.counter(
            "musicfs_prefetch_dropped_total", help: "Files that were not fetched ahead, since too many waited.")
    }

    // MARK: What happens

    func opened(node: Int64, handle: UInt64, since: UInt64, needed: UInt64) {
        let isUsed = state.withLock { state in
            state.open(
                handle,
                PrefetchState.Open(node: node, due: since &+ min(Self.hold, needed), played: since &+ needed))
            state.isWoken = true
            guard let index = state.unused.firstIndex(of: node) else { return false }
            state.unused.remove(at: index)
            return true
        }
        if isUsed { used.increment() }
        state.signal()
    }

    /// - Parameter wasRead: whether much of it was read, so that it was not just looked at: some programs read a file at
    ///   once and play it from memory.
    func released(handle: UInt64, at time: UInt64, wasRead: Bool) {
        let isNews = state.withLock { state in
            let isNews = state.release(handle, at: time, wasRead: wasRead)
            if isNews { state.isWoken = true }
            return isNews
        }
        if isNews { state.signal() }
    }

    private func wake(_ change: (inout PrefetchState) -> Void) {
        state.withLock { state in
            change(&state)
            state.isWoken = true
        }
        state.signal()
    }

    // MARK: The task

    /// A supervised task.
    func run(_ context: TaskContext) throws -> TaskExit {
        state.withLock { state in
            // Answers that a run before this one awaits come all the same.
            state.running = state.running.filter { $0.value.isBusy }
        }
        context.onCancel { [self] in wake { _ in } }
        let reader = try library.makeReader()
        let predictor = Predictor(library: reader, history: history, count: settings.tracks)
        let tree = try library.makeTreeReader()
        var hour: Int?
        while !context.isCancelled {
            context.beat()
            let thisHour = localHour(wallClockNanoseconds())
            if hour != thisHour {
                hour = thisHour
                guess(cause: nil) { () throws(CacheError) in try predictor.guesses(hour: thisHour) }
            }
            for (handle, node) in takeDue(monotonicNanoseconds()) {
                guess(cause: handle) { () throws(CacheError) in try predictor.guesses(after: node, hour: thisHour) }
            }
            let next = try proceed(tree)
            _ = state.wait(until: next) { state -> Bool? in
                guard state.isWoken else { return nil }
                state.isWoken = false
                return true
            }
        }
        return .stopped
    }

    private func takeDue(_ now: UInt64) -> [(handle: UInt64, node: Int64)] {
        state.withLock { state in
            let due = state.opens.filter { $0.value.due.map { $0 <= now } ?? false }
            for handle in due.keys { state.opens[handle]?.due = nil }
            defer { state.readThrough.removeAll() }
            return state.readThrough.map { ($0.handle, $0.node) } + due.map { ($0.key, $0.value.node) }
        }
    }

    /// Enters what is guessed. A history or a library that cannot be read has no guesses.
    private func guess(cause: UInt64?, _ body: () throws(CacheError) -> [Predictor.Guess]) {
        let guesses: [Predictor.Guess]
        do throws(CacheError) { guesses = try body() } catch {
            return log.debug("nothing is predicted", metadata: ["error": "\(error)"])
        }
        guard !guesses.isEmpty else { return }
        enter(
            guesses.map { PrefetchQueue.Entry(node: $0.node, priority: $0.priority, reason: $0.reason, cause: cause) },
            forgetsClosed: cause != nil)
    }

    private func enter(_ entries: [PrefetchQueue.Entry], forgetsClosed: Bool) {
        let refused = state.withLock { $0.enter(entries, forgetsClosed: forgetsClosed) }
        dropped.increment(by: UInt64(max(refused, 0)))
    }

    // MARK: Fetching

    /// Begins and goes on with what can be.
    ///
    /// - Returns: when to look again, if nothing happens before.
    private func proceed(_ tree: TreeReader) throws -> UInt64 {
        let now = monotonicNanoseconds()
        let (isIdle, due) = state.withLock { state in
            (state.queue.entries.isEmpty && state.running.isEmpty, state.opens.values.compactMap(\.due).min())
        }
        let limit = min(now + 30_000_000_000, due ?? .max)
        if isIdle { return limit }
        let obstacle = content.cache.obstacleToPrefetch
        state.withLock { $0.obstacle = obstacle }
        if obstacle != nil { return min(limit, now + Pace.of(.seconds(1)).nanoseconds) }
        try state.beginNext(limit: settings.concurrent) { try begin($0, tree) }
        let quiet = max(settings.quiet.nanoseconds, 1_000_000)
        guard let since = content.cache.quietSince, now >= since &+ settings.quiet.nanoseconds else {
            return min(limit, now + quiet)
        }
        for (node, file, range) in takeReady(now) {
            file.fetch(range) { [self] outcome in ended(node, range, outcome) }
        }
        // What waits for another piece goes on when that has ended.
        return min(limit, state.withLock { $0.nextTry(after: now) } ?? .max)
    }

    private func takeReady(_ now: UInt64) -> [(Int64, AheadFile, Range<Int64>)] {
        let sources = state.withLock { $0.running.compactMapValues { $0.isBusy ? nil : $0.source } }
        // Asking for the origins' health takes other locks.
        let lines = sources.compactMapValues { $0.first.map { AheadLine($0) } }
        return state.withLock { state in
            state.takeReady(now, lines).compactMap { node in
                guard let running = state.running[node], let file = running.file else { return nil }
                return (node, file, file.piece(at: running.offset, most: lines[node]?.most ?? .max))
            }
        }
    }

    /// Opens what is to be fetched, if it is to be fetched at all.
    private func begin(_ entry: PrefetchQueue.Entry, _ tree: TreeReader) throws {
        guard let found = try tree.entry(node: entry.node), found.kind == .file,
            let version = try tree.version(found.version), content.router.plan(origin: version.origin) == .cached,
            version.size <= content.cache.largestAhead
        else { return forget(entry.node) }
        let others = try tree.otherReplicas(of: version)
        guard ([version.origin] + others.map(\.origin)).contains(where: content.health.isUsable) else {
            return forget(entry.node)
        }
        content.router.openAhead(version, others: others) { [self] opened in
            guard let (file, source) = opened, file.storedBytes < file.size else { return forget(entry.node) }
            wake { state in
                state.running[entry.node]?.file = file
                state.running[entry.node]?.source = source
                state.running[entry.node]?.size = file.size
                state.running[entry.node]?.isBusy = false
                state.dropUnwanted()
            }
        }
    }

    private func forget(_ node: Int64) { wake { $0.running[node] = nil } }

    /// A piece was fetched, or not.
    private func ended(_ node: Int64, _ range: Range<Int64>, _ outcome: AheadFile.Outcome) {
        switch outcome {
        case .failed(let error):
            failed.increment()
            log.debug("a file is not fetched ahead", metadata: ["node": "\(node)", "error": "\(error)"])
            forget(node)
        case .noRoom:
            wake { state in
                guard var running = state.running[node] else { return }
                running.refusals += 1
                (running.isBusy, running.nextTry) = (false, monotonicNanoseconds() + 500_000_000)
                running.origin = nil
                state.running[node] = running.refusals > 20 ? nil : running
                state.dropUnwanted()
            }
        case .stored(let count):
            fetchedBytes.increment(by: UInt64(max(count, 0)))
            var isDone = false
            wake { state in
                guard var running = state.running[node] else { return }
                (running.isBusy, running.refusals, running.offset) = (false, 0, range.upperBound)
                running.origin = nil
                running.fetched += count
                isDone = running.offset >= running.size
                state.running[node] = isDone ? nil : running
                state.dropUnwanted()
                guard isDone, running.fetched > 0, !state.opens.values.contains(where: { $0.node == node }) else {
                    return
                }
                state.unused.removeAll { $0 == node }
                if state.unused.count >= 1000 { state.unused.removeFirst() }
                state.unused.append(node)
            }
            if isDone { fetchedFiles.increment() }
        }
    }

    // MARK: Telling

    /// What it does, for `prefetch status`.
    func report() -> PrefetchReport {
        let (running, pending, obstacle) = state.withLock { state in
            (state.running.values.map(\.self), state.queue.entries, state.obstacle)
        }
        let tree = try? library.makeTreeReader()
        func item(_ entry: PrefetchQueue.Entry, _ file: PrefetchState.Running?) -> PrefetchReport.Item {
            PrefetchReport.Item(
                path: (try? tree?.path(ofFile: entry.node))?.description ?? "", reason: entry.reason.rawValue,
                priority: entry.priority, bytes: file?.offset ?? 0, size: file?.size ?? 0)
        }
        var report = PrefetchReport(isEnabled: true)
        report.running = running.sorted { $0.entry.node < $1.entry.node }.map { item($0.entry, $0) }
        report.pending = pending.sorted { $0.priority > $1.priority }.map { item($0, nil) }
        report.pausedBecause = running.isEmpty && pending.isEmpty ? nil : obstacle
        report.fetchedFiles = Int64(clamping: fetchedFiles.value)
        report.fetchedBytes = Int64(clamping: fetchedBytes.value)
        report.usedFiles = Int64(clamping: used.value)
        report.failed = Int64(clamping: failed.value)
        report.dropped = Int64(clamping: dropped.value)
        return report
    }
}

extension Prefetcher: HintReceiver {
    func hint(node: Int64) {
        let entry = PrefetchQueue.Entry(
            node: node, priority: PrefetchQueue.hintPriority, reason: .hint, cause: nil)
        enter([entry], forgetsClosed: false)
        wake { _ in }
    }
}
