import MusicFSCore
import MusicFSSQLite

/// The folders of the origins, as far as files are known in them.
extension LibraryWriter {
    /// Writes how many files the touched folders hold.
    func settleFolderCounts() throws {
        var origins: [Int64: FolderDelta] = [:]
        for (id, delta) in batch.folderCounts {
            if let origin = try folder(id)?.origin {
                origins[origin, default: FolderDelta()].audio += delta.audio
                origins[origin, default: FolderDelta()].companions += delta.companions
            }
            let statement = statements.addToFolder
            statement.bind(1, id)
            statement.bind(2, delta.audio)
            statement.bind(3, delta.companions)
            try statement.run()
            if delta.audio < 0 || delta.companions < 0 { batch.foldersThatShrank.append(id) }
        }
        batch.folderCounts.removeAll()
        for (id, delta) in origins {
            statements.addToOrigin.bind(1, id)
            statements.addToOrigin.bind(2, delta.audio)
            statements.addToOrigin.bind(3, delta.companions)
            try statements.addToOrigin.run()
        }
    }

    /// Forgets the folders that hold no files any more.
    func removeEmptyFolders() throws {
        for id in batch.foldersThatShrank {
            guard let folder = try folder(id), folder.audio <= 0, folder.companions <= 0 else { continue }
            statements.deleteFolder.bind(1, id)
            try statements.deleteFolder.run()
            folderCache[FolderKey(origin: folder.origin, path: folder.path)] = nil
        }
    }
}
