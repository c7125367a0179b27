import MusicFSCache
import MusicFSSystem

/// Finds the files at or below a path of the tree.
struct TreeFiles {
    let reader: TreeReader

    /// The entry at a path; nil when there is none.
    func entry(_ components: [ArraySlice<UInt8>]) throws(CacheError) -> TreeEntry? {
        var entry = try reader.entry(node: 1)
        for component in components {
            guard let here = entry else { return nil }
            entry = try reader.entry(parent: here.node, name: Array(component))
        }
        return entry
    }

    /// Gives every file at or below an entry, with its path; ends when `body` answers false.
    func forEach(
        _ entry: TreeEntry, _ path: FilePath, _ body: (TreeEntry, FilePath) throws -> Bool
    ) throws {
        var stack = [(entry, path)]
        while let (next, path) = stack.popLast() {
            guard next.kind == .directory else {
                if try !body(next, path) { return }
                continue
            }
            var cookie: Int64 = 0
            while true {
                let children = try reader.children(of: next.node, after: cookie, limit: 500)
                guard let last = children.last else { break }
                cookie = last.node
                stack += children.map { ($0, path.appending($0.name)) }
            }
        }
    }
}
