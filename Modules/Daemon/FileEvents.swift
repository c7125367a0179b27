import MusicFSCache
import MusicFSCore
import MusicFSSystem

/// Tells of files that come, go, change and are opened, by their paths in the mount.
final class FileEvents: Sendable {
    private struct State: Sendable {
        var opened: [Opened] = []
        var isCancelled = false
    }

    private struct Opened: Sendable {
        var node: Int64
        var track: Int64?
        var origin: Int64
        var size: Int64
    }

    /// Opens that wait to be told; further ones are counted and not told.
    private static let limit = 4096

    private let events: EventBus
    private let mountPoint: FilePath
    private let waiting = Condition(State())
    /// Opens that were not told, because so many came at once.
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

    /// Only noted here: working out a path takes look-ups, which no open waits for.
    func opened(_ version: ContentVersion) {
        let opened = Opened(
            node: version.node, track: version.track, origin: version.origin, size: version.size)
        let isFirst: Bool? = waiting.withLock { state in
            guard state.opened.count < Self.limit else { return nil }
            state.opened.append(opened)
            return state.opened.count == 1
        }
        switch isFirst {
        case true?: waiting.signal()
        case false?: break
        case nil: dropped.increment()
        }
    }

    /// Tells of the opens; a supervised task.
    func run(_ context: TaskContext, reader: TreeReader) throws -> TaskExit {
        waiting.withLock { $0.isCancelled = false }
        context.onCancel { [waiting] in
            waiting.withLock { $0.isCancelled = true }
            waiting.signal()
        }
        var names: [Int64: String] = [:]
        while !context.isCancelled {
            context.beat()
            // At least every half minute it shows that it lives.
            let opened = waiting.wait(until: monotonicNanoseconds() + 30_000_000_000) { state -> [Opened]? in
                if state.opened.isEmpty { return state.isCancelled ? [] : nil }
                defer { state.opened.removeAll(keepingCapacity: true) }
                return state.opened
            }
            for file in opened ?? [] {
                // One that has gone since has no path to be told by.
                guard let path = try reader.path(ofFile: file.node) else { continue }
                if names[file.origin] == nil { names[file.origin] = try reader.origin(file.origin)?.name }
                events.publish(
                    .fileAccessed(
                        file: file.track, path: self.path(path), origin: names[file.origin] ?? "", offset: 0,
                        size: file.size))
            }
        }
        return .stopped
    }

    /// A path of the tree as programs see it.
    private func path(_ path: FilePath) -> FilePath { FilePath(bytes: mountPoint.bytes + path.bytes) ?? path }
}
