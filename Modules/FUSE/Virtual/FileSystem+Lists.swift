import CFuse3
import MusicFSCache
import MusicFSCore
import MusicFSSystem
import Synchronization

/// Listings of virtual directories and the bytes of playlists. What they hold is asked for when they are read, on a lane.
extension FileSystem {
    /// Answers with what a list holds: at once where that is known.
    ///
    /// - Parameters:
    ///   - list: nil for a directory of lists.
    ///   - anyWindow: whether what it held before will do.
    ///   - answer: gets nil where there is no such list.
    func withListing(
        _ request: consuming Request, _ place: ListTable.Place, _ list: ListTable.List?, anyWindow: Bool,
        _ virtual: VirtualTree, _ thread: LoopThread,
        _ answer: @escaping @Sendable (consuming Request, Listing?) -> Void
    ) {
        guard let window = virtual.table.window(place) else { return request.reply(.stale) }
        if let known = virtual.cache.known(place, window: anyWindow ? nil : window) { return answer(request, known) }
        let cache = virtual.cache
        virtual.wait(request, thread) {
            switch place {
            case .directory(let directory): try cache.listing(ofDirectory: directory, window: window)
            case .list(let id): try list.flatMap { try cache.listing(of: $0, id: id, window: window) }
            }
        } _: { [self] request, result in
            switch result {
            case .success(let listing): answer(request, listing)
            case .failure(let error): fail(request, virtual: error)
            }
        }
    }

    func withPlaylist(
        _ request: consuming Request, of list: ListTable.List, anyWindow: Bool, _ virtual: VirtualTree,
        _ thread: LoopThread, _ answer: @escaping @Sendable (consuming Request, Playlist?) -> Void
    ) {
        guard let id = virtual.table.enter(list), let window = virtual.table.window(.list(id)) else {
            return request.reply(.io)
        }
        if let known = virtual.cache.known(playlistOf: list, window: anyWindow ? nil : window) {
            return answer(request, known)
        }
        let cache = virtual.cache
        virtual.wait(request, thread) {
            try cache.playlist(of: list, window: window)
        } _: { [self] request, result in
            switch result {
            case .success(let playlist): answer(request, playlist)
            case .failure(let error): fail(request, virtual: error)
            }
        }
    }

    private func fail(_ request: consuming Request, virtual error: any Error) {
        if let error = error as? CacheError { return fail(request, "list", error) }
        if virtual?.isNews("\(error)") == true {
            log.warning("a list cannot be had", metadata: ["error": "\(error)"])
        }
        request.reply(.io)
    }

    // MARK: Listings

    func readDirectory(
        _ request: consuming Request, _ node: VirtualNode, size: Int, cookie: Int64, isPlus: Bool,
        _ virtual: VirtualTree, _ thread: LoopThread
    ) {
        guard node.isOf(epoch: epoch) else { return request.reply(.stale) }
        let place: ListTable.Place
        var list: ListTable.List?
        switch node {
        case .directory(let directory) where virtual.directories.indices.contains(directory):
            place = .directory(directory)
        case .list(let id):
            list = virtual.table.list(id)
            guard list != nil else { return request.reply(.stale) }
            place = .list(id)
        case .hintDirectory where virtual.hints != nil:
            // It is for look-ups: a walk finds nothing in it.
            return reply(request, Listing(window: 0, []), of: node, size: size, cookie: cookie, isPlus: isPlus)
        case .playlist, .link, .hintLink: return request.reply(.notDirectory)
        case .directory, .hintDirectory: return request.reply(.stale)
        }
        // A listing that has begun goes on in what it began with.
        let hasBegun = cookie > 2
        if !hasBegun { virtual.table.noteListed(place) }
        withListing(request, place, list, anyWindow: hasBegun, virtual, thread) { [self] request, listing in
            guard let listing else { return request.reply(.noEntry) }
            reply(request, listing, of: node, size: size, cookie: cookie, isPlus: isPlus)
            // What was told while this was being asked for came too early: the kernel had kept nothing then.
            guard !hasBegun, virtual.table.window(place) != listing.window else { return }
            virtual.table.noteListed(place)
            invalidateLists([node])
        }
    }

