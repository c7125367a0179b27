import MusicFSCAS
import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSOrigins
import MusicFSSystem

/// What is done with the cache by the names of files, with a daemon or without.
struct CacheFiles: Sendable {
    let library: Library
    let content: Content
    let curation: Curation
    let mountPoint: FilePath

    /// Calls `body` with each file that the paths, of files and directories of the mount, lead to, until it returns false.
    private func forEachFile(
        _ paths: [FilePath], _ body: (ContentVersion, [OtherReplica], FilePath) throws -> Bool
    ) throws {
        let reader = try library.makeTreeReader()
        let files = TreeFiles(reader: reader)
        for path in paths {
            let components =
                path.isWithin(mountPoint)
                ? Array(path.components.dropFirst(mountPoint.components.count)) : path.components
            guard let entry = try files.entry(components) else {
                throw CacheError(.failed, "there is no \(path) in the mount")
            }
            try files.forEach(entry, path) { file, path in
                guard let version = try reader.version(file.version) else { return true }
                return try body(version, try reader.otherReplicas(of: version), path)
            }
        }
    }

    func pin(_ paths: [FilePath], _ isPinned: Bool) throws -> CacheChange {
        let reader = try library.makeTreeReader()
        var pins: [OriginPath] = []
        try forEachFile(paths) { version, _, _ in
            if let path = version.path, let origin = try reader.origin(version.origin) {
                pins.append(OriginPath(origin: origin.name, path: path.bytes))
            }
            return true
        }
        try curation.setPinned(pins, isPinned)
        try keepPins()
        return CacheChange(files: Int64(pins.count))
    }

    /// Tells the cache what is pinned, by the keys that the files' content has now.
    func keepPins() throws {
        try content.cache.replacePins(try library.makeReader().keys(of: try curation.pins()))
    }

    /// Reads files, so that they are stored.
    ///
    /// - Parameter show: takes the progress after each file, and in the end; ends the work by returning false.
    func prefetch(_ paths: [FilePath], show: (CacheProgress) throws -> Bool) throws {
        var progress = CacheProgress()
        var total: Int64 = 0
        try forEachFile(paths) { _, _, _ in
            total += 1
            return true
        }
        progress.total = total
        var isWanted = true
        try forEachFile(paths) { version, others, path in
            progress.path = path.description
            if content.router.plan(origin: version.origin) == .cached {
                progress.bytes += try fetch(version, others)
            }
            progress.done += 1
            isWanted = try show(progress)
            return isWanted
        }
        guard isWanted else { return }
        progress.isFinished = true
        _ = try show(progress)
    }

    private func fetch(_ version: ContentVersion, _ others: [OtherReplica]) throws -> Int64 {
        let file = try waitFor { content.router.open(version, others: others, completion: $0) }.get()
        var offset: Int64 = 0
        while offset < version.size {
            let count = Int(min(1 << 20, version.size - offset))
            _ = try waitFor { file.read(at: offset, count: count, completion: $0) }.get()
            offset += Int64(count)
        }
        return version.size
    }

    private func waitFor<R: Sendable>(_ begin: (@escaping @Sendable (R) -> Void) -> Void) -> R {
        let answer = Condition<R?>(nil)
        begin { result in
            answer.withLock { $0 = result }
            answer.signal()
        }
        return answer.wait { $0 }
    }

    // MARK: Against the origins

    /// Reads every file that is stored from its origin, and forgets what differs.
    ///
    /// - Parameter show: as that of `prefetch`.
    func compare(show: (CacheProgress) throws -> Bool) throws {
        var progress = CacheProgress()
        let reader = try library.makeTreeReader()
        guard let root = try reader.entry(node: 1) else { return }
        var isWanted = true
        try TreeFiles(reader: reader).forEach(root, "/") { file, path in
            guard let version = try reader.version(file.version), let key = version.key,
                content.cache.storedCount(key) > 0
            else { return true }
            progress.path = path.description
            if try differs(version, key, &progress.bytes) {
                progress.damaged += 1
                try content.cache.forget(key)
            }
            progress.done += 1
            isWanted = try show(progress)
            return isWanted
        }
        guard isWanted else { return }
        progress.isFinished = true
        progress.path = nil
        _ = try show(progress)
    }

    private func differs(_ version: ContentVersion, _ key: ContentKey, _ bytes: inout Int64) throws -> Bool {
        guard let path = version.path, let replica = content.router.location(version.origin, path, version.stamp)
        else { return false }
        let source = content.router.makeSource(replica)
        let step: Int64 = 64 << 10
        for start in stride(from: Int64(0), to: version.size, by: Int(step)) {
            let range = start..<min(version.size, start + step)
            guard let stored = content.cache.storedBytes(key, range) else { continue }
            let result = waitFor { source.fetch(range, completion: $0) }
            if case .failure(.changed) = result { return true }
            let fetched = try result.get()
            bytes += Int64(range.count)
            if unsafe !fetched.buffer.elementsEqual(stored) { return true }
        }
        return false
    }
}
