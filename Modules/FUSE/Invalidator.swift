import MusicFSCache
import MusicFSSystem
import Synchronization

/// Tells the kernel what it knows wrongly, on a thread of its own that holds no lock and no transaction (rule 19).
final class Invalidator: Sendable {
    /// Beyond this many the kernel is told to ask for everything again.
    private static let limit = 100_000

    private let session: FUSESession
    private let epoch: UInt64
    private let journal: Journal
    private let locate: @Sendable (Int64) -> (parent: Int64, name: [UInt8])?
    private let queue: Condition<Queue>

    private struct Queue: Sendable {
        var changes: [TreeChange] = []
        /// Node ids of virtual directories whose listing changed.
        var lists: Set<UInt64> = []
        var hasOverflowed = false
        var isStopping = false
        var delivered: UInt64 = 0
        var accepted: UInt64 = 0
        /// Up to where in the library's `changes` everything was added.
        var sequence: Int64 = 0
    }

    private struct Work: Sendable {
        var changes: [TreeChange]
        var lists: Set<UInt64>
        var everything: Bool
        var mark: UInt64
        var sequence: Int64
    }

    /// - Parameter locate: the parent and the name of a node.
    init(
        session: FUSESession, epoch: UInt64, locate: @escaping @Sendable (Int64) -> (parent: Int64, name: [UInt8])?
    ) {
        self.session = session
        journal = session.journal
        self.epoch = epoch
        self.locate = locate
        queue = Condition(Queue())
    }

    func start() throws(SystemError) {
        try startThread("invalidator") { [self] in run() }
    }

    /// - Parameter sequence: the number in the library's `changes` up to which that reaches; nil when it comes from
    ///   elsewhere.
    func add(_ changes: [TreeChange], upTo sequence: Int64? = nil) {
        queue.withLock { queue in
            queue.accepted += 1
            if let sequence { queue.sequence = sequence }
            if queue.changes.count + changes.count > Invalidator.limit {
                queue.hasOverflowed = true
                // Directories are few, and their listings are not covered by the kernel's epoch.
                queue.changes = (queue.changes + changes).filter {
                    if case .directory = $0 { true } else { false }
                }
            } else {
                queue.changes += changes
            }
        }
        queue.broadcast()
    }

    /// Listings of virtual directories changed.
    func add(_ lists: [VirtualNode]) {
        if lists.isEmpty { return }
        queue.withLock { queue in
            queue.accepted += 1
            queue.lists.formUnion(lists.map(\.raw))
        }
        queue.broadcast()
    }

    /// Waits until everything that was added before has been told.
    func drain(until deadline: UInt64) {
        let target = queue.withLock { $0.accepted }
        _ = queue.wait(until: deadline) { $0.delivered >= target ? true : nil }
    }

    func stop() {
        queue.withLock { $0.isStopping = true }
        queue.broadcast()
    }

    private func run() {
        while true {
            let work = queue.wait { queue -> Work?? in
                if queue.isStopping { return .some(nil) }
                if queue.changes.isEmpty && !queue.hasOverflowed && queue.lists.isEmpty {
                    queue.delivered = queue.accepted
                    return nil
                }
                defer {
                    queue.changes = []
                    queue.lists = []
                    queue.hasOverflowed = false
                }
                return Work(
                    changes: queue.changes, lists: queue.lists, everything: queue.hasOverflowed, mark: queue.accepted,
                    sequence: queue.sequence)
            }
            guard let work else { return }
            tell(work.changes, everything: work.everything)
            for list in work.lists { session.invalidateDirectory(list) }
            // From here on a successor need not tell it again.
            if work.sequence > 0 { journal.toldChange = work.sequence }
            queue.withLock { $0.delivered = max($0.delivered, work.mark) }
            queue.broadcast()
        }
    }

    private func tell(_ changes: [TreeChange], everything: Bool) {
        if everything { _ = session.invalidateEverything() }
        var directories: Set<Int64> = []
        for change in changes {
            switch change {
            case .entry(let parent, let name): session.invalidateEntry(parent: raw(parent), name: name)
            case .node(let node):
                if let place = locate(node) { session.invalidateEntry(parent: raw(place.parent), name: place.name) }
            case .directory(let directory): directories.insert(directory)
            }
        }
        for directory in directories { session.invalidateDirectory(raw(directory)) }
    }

    private func raw(_ directory: Int64) -> UInt64 {
        NodeID(kind: .directory, generation: 0, epoch: epoch, id: directory).raw
    }
}