    private func reply(
        _ request: consuming Request, _ listing: Listing, of node: VirtualNode, size: Int, cookie: Int64, isPlus: Bool
    ) {
        let room = min(max(size, 0), LoopThread.bufferSize)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 8)
        defer { unsafe buffer.deallocate() }
        var filled = 0
        var next = cookie
        while let (name, shown, cookie) = entry(listing, of: node, after: next) {
            let used = unsafe request.addEntry(
                UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<room]), name: name, shown, cookie: cookie,
                isPlus: isPlus)
            if used > room - filled { break }
            filled += used
            next = cookie
        }
        unsafe request.reply(bytes: UnsafeRawBufferPointer(rebasing: buffer[..<filled]))
    }

    /// What stands behind a cookie; nil at the end.
    private func entry(
        _ listing: Listing, of node: VirtualNode, after cookie: Int64
    ) -> (name: [UInt8], shown: musicfs_attributes, cookie: Int64)? {
        if cookie < 2 {
            let next = max(cookie, 0) + 1
            return (next == 1 ? Array(".".utf8) : Array("..".utf8), shown(mode: node.mode, inode: node.raw), next)
        }
        let index = listing.index(after: cookie)
        guard index < listing.entries.count else { return nil }
        let name = Array(listing.name(index))
        return (name, shown(listing.entries[index], name, of: node), listing.cookie(index))
    }

    private func shown(_ entry: Listing.Entry, _ name: [UInt8], of node: VirtualNode) -> musicfs_attributes {
        guard case .directory(let place) = node else { return attributes(entry) }
        // The kernel looks these up when it needs more than their type: a playlist's size takes its tracks, and each list
        // that is looked up may push another out of the table.
        let id = ListTable.id(directory: place, name: String(decoding: name, as: UTF8.self))
        let shownNode: VirtualNode = entry.kind == .list ? .list(id) : .playlist(id)
        return shown(mode: shownNode.mode, inode: shownNode.raw)
    }

    /// Type and inode number alone: with no node id the kernel takes it for no look-up.
    private func shown(mode: UInt32, inode: UInt64) -> musicfs_attributes {
        var shown = musicfs_attributes()
        shown.mode = mode
        shown.inode = inode
        return shown
    }

    // MARK: Playlists

    func open(_ request: consuming Request, playlist id: UInt64, _ virtual: VirtualTree, _ thread: LoopThread) {
        guard let known = virtual.table.playlist(id) else { return request.reply(.stale) }
        withPlaylist(request, of: known.list, anyWindow: false, virtual, thread) { [self] request, playlist in
            // It holds something else by now: the kernel looks its name up again, and finds that.
            guard let playlist, playlist.content == known.content else { return request.reply(.stale) }
            let handle = files.add(
                OpenFiles.File(content: playlist, size: Int64(playlist.bytes.count), version: 0))
            statistics.openCount.add(1, ordering: .relaxed)
            if !request.replyOpen(handle: handle), files.remove(handle) != nil {
                statistics.openCount.subtract(1, ordering: .relaxed)
            }
        }
    }

    /// From a handle that a predecessor gave out.
    func read(
        _ request: consuming Request, playlist id: UInt64, handle: UInt64, offset: Int64, size: Int,
        _ virtual: VirtualTree, _ thread: LoopThread
    ) {
        guard let known = virtual.table.playlist(id) else { return request.reply(.stale) }
        // What it held when it was opened is right, for as long as that is known.
        let isKnown = virtual.cache.known(playlistOf: known.list, window: nil)?.content == known.content
        withPlaylist(request, of: known.list, anyWindow: isKnown, virtual, thread) { [self] request, playlist in
            guard let playlist, playlist.content == known.content else { return request.reply(.io) }
            _ = files.adopt(
                handle, OpenFiles.File(content: playlist, size: Int64(playlist.bytes.count), version: 0))
            guard offset >= 0, offset < Int64(playlist.bytes.count) else { return request.replyEnd() }
            let count = min(size, playlist.bytes.count - Int(offset))
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
            defer { unsafe buffer.deallocate() }
            guard unsafe playlist.readNow(into: buffer, at: offset) == count else { return request.reply(.io) }
            statistics.readBytes.increment(by: UInt64(count))
            unsafe request.reply(bytes: UnsafeRawBufferPointer(buffer))
        }
    }
}
