import MusicFSCache
import MusicFSCore
import MusicFSFUSE
import MusicFSSystem

/// Tells of files that come, go and change, by their paths in the mount; and of opens and releases, to those who follow
/// the events, to the history and to the prefetcher.
final class FileEvents: Sendable {
    private struct State: Sendable {
        var accesses: [Access] = []
        var isCancelled = false
    }

    private enum Access: Sendable {
        case opened(Opened)
        case released(handle: UInt64, at: UInt64, wasRead: Bool)
    }

    private struct Opened: Sendable {
        var version: ContentVersion
        var handle: UInt64
        /// Nanoseconds since 1970.
        var time: Int64
        /// The same moment by CLOCK_MONOTONIC.
        var since: UInt64
    }

    /// Opens that wait to be told; further ones are counted and not told.
    private static let limit = 4096
    /// What comes of a release is small, and a play would be lost.
    private static let releaseLimit = 4 * limit
    /// So many accesses, and the history is pruned: scanners open everything.
    private static let pruned = 10_000
    /// Accesses are written together, so often at the most, nanoseconds.
    private static let writePause: UInt64 = 500_000_000

    private let events: EventBus
    private let mountPoint: FilePath
    private let waiting = Condition(State())
    /// Opens and releases that were not told, because so many came at once.
    let dropped = Counter()

    init(_ events: EventBus, mountPoint: FilePath) {
        self.events = events
        self.mountPoint = mountPoint
    }

    /// What a commit did. On the thread that wrote it, which is held up for at most 100 ms, and only where somebody
    /// listens who would lose some of it otherwise.
    func changed(_ files: [FileChange]) {
        events.publish(
            files.map { file in
                let path = path(file.path)
                switch file.kind {
                case .added: return .fileAdded(path: path, origin: file.origin, file: file.track)
                case .removed: return .fileRemoved(path: path, origin: file.origin, file: file.track)
                case .modified: return .fileModified(path: path, origin: file.origin, file: file.track)
                }
            }, patience: .milliseconds(100))
    }

    private func add(_ access: Access, limit: Int) {
        let isFirst: Bool? = waiting.withLock { state in
            guard state.accesses.count < limit else { return nil }
            state.accesses.append(access)
            return state.accesses.count == 1
        }
        switch isFirst {
        case true?: waiting.signal()
        case false?: break
        case nil: dropped.increment()
        }
    }

    private func takeAll(_ state: inout State) -> [Access] {
        defer { state.accesses.removeAll(keepingCapacity: true) }
        return state.accesses
    }

    /// Tells of the opens and releases; a supervised task.
    ///
    /// - Parameter onPlay: called when something more was played.
    func run(
        _ context: TaskContext, library: Library, history: History, prefetcher: Prefetcher?, onPlay: () -> Void
    ) throws -> TaskExit {
        waiting.withLock { $0.isCancelled = false }
        context.onCancel { [waiting] in
            waiting.withLock { $0.isCancelled = true }
            waiting.signal()
        }
        var teller = Teller(
            tree: try library.makeTreeReader(), reader: try library.makeReader(), prefetcher: prefetcher)
        // What was taken is written, whatever happens.
        defer { history.note(teller.entries) }
        var nextWrite: UInt64 = 0
        // Not at once: a clock that is wrong when the machine starts is set right meanwhile, and would cost everything.
        var nextPruning = monotonicNanoseconds() + Pace.of(.seconds(3600)).nanoseconds
        var noted = 0
        while !context.isCancelled {
            context.beat()
            let begin = monotonicNanoseconds()
            if begin >= nextPruning {
                history.prune()
                nextPruning = begin + Pace.of(.seconds(3600)).nanoseconds
            }
            // At least every half minute it shows that it lives.
            let deadline = teller.entries.isEmpty ? begin + 30_000_000_000 : nextWrite
            let accesses = waiting.wait(until: deadline) { state -> [Access]? in
                if state.accesses.isEmpty { return state.isCancelled ? [] : nil }
                return takeAll(&state)
            }
            for access in accesses ?? [] { tell(access, &teller) }
            let now = monotonicNanoseconds()
            if !teller.entries.isEmpty, now >= nextWrite || teller.entries.count >= Self.limit {
                let plays = history.note(teller.entries)
                if let plays, plays > 0 { onPlay() }
                noted += teller.entries.count
                // A release that is never written would make a play of days.
                teller.entries = plays == nil ? teller.entries.filter(\.isRelease).suffix(Self.releaseLimit) : []
                nextWrite = now + Self.writePause
            }
            if noted >= Self.pruned {
                history.prune()
                noted = 0
            }
        }
        return .stopped
    }

