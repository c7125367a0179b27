import MusicFSCore
import MusicFSSystem

/// Listing folders.
extension LocalOrigin {
    package func list(
        _ folder: [UInt8], deadline: UInt64, isWanted: (_ name: [UInt8]) -> Bool
    ) throws(OriginError) -> [OriginEntry] {
        try patiently(deadline) { () throws(SystemError) in
            let directory = try openFolder(folder)
            var entries: [OriginEntry] = []
            for entry in try listDirectory(directory.raw) where isWanted(entry.name) {
                if let found = try examine(entry, in: directory.raw, folder) { entries.append(found) }
            }
            return entries
        }
    }

    package func status(_ path: [UInt8], deadline: UInt64) throws(OriginError) -> OriginEntry {
        try patiently(deadline) { () throws(SystemError) in
            guard let relative = FilePath(bytes: path.isEmpty ? [UInt8(ascii: ".")] : path) else {
                throw SystemError("open", nil, .invalid)
            }
            let status = try FileStatus.of(root.appending(try contained(relative).bytes))
            let name = Array(path.split(separator: UInt8(ascii: "/")).last ?? [])
            switch status.kind {
            case .directory: return OriginEntry(name: name, kind: .folder, stamp: FileStamp(status))
            case .regular: return OriginEntry(name: name, kind: .file, stamp: FileStamp(status))
            case .symbolicLink, .other: throw SystemError("open", nil, .invalid)
            }
        }
    }

    /// Whether one of the folders on the way is a symbolic link.
    package func hasLink(on path: [UInt8]) -> Bool {
        var prefix: [UInt8] = []
        for component in path.split(separator: UInt8(ascii: "/")) {
            prefix = prefix.isEmpty ? Array(component) : prefix + [UInt8(ascii: "/")] + component
            if let status = try? FileStatus.ofLink(root.appending(prefix)), status.kind == .symbolicLink {
                return true
            }
        }
        return false
    }

    /// What an entry is, links followed as far as they stay inside the origin; nil for what is of no interest.
    private func examine(
        _ entry: DirectoryEntry, in directory: CInt, _ folder: [UInt8]
    ) throws(SystemError) -> OriginEntry? {
        switch entry.kind {
        case .other: return nil
        // Nobody asks for a folder's times, which spares a call for each.
        case .directory: return OriginEntry(name: entry.name, kind: .folder, stamp: .none)
        case .regular, .symbolicLink, .unknown: break
        }
        guard let status = try FileStatus.ifPresent(directory, entry.name) else { return nil }
        switch status.kind {
        case .regular: return OriginEntry(name: entry.name, kind: .file, stamp: FileStamp(status))
        case .directory: return OriginEntry(name: entry.name, kind: .folder, stamp: .none)
        case .symbolicLink: return try follow(entry.name, folder)
        case .other: return nil
        }
    }

    private func follow(_ name: [UInt8], _ folder: [UInt8]) throws(SystemError) -> OriginEntry? {
        guard let link = FilePath(bytes: folder.isEmpty ? name : folder + [UInt8(ascii: "/")] + name) else {
            return nil
        }
        do throws(SystemError) {
            let target = try contained(link)
            let status = try FileStatus.of(root.appending(target.bytes))
            switch status.kind {
            case .regular: return OriginEntry(name: name, kind: .file, stamp: FileStamp(status), isLink: true)
            case .directory:
                // A link to where it lies in is a loop.
                let isLoop = target == "." || link.isWithin(target)
                return isLoop ? nil : OriginEntry(name: name, kind: .folder, stamp: .none, isLink: true)
            case .symbolicLink, .other: return nil
            }
        } catch {
            switch error.errno {
            case .noEntry, .crossDevice, .loop, .notDirectory, .access: return nil
            default: throw error
            }
        }
    }
}

extension FileStamp {
    fileprivate static let none = FileStamp(size: 0, modified: 0, inode: 0)
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
