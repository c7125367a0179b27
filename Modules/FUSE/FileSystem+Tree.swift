import CFuse3
import MusicFSCache
import MusicFSCore
import MusicFSSystem

/// Names, attributes and listings: from SQLite, on the FUSE thread.
extension FileSystem {
    func lookup(_ request: consuming Request, _ parent: UInt64, _ name: UnsafeRawBufferPointer, _ thread: LoopThread) {
        if let virtual {
            if let node = VirtualNode(raw: parent) { return unsafe lookup(request, in: node, name, virtual, thread) }
            if parent == NodeID.rootRaw, let entry = unsafe virtualEntry(virtual, name) {
                return request.reply(entry: entry)
            }
        }
        guard let directory = directory(parent) else { return request.reply(.stale) }
        do throws(CacheError) {
            if let entry = try unsafe thread.reader.entry(parent: directory, name: name) {
                request.reply(entry: attributes(entry))
            } else if try thread.reader.entry(node: directory) != nil {
                if isRebuilding() {
                    if isAwaited() { return unsafe waitForName(request, parent, name, thread) }
                    // It may be known any time.
                    return request.replyAbsent(timeout: 0)
                }
                request.replyAbsent(timeout: timeout)
            } else {
                request.reply(.stale)
            }
        } catch { fail(request, "lookup", error) }
    }

    private func waitForName(
        _ request: consuming Request, _ parent: UInt64, _ name: UnsafeRawBufferPointer, _ thread: LoopThread
    ) {
        let name = unsafe Array(name)
        waiting.add(request, thread) { [self] request, thread in
            var request: Request? = request
            unsafe name.withUnsafeBytes { name in
                if let request = request.take() { unsafe lookup(request, parent, name, thread) }
            }
        }
    }

    func getattr(_ request: consuming Request, _ raw: UInt64, _ thread: LoopThread) {
        if let virtual, let node = VirtualNode(raw: raw) { return getattr(request, node, virtual, thread) }
        guard let id = known(raw) else { return request.reply(.stale) }
        do throws(CacheError) {
            switch id.kind {
            case .directory:
                guard let entry = try thread.reader.entry(node: id.id), entry.kind == .directory else {
                    return request.reply(.stale)
                }
                request.reply(attributes: attributes(entry))
            case .file:
                guard let version = try thread.reader.version(id.id) else { return request.reply(.stale) }
                request.reply(attributes: attributes(version, nodeID: raw))
            }
        } catch { fail(request, "getattr", error) }
    }

    /// ENOSYS: the kernel opens and closes directories by itself from now on, and keeps their listings
    /// (FUSE_NO_OPENDIR_SUPPORT, Linux 5.1). That halves the requests of a walk.
    func openDirectory(_ request: consuming Request) { request.reply(.noSystemCall) }

    /// Cookies: 1 is `.`, 2 is `..`, and the entry with node id n has n + 1 (ids begin with 2).
    func readDirectory(
        _ request: consuming Request, _ raw: UInt64, size: Int, cookie: Int64, isPlus: Bool, _ thread: LoopThread
    ) {
        if let virtual, let node = VirtualNode(raw: raw) {
            return readDirectory(request, node, size: size, cookie: cookie, isPlus: isPlus, virtual, thread)
        }
        guard let directory = directory(raw) else { return request.reply(.stale) }
        if isRebuilding(), isAwaited() {
            return waiting.add(request, thread) { [self] in
                readDirectory($0, raw, size: size, cookie: cookie, isPlus: isPlus, $1)
            }
        }
        let room = min(size, LoopThread.bufferSize)
        var filled = 0
        do throws(CacheError) {
            var next = cookie
            if next < 2 {
                guard try addDots(request, directory, from: next, room: room, &filled, thread, isPlus: isPlus) else {
                    return request.reply(listing: filled, of: thread)
                }
                next = 2
            }
            // An entry takes 24 bytes and its name, and 128 more with its attributes.
            let limit = max(16, room / (isPlus ? 176 : 48))
            outer: while true {
                let entries = try thread.reader.children(of: directory, after: next - 1, limit: limit)
                for entry in entries {
                    let used = unsafe request.addEntry(
                        UnsafeMutableRawBufferPointer(rebasing: thread.buffer[filled..<room]), name: entry.name,
                        attributes(entry), cookie: entry.node + 1, isPlus: isPlus)
                    if used > room - filled { break outer }
                    filled += used
                    next = entry.node + 1
                }
                if entries.count < limit { break }
            }
        } catch { return fail(request, "readdir", error) }
        request.reply(listing: filled, of: thread)
    }

    /// - Returns: false when the room ended.
    private func addDots(
        _ request: borrowing Request, _ directory: Int64, from cookie: Int64, room: Int, _ filled: inout Int,
        _ thread: LoopThread, isPlus: Bool
    ) throws(CacheError) -> Bool {
        for (name, next) in [(".", Int64(1)), ("..", 2)] where next > cookie {
            // The kernel looks neither up: only type and inode number of them are shown.
            var shown = musicfs_attributes()
            shown.mode = 0o040755
            shown.inode = NodeID.inode(epoch: epoch, node: directory)
            let used = unsafe request.addEntry(
                UnsafeMutableRawBufferPointer(rebasing: thread.buffer[filled..<room]), name: Array(name.utf8), shown,
                cookie: next, isPlus: isPlus)
            if used > room - filled { return false }
            filled += used
        }
        return true
    }

    func statfs(_ request: consuming Request, _ thread: LoopThread) {
        do throws(CacheError) {
            let totals = try thread.reader.totals()
            request.reply(
                statfs: UInt64(max(totals.bytes, 0)), files: UInt64(max(totals.files + totals.directories, 0)))
        } catch { fail(request, "statfs", error) }
    }

    // MARK: Extended attributes

    private static let attributeNames = [
        "user.musicfs.origin", "user.musicfs.real_path", "user.musicfs.served_from", "user.musicfs.track_id",
    ]

    func listAttributes(_ request: consuming Request, _ raw: UInt64, room: Int) {
        if virtual != nil, VirtualNode(raw: raw) != nil { return request.reply(attribute: [], room: room) }
        guard let id = known(raw) else { return request.reply(.stale) }
        guard case .file = id.kind else { return request.reply(attribute: [], room: room) }
        request.reply(attribute: FileSystem.attributeNames.flatMap { Array($0.utf8) + [0] }, room: room)
    }

    func getAttribute(_ request: consuming Request, _ raw: UInt64, _ name: String, room: Int, _ thread: LoopThread) {
        if virtual != nil, VirtualNode(raw: raw) != nil { return request.reply(.noData) }
        guard let id = known(raw) else { return request.reply(.stale) }
        guard case .file = id.kind, FileSystem.attributeNames.contains(name) else { return request.reply(.noData) }
        do throws(CacheError) {
            guard let version = try thread.reader.version(id.id) else { return request.reply(.stale) }
            guard let origin = try thread.reader.origin(version.origin) else { return request.reply(.noData) }
            let value: [UInt8]?
            switch name {
            case "user.musicfs.origin": value = Array(origin.name.utf8)
            case "user.musicfs.served_from":
                value = try thread.reader.origin(content.servedFrom(version)).map { Array($0.name.utf8) }
            case "user.musicfs.real_path": value = version.path.map { origin.root.appending($0.bytes).bytes }
            default: value = version.track.map { Array(String($0).utf8) }
            }
            if let value { request.reply(attribute: value, room: room) } else { request.reply(.noData) }
        } catch { fail(request, "getxattr", error) }
    }
}
