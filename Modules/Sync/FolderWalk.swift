import MusicFSCache
import MusicFSCore
import MusicFSOrigins
import MusicFSSystem

/// One folder of an origin compared with what the library knows of it.
struct FolderDifference {
    /// Unknown files and known ones that look different: name, stamp, and the replica where it is known.
    var audio: [(name: [UInt8], stamp: FileStamp, replica: Int64?)] = []
    var companions: [(name: [UInt8], stamp: FileStamp, replica: Int64?)] = []
    /// Known files that are not there.
    var vanished: [KnownFile] = []
    /// Paths of the folders below, relative to the origin's root, and whether a symbolic link leads there.
    var subfolders: [(path: [UInt8], isLinked: Bool)] = []
    var files = 0
}

/// Compares folders with what is known of them.
struct FolderWalk {
    let origin: any Origin
    let reader: LibraryReader
    let showsCompanions: Bool
    /// Whether every file must have a content identity: where several origins may hold the same file (D18).
    let wantsIdentity: Bool
    /// Takes every file for changed.
    let rereads: Bool
    /// Takes files for changed that were modified in one of these: nanoseconds since the epoch.
    let doubtful: [ClosedRange<Int64>]

    /// Lists a folder and compares it with the library.
    ///
    /// - Parameter isLinked: the folder was reached through a symbolic link; links to folders in it are not followed,
    ///   so that every walk ends and is the same whatever it begins with.
    func difference(_ path: [UInt8], isLinked: Bool) throws -> FolderDifference {
        let entries = try origin.answering { (origin, deadline) throws(OriginError) in
            try origin.list(path, deadline: deadline) { !Names.isIgnored($0) }
        }
        return try difference(path, isLinked: isLinked, entries)
    }

    /// Compares the entries of a folder with the library.
    func difference(_ path: [UInt8], isLinked: Bool, _ unsorted: [OriginEntry]) throws -> FolderDifference {
        let known = try reader.files(origin: origin.id, folder: path)
        let entries = unsorted.sorted { $0.name.lexicographicallyPrecedes($1.name) }
        var result = FolderDifference()
        var next = known.startIndex
        for entry in entries {
            switch entry.kind {
            case .folder:
                if entry.isLink && isLinked { continue }
                let subpath = path.isEmpty ? entry.name : path + [UInt8(ascii: "/")] + entry.name
                result.subfolders.append((subpath, isLinked || entry.isLink))
            case .file:
                while next < known.endIndex, known[next].name.lexicographicallyPrecedes(entry.name) {
                    result.vanished.append(known[next])
                    next += 1
                }
                var match: KnownFile?
                if next < known.endIndex, known[next].name == entry.name {
                    match = known[next]
                    next += 1
                }
                compare(entry.name, entry.stamp, with: match, into: &result)
            }
        }
        result.vanished += known[next...]
        return result
    }

    private func compare(
        _ name: [UInt8], _ stamp: FileStamp, with known: KnownFile?, into result: inout FolderDifference
    ) {
        let isAudio = Names.isAudio(name)
        if !isAudio && !showsCompanions { return }
        result.files += 1
        if let known, !rereads, !known.isPostponed, known.stamp == stamp, known.isAudio == isAudio,
            !doubtful.contains(where: { $0.contains(stamp.modified) }),
            known.hasIdentity || !wantsIdentity || !isAudio
        {
            return
        }
        if isAudio {
            result.audio.append((name, stamp, known?.replica))
        } else {
            result.companions.append((name, stamp, known?.replica))
        }
    }
}