    /// What the task works with.
    private struct Teller {
        let tree: TreeReader
        let reader: LibraryReader
        let prefetcher: Prefetcher?
        var names: [Int64: String] = [:]
        /// What is to be written to the history.
        var entries: [History.Entry] = []
    }

    /// A library that cannot be read is what others tell of; the history goes on without those opens.
    private func tell(_ access: Access, _ teller: inout Teller) {
        do throws(CacheError) { try note(access, &teller) } catch {
            dropped.increment()
        }
    }

    private func note(_ access: Access, _ teller: inout Teller) throws(CacheError) {
        switch access {
        case .released(let handle, let time, let wasRead):
            teller.entries.append(.released(handle: handle, at: time))
            teller.prefetcher?.released(handle: handle, at: time, wasRead: wasRead)
        case .opened(let opened):
            let version = opened.version
            if teller.names[version.origin] == nil {
                teller.names[version.origin] = try teller.tree.origin(version.origin)?.name
            }
            let origin = teller.names[version.origin] ?? ""
            if let track = version.track, let path = version.path {
                let needed = History.needed(duration: try teller.reader.duration(ofTrack: track))
                teller.entries.append(
                    .opened(
                        History.Opening(
                            handle: opened.handle, file: OriginPath(origin: origin, path: path.bytes),
                            time: opened.time, since: opened.since, needed: needed)))
                teller.prefetcher?.opened(
                    node: version.node, handle: opened.handle, since: opened.since, needed: needed)
            }
            // One that has gone since has no path to be told by.
            guard let path = try teller.tree.path(ofFile: version.node) else { return }
            events.publish(
                .fileAccessed(
                    file: version.track, path: self.path(path), origin: origin, offset: 0, size: version.size))
        }
    }

    /// The mount ends, and the task has: notes what was released since. What is open then is held no longer.
    ///
    /// - Parameter isOpen: whether a handle is known to be open.
    func endMount(_ history: History, isOpen: (UInt64) -> Bool) {
        let releases = waiting.withLock { takeAll(&$0) }.compactMap { access -> History.Entry? in
            guard case .released(let handle, let time, _) = access else { return nil }
            return .released(handle: handle, at: time)
        }
        history.note(releases)
        history.endMount(isOpen: isOpen)
    }

    /// A path of the tree as programs see it.
    private func path(_ path: FilePath) -> FilePath { FilePath(bytes: mountPoint.bytes + path.bytes) ?? path }
}

extension FileEvents: AccessObserver {
    /// Only noted here: working out a path takes look-ups, which no open waits for.
    func opened(_ version: ContentVersion, handle: UInt64) {
        add(
            .opened(
                Opened(
                    version: version, handle: handle, time: wallClockNanoseconds(), since: monotonicNanoseconds())),
            limit: Self.limit)
    }

    func released(handle: UInt64, wasRead: Bool) {
        add(.released(handle: handle, at: monotonicNanoseconds(), wasRead: wasRead), limit: Self.releaseLimit)
    }
}

extension History.Entry {
    fileprivate var isRelease: Bool {
        if case .released = self { true } else { false }
    }
}
