import MusicFSCache
import MusicFSCore
import MusicFSSystem
import Testing

/// Files of some origins as a test wants them, and what a library makes of them.
struct LibraryModel {
    struct File: Hashable {
        var stamp: FileStamp
        /// nil for a companion.
        var content: AudioContent?
        var identity: [UInt8]?
    }

    var files: [OriginFile: File] = [:]

    /// The whole tree as text: path, size, and the real path that is shown, one line a file; directories end in "/".
    static func dump(_ library: Library) throws -> [String] {
        let reader = try library.makeTreeReader()
        var lines: [String] = []
        func visit(_ node: Int64, _ path: String) throws {
            let children = try reader.children(of: node, after: 0, limit: .max)
            let own = try reader.entry(node: node)
            let subdirectories = children.count { $0.kind == .directory }
            lines.append(
                "\(path)/ entries=\(own?.size ?? -1)=\(children.count) links=\(own?.links ?? -1)=\(subdirectories + 2)")
            for child in children {
                let name = String(decoding: child.name, as: UTF8.self)
                switch child.kind {
                case .directory: try visit(child.node, path + "/" + name)
                case .file:
                    let version = try reader.version(child.version)
                    lines.append(
                        "\(path)/\(name) \(child.size)=\(version?.size ?? -1) \(child.modified)=\(version?.modified ?? -1) "
                            + "node=\(version?.node == child.node) \(version?.origin ?? -1):\(version?.path?.description ?? "-")"
                    )
                }
            }
        }
        try visit(1, "")
        let totals = try reader.totals()
        return lines.sorted() + ["files=\(totals.files) directories=\(totals.directories) bytes=\(totals.bytes)"]
    }

    /// The versions of the tree's files, and their tracks, by path.
    static func files(_ library: Library) throws -> [String: (version: Int64, origin: Int64, track: Int64?)] {
        let reader = try library.makeTreeReader()
        var files: [String: (version: Int64, origin: Int64, track: Int64?)] = [:]
        func visit(_ node: Int64, _ path: String) throws {
            for child in try reader.children(of: node, after: 0, limit: .max) {
                let path = "\(path)/\(String(decoding: child.name, as: UTF8.self))"
                if child.kind == .directory {
                    try visit(child.node, path)
                } else {
                    files[path] = (child.version, child.origin, try reader.version(child.version)?.track)
                    #expect(try reader.path(ofFile: child.node)?.description == path)
                }
            }
        }
        try visit(1, "")
        return files
    }

    func change(_ file: OriginFile) -> LibraryChange {
        guard let known = files[file] else { preconditionFailure("not in the model") }
        if let content = known.content { return .audio(file, known.stamp, content) }
        return .companion(file, known.stamp, identity: known.identity)
    }

    static func tags(_ values: [TagField: String]) -> Tags {
        Tags(entries: values.sorted { $0.key.rawValue < $1.key.rawValue }.map { Tags.Entry($0.key, $0.value) })
    }
}

/// A library in a directory of its own.
func makeLibrary(
    _ path: FilePath, origins: [String] = ["a", "b"], onFiles: Library.OnFiles? = nil
) throws -> (Library, [String: Int64]) {
    let library = try Library.open(
        path,
        Library.Options(
            template: .standard, showsCompanions: true, nextEpoch: { 1 }, onCommit: { _, _ in }, onFiles: onFiles))
    let ids = try library.setOrigins(
        origins.enumerated().map {
            OriginSetting(name: $0.element, type: "local", root: "/x", priority: $0.offset + 1)
        })
    return (library, ids)
}
