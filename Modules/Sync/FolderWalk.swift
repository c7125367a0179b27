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

/// Lists folders and finds what is different in them.
struct FolderWalk {
    let origin: LocalOrigin
    let reader: LibraryReader
    let showsCompanions: Bool
    /// Whether every file must have a content identity: where several origins may hold the same file (D18).
    let wantsIdentity: Bool
    /// Takes every file for changed.
    let rereads: Bool

    /// Compares one folder with the library.
    ///
    /// - Parameter isLinked: the folder was reached through a symbolic link; links to folders in it are not followed,
    ///   so that every walk ends and is the same whatever it begins with.
    func difference(_ path: [UInt8], isLinked: Bool) throws -> FolderDifference {
        let folder = try origin.openFolder(path)
        let known = try reader.files(origin: origin.id, folder: path)
        var entries = try listDirectory(folder.raw)
        entries.sort { $0.name.lexicographicallyPrecedes($1.name) }
        var result = FolderDifference()
        var next = known.startIndex
        for entry in entries {
            guard let found = try examine(entry, in: folder.raw, path: path, isLinked: isLinked) else { continue }
            switch found {
            case .folder(let subpath, let linked): result.subfolders.append((subpath, linked))
            case .file(let stamp):
                while next < known.endIndex, known[next].name.lexicographicallyPrecedes(entry.name) {
                    result.vanished.append(known[next])
                    next += 1
                }
                var match: KnownFile?
                if next < known.endIndex, known[next].name == entry.name {
                    match = known[next]
                    next += 1
                }
                compare(entry.name, stamp, with: match, into: &result)
            }
        }
        result.vanished += known[next...]
        return result
    }

    private enum Found {
        case folder(path: [UInt8], isLinked: Bool)
        case file(FileStamp)
    }

    /// What an entry is, links followed as far as they stay inside the origin; nil for what is of no interest.
    private func examine(
        _ entry: DirectoryEntry, in folder: CInt, path: [UInt8], isLinked: Bool
    ) throws -> Found? {
        if Names.isIgnored(entry.name) || entry.kind == .other { return nil }
        let subpath = path.isEmpty ? entry.name : path + [UInt8(ascii: "/")] + entry.name
        if entry.kind == .directory { return .folder(path: subpath, isLinked: isLinked) }
        guard let status = try FileStatus.ifPresent(folder, entry.name) else { return nil }
        switch status.kind {
        case .regular: return .file(FileStamp(status))
        case .directory: return .folder(path: subpath, isLinked: isLinked)
        case .symbolicLink: return try follow(subpath, isLinked: isLinked)
        case .other: return nil
        }
    }

    private func follow(_ path: [UInt8], isLinked: Bool) throws(SystemError) -> Found? {
        guard let link = FilePath(bytes: path) else { return nil }
        do throws(SystemError) {
            let target = try origin.contained(link)
            let status = try FileStatus.of(origin.root.appending(target.bytes))
            switch status.kind {
            case .regular: return .file(FileStamp(status))
            case .directory:
                // A link to where it lies in is a loop.
                let isLoop = target == "." || link.isWithin(target)
                return isLinked || isLoop ? nil : .folder(path: path, isLinked: true)
            case .symbolicLink, .other: return nil
            }
        } catch {
            switch error.errno {
            case .noEntry, .crossDevice, .loop, .notDirectory, .access: return nil
            default: throw error
            }
        }
    }

    private func compare(
        _ name: [UInt8], _ stamp: FileStamp, with known: KnownFile?, into result: inout FolderDifference
    ) {
        let isAudio = Names.isAudio(name)
        if !isAudio && !showsCompanions { return }
        result.files += 1
        if let known, !rereads, known.stamp == stamp, known.isAudio == isAudio,
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

extension FileStatus {
    /// lstat of an entry of an open folder; nil when it was removed while the folder was being listed.
    fileprivate static func ifPresent(_ folder: CInt, _ name: [UInt8]) throws(SystemError) -> FileStatus? {
        do throws(SystemError) {
            return try FileStatus.at(folder, name, followLinks: false)
        } catch {
            if error.errno == .noEntry { return nil }
            throw error
        }
    }
}
