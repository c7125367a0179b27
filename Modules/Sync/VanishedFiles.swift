import MusicFSCache
import MusicFSCore

/// The known files that a walk did not meet: counted first, and looked through a page at a time, so that the memory that
/// an unmounted origin costs does not grow with its library.
struct VanishedFiles {
    let origin: Int64
    let reader: LibraryReader
    let roots: [(path: [UInt8], isRecursive: Bool)]
    let visited: VisitedFolders
    /// Folders that could not be listed: nothing below them is taken for removed.
    let unreadable: [[UInt8]]
    /// Those that were missing in folders that were listed.
    let fromListedFolders: [KnownFile]

    private static let page = 500

    /// How many files vanished.
    func count(beat: () -> Void) throws -> Int {
        var count = fromListedFolders.count
        try forEachFolder(beat: beat) { count += Int(clamping: $0.files) }
        return count
    }

    /// Gives all of them, each once. They may be removed meanwhile.
    func forEach(beat: () -> Void, _ body: (KnownFile) throws -> Void) throws {
        for file in fromListedFolders { try body(file) }
        try forEachFolder(beat: beat) { folder in
            for file in try reader.files(origin: origin, folder: folder.path) { try body(file) }
        }
    }

    private func forEachFolder(beat: () -> Void, _ body: ((path: [UInt8], files: Int64)) throws -> Void) throws {
        for root in roots {
            if !root.isRecursive, visited.contains(root.path) || isCovered(root.path) { continue }
            var last: [UInt8]?
            while true {
                beat()
                let folders = try reader.folders(origin: origin, below: root.path, after: last, limit: Self.page)
                guard let end = folders.last else { break }
                last = end.path
                for folder in folders where !visited.contains(folder.path) && !isUnreadable(folder.path) {
                    try body(folder)
                }
            }
        }
    }

    /// Whether another root is gone with all that lies below it, this one included.
    private func isCovered(_ path: [UInt8]) -> Bool {
        roots.contains { $0.path != path && !visited.contains($0.path) && isWithin(path, $0.path) }
    }

    private func isUnreadable(_ path: [UInt8]) -> Bool { unreadable.contains { isWithin(path, $0) } }
}

/// The folders that a walk has listed, by a hash that is another one in each process: eight bytes each, and of a million
/// folders that have vanished one is taken for visited, and kept until the next start, once in ten million walks.
struct VisitedFolders {
    private var hashes: Set<Int> = []

    mutating func insert(_ path: [UInt8]) { hashes.insert(path.hashValue) }
    func contains(_ path: [UInt8]) -> Bool { hashes.contains(path.hashValue) }
}

/// Whether a path is an ancestor or lies below it; the empty one is the root.
func isWithin(_ path: [UInt8], _ ancestor: [UInt8]) -> Bool {
    ancestor.isEmpty || path == ancestor || path.starts(with: ancestor + [UInt8(ascii: "/")])
}
