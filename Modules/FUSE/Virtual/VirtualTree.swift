import MusicFSCache
import MusicFSCore
import MusicFSSystem
import Synchronization

/// What the virtual directories of a mount have in common.
final class VirtualTree: Sendable {
    /// The directories that there are or were, by their names in the root.
    static let names = [".search", ".collections", hintsName]
    private static let hintsName = ".prefetch"
    /// How long the kernel keeps names of lists, seconds. Short, so that they are seldom forgotten (`ListTable`) while the
    /// kernel knows them, and their times are asked for.
    static let timeout = 1.0
    /// How long it keeps links, whose names and places follow the library.
    static let linkTimeout = 30.0

    let directories: [any TrackLists]
    let hints: (any HintReceiver)?
    let table: ListTable
    let cache: ListCache
    private let lane: IOLane
    private let lastFailure = Mutex<(text: String, time: UInt64)?>(nil)

    init(
        _ virtual: VirtualDirectories, table: ListTable, metrics: MetricsRegistry,
        makeReader: @escaping @Sendable () throws -> LibraryReader
    ) throws(SystemError) {
        directories = Array(virtual.lists.prefix(ListTable.directories))
        hints = virtual.hints
        self.table = table
        cache = ListCache(directories, deadline: virtual.deadline, metrics: metrics, makeReader: makeReader)
        lane = try IOLane(name: "lists", threads: 4, deadline: virtual.deadline, timer: virtual.timer)
    }

    /// The directory of that name in the root; nil when it is none of these.
    func node(named name: UnsafeRawBufferPointer) -> VirtualNode? {
        guard unsafe name.first == UInt8(ascii: ".") else { return nil }
        if hints != nil, unsafe name.elementsEqual(Self.hintsName.utf8) { return .hints }
        return directories.firstIndex { unsafe name.elementsEqual($0.name.utf8) }.map { .directory($0) }
    }

    /// Has something asked for on a lane, and the request answered with it there.
    func wait<R: Sendable>(
        _ request: consuming Request, _ thread: LoopThread, _ work: @escaping @Sendable () throws -> R,
        _ answer: @escaping @Sendable (consuming Request, Result<R, any Error>) -> Void
    ) {
        let deferred = request.deferred(thread)
        lane.submit(work: work) { (result: Result<R, LaneError<any Error>>) in
            guard let request = deferred.take() else { return }
            switch result {
            case .success(let value): answer(request, .success(value))
            case .failure(.failed(let error)): answer(request, .failure(error))
            case .failure(let error): answer(request, .failure(error))
            }
        }
    }

    /// Whether a failure is news: the same within a minute is none.
    func isNews(_ failure: String) -> Bool {
        let now = monotonicNanoseconds()
        return lastFailure.withLock { last in
            if let last, last.text == failure, now < last.time + 60_000_000_000 { return false }
            last = (failure, now)
            return true
        }
    }

    /// A directory has other lists, which hold what they held.
    ///
    /// - Returns: what the kernel may know wrongly.
    func changeNames(of name: String) -> [VirtualNode] {
        guard let place = directories.firstIndex(where: { $0.name == name }) else { return [] }
        table.expire(directory: place)
        return [.directory(place)]
    }

    /// Lists of these directories may hold something else; nil for all.
    ///
    /// - Returns: what the kernel may know wrongly.
    func change(_ name: String?) -> [VirtualNode] {
        let changed = Set(directories.indices.filter { name == nil || directories[$0].name == name })
        for directory in changed { table.change(directory: directory) }
        return table.takeListed(changed).map(\.node)
    }
}
