import MusicFSCache
import MusicFSCore
import MusicFSSystem
import Synchronization

/// Files that are open, by the handle that the kernel has for them.
///
/// A handle of a predecessor is unknown at first; it is filled when it is read from, and forgotten at its RELEASE.
final class OpenFiles: Sendable {
    struct File: Sendable {
        var content: any OpenContent
        var size: Int64
        var version: Int64
        let progress = Progress()

        init(content: any OpenContent, size: Int64, version: Int64) {
            self.content = content
            self.size = size
            self.version = version
        }
    }

    /// How much was read of a file that is open, as far as the daemon is asked for it.
    final class Progress: Sendable {
        private let bytes = Atomic<Int64>(0)

        func note(_ count: Int) { bytes.add(Int64(count), ordering: .relaxed) }
        var value: Int64 { bytes.load(ordering: .relaxed) }
    }

    private struct State {
        var files: [UInt64: File] = [:]
        var next: UInt64 = 1
    }

    private let generation: UInt64
    private let state = Mutex(State())

    init(generation: UInt64) { self.generation = generation }

    var count: Int { state.withLock { $0.files.count } }

    /// - Returns: a handle that no other server gives out: the generation is part of it.
    func add(_ file: File) -> UInt64 {
        state.withLock { state in
            let handle = generation << 40 | state.next & 0xff_ffff_ffff
            state.next += 1
            state.files[handle] = file
            return handle
        }
    }

    /// Fills a predecessor's handle; another thread may have been faster.
    func adopt(_ handle: UInt64, _ file: File) -> File {
        state.withLock { state in
            if let known = state.files[handle] { return known }
            state.files[handle] = file
            return file
        }
    }

    func file(_ handle: UInt64) -> File? { state.withLock { $0.files[handle] } }

    func remove(_ handle: UInt64) -> File? { state.withLock { $0.files.removeValue(forKey: handle) } }
}

/// Backing files of passthrough inodes: one for each node id, registered at the first open, closed at the last release.
///
/// The kernel refuses a second backing file for an inode that has one open, so all opens of a node id share it.
final class Backings: Sendable {
    private enum Entry {
        /// Being registered by somebody; these wait.
        case registering([@Sendable (Result<UInt32, BackingError>) -> Void])
        case ready(id: UInt32, opens: Int)
    }

    private let registry: any BackingRegistry
    private let journal: Journal
    private let entries = Mutex<[UInt64: Entry]>([:])
    private let unused = Condition<[UInt32]>([])

    init(registry: any BackingRegistry, journal: Journal) {
        self.registry = registry
        self.journal = journal
    }

    /// Counts an open of a node and gives the id that its reply must carry. Talks to the guardian: not for a FUSE thread.
    func acquire(
        _ node: UInt64, _ fd: SharedFD, completion: @escaping @Sendable (Result<UInt32, BackingError>) -> Void
    ) {
        let known: UInt32?? = entries.withLock { entries in
            switch entries[node] {
            case .ready(let id, let opens):
                entries[node] = .ready(id: id, opens: opens + 1)
                return id
            case .registering(let waiting):
                entries[node] = .registering(waiting + [completion])
                return .some(nil)
            case nil:
                entries[node] = .registering([])
                return nil
            }
        }
        switch known {
        case .some(.some(let id)): completion(.success(id))
        case .some(nil): break
        case nil: register(node, fd, completion)
        }
    }

    private func register(
        _ node: UInt64, _ fd: SharedFD, _ completion: @escaping @Sendable (Result<UInt32, BackingError>) -> Void
    ) {
        let result: Result<UInt32, BackingError>
        do throws(BackingError) {
            let id = try registry.openBacking(fd.raw)
            journal.rememberBacking(id)
            result = .success(id)
        } catch { result = .failure(error) }
        let waiting = entries.withLock { entries -> [@Sendable (Result<UInt32, BackingError>) -> Void] in
            guard case .registering(let waiting) = entries[node] else { return [] }
            if case .success(let id) = result {
                entries[node] = .ready(id: id, opens: waiting.count + 1)
            } else {
                entries[node] = nil
            }
            return waiting
        }
        for other in [completion] + waiting { other(result) }
    }

    /// One open less. At the last the id is handed to `closeUnused`, since closing talks to the guardian.
    func release(_ node: UInt64) {
        let id = entries.withLock { entries -> UInt32? in
            guard case .ready(let id, let opens) = entries[node] else { return nil }
            if opens > 1 {
                entries[node] = .ready(id: id, opens: opens - 1)
                return nil
            }
            entries[node] = nil
            return id
        }
        guard let id else { return }
        unused.withLock { $0.append(id) }
        unused.signal()
    }

    /// Closes ids that are no longer used, until `isStopped`. Runs on a thread of its own.
    func closeUnused(isStopped: () -> Bool) {
        while !isStopped() {
            let ids = unused.wait(until: monotonicNanoseconds() + 1_000_000_000) { ids -> [UInt32]? in
                if ids.isEmpty { return nil }
                defer { ids.removeAll() }
                return ids
            }
            for id in ids ?? [] {
                registry.closeBacking(id)
                journal.forgetBacking(id)
            }
        }
    }
}
