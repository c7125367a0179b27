import CFuse3
import MusicFSCache
import MusicFSCore
import MusicFSSystem

/// Names and attributes of what is in virtual directories. On the FUSE thread, but for what takes a query.
extension FileSystem {
    func attributes(
        _ node: VirtualNode, inode: UInt64? = nil, size: UInt64 = 0, modified: Int64,
        timeout limit: Double = VirtualTree.timeout
    ) -> musicfs_attributes {
        musicfs_attributes(
            node_id: node.raw, inode: inode ?? node.raw, size: size, modified_ns: modified, mode: node.mode,
            links: node.isDirectory ? 2 : 1, uid: settings.owner, gid: settings.group, timeout: min(timeout, limit))
    }

    /// One of the directories in the root; nil when the name is none of theirs.
    func virtualEntry(_ virtual: VirtualTree, _ name: UnsafeRawBufferPointer) -> musicfs_attributes? {
        guard let node = unsafe virtual.node(named: name) else { return nil }
        guard case .directory(let place) = node else { return attributes(node, modified: 0) }
        return attributes(node, modified: virtual.table.window(.directory(place)) ?? 0)
    }

    // MARK: Looking up

    func lookup(
        _ request: consuming Request, in node: VirtualNode, _ name: UnsafeRawBufferPointer, _ virtual: VirtualTree,
        _ thread: LoopThread
    ) {
        guard node.isOf(epoch: epoch) else { return request.reply(.stale) }
        switch node {
        case .directory(let place): unsafe lookup(request, inDirectory: place, Array(name), virtual, thread)
        case .list(let id): unsafe lookup(request, inList: id, Array(name), virtual, thread)
        case .hintDirectory(_, let directory): unsafe lookup(request, inHints: directory, name, virtual, thread)
        case .playlist, .link, .hintLink: request.reply(.notDirectory)
        }
    }

    private func lookup(
        _ request: consuming Request, inDirectory place: Int, _ bytes: [UInt8], _ virtual: VirtualTree,
        _ thread: LoopThread
    ) {
        guard virtual.directories.indices.contains(place) else { return request.reply(.stale) }
        // What can never be a name need not be asked for again.
        guard let name = TrackNames.listName(bytes) else { return request.replyAbsent(timeout: timeout) }
        let directory = virtual.directories[place]
        if directory.accepts(name) {
            let list = ListTable.List(directory: place, name: name)
            guard let id = virtual.table.enter(list), let time = virtual.table.window(.list(id)) else {
                return request.reply(.io)
            }
            return request.reply(entry: attributes(.list(id), modified: time))
        }
        guard directory.hasPlaylists, let name = TrackNames.list(ofPlaylist: name), directory.accepts(name) else {
            return request.replyAbsent(timeout: 0)
        }
        let list = ListTable.List(directory: place, name: name)
        withPlaylist(request, of: list, anyWindow: false, virtual, thread) { [self] request, playlist in
            guard let playlist else { return request.replyAbsent(timeout: 0) }
            guard let id = virtual.table.enter(playlistOf: list, size: playlist.bytes.count, content: playlist.content),
                let known = virtual.table.playlist(id)
            else { return request.reply(.io) }
            request.reply(entry: attributes(.playlist(id), known))
        }
    }

    private func lookup(
        _ request: consuming Request, inList id: UInt64, _ name: [UInt8], _ virtual: VirtualTree, _ thread: LoopThread
    ) {
        guard let list = virtual.table.list(id) else { return request.reply(.stale) }
        // Whatever else desktops look for in a directory is not there, and takes no query.
        guard TrackNames.number(name) != nil else { return request.replyAbsent(timeout: 0) }
        withListing(request, .list(id), list, anyWindow: false, virtual, thread) { [self] request, listing in
            guard let entry = listing?.link(named: name) else { return request.replyAbsent(timeout: 0) }
            request.reply(entry: attributes(entry))
        }
    }

    /// A file that is looked up is what the directory is for.
    private func lookup(
        _ request: consuming Request, inHints directory: Int64, _ name: UnsafeRawBufferPointer, _ virtual: VirtualTree,
        _ thread: LoopThread
    ) {
        guard let hints = virtual.hints else { return request.reply(.stale) }
        do throws(CacheError) {
            guard let entry = try unsafe thread.reader.entry(parent: directory, name: name) else {
                return request.replyAbsent(timeout: 0)
            }
            if entry.kind == .directory {
                let node = VirtualNode.hintDirectory(epoch: epoch, node: entry.node)
                return request.reply(entry: attributes(node, modified: entry.modified))
            }
            guard let path = try thread.reader.path(ofFile: entry.node) else { return request.replyAbsent(timeout: 0) }
            hints.hint(node: entry.node)
            let target = LinkTarget.bytes(toHinted: path)
            // Each look-up is a hint, so that the kernel is to ask each time.
            request.reply(
                entry: attributes(
                    .hintLink(epoch: epoch, node: entry.node), size: UInt64(target.count), modified: entry.modified,
                    timeout: 0))
        } catch { fail(request, "lookup", error) }
    }

    // MARK: Attributes and links

    func getattr(_ request: consuming Request, _ node: VirtualNode, _ virtual: VirtualTree, _ thread: LoopThread) {
        do throws(CacheError) {
            guard node.isOf(epoch: epoch), let known = try attributes(of: node, virtual, thread) else {
                return request.reply(.stale)
            }
            request.reply(attributes: known)
        } catch { fail(request, "getattr", error) }
    }

    private func attributes(
        of node: VirtualNode, _ virtual: VirtualTree, _ thread: LoopThread
    ) throws(CacheError) -> musicfs_attributes? {
        switch node {
        case .directory(let place):
            guard virtual.directories.indices.contains(place) else { return nil }
            return virtual.table.window(.directory(place)).map { attributes(node, modified: $0) }
        case .list(let id): return virtual.table.window(.list(id)).map { attributes(node, modified: $0) }
        case .playlist(let id):
            return virtual.table.playlist(id).map { attributes(node, $0) }
        case .link(_, let track):
            guard let place = try thread.reader.place(ofTrack: track) else { return nil }
            return attributes(
                node, size: UInt64(LinkTarget.length(toTrack: place.path)), modified: place.modified,
                timeout: VirtualTree.linkTimeout)
        case .hintDirectory(_, let directory):
            guard virtual.hints != nil, let entry = try thread.reader.entry(node: directory), entry.kind == .directory
            else { return nil }
            return attributes(node, modified: directory == 1 ? 0 : entry.modified)
        case .hintLink(_, let file):
            guard virtual.hints != nil, let entry = try thread.reader.entry(node: file),
                let path = try thread.reader.path(ofFile: file)
            else { return nil }
            let size = UInt64(LinkTarget.bytes(toHinted: path).count)
            return attributes(node, size: size, modified: entry.modified, timeout: 0)
        }
    }

    /// Where the track is now, in whatever list the link was seen.
    func readLink(_ request: consuming Request, _ raw: UInt64, _ thread: LoopThread) {
        guard virtual != nil, let node = VirtualNode(raw: raw), node.isOf(epoch: epoch) else {
            return request.reply(.stale)
        }
        do throws(CacheError) {
            switch node {
            case .link(_, let track):
                guard let place = try thread.reader.place(ofTrack: track) else { return request.reply(.stale) }
                request.reply(target: LinkTarget.bytes(toTrack: place.path))
            case .hintLink(_, let file):
                guard let path = try thread.reader.path(ofFile: file) else { return request.reply(.stale) }
                request.reply(target: LinkTarget.bytes(toHinted: path))
            case .directory, .list, .playlist, .hintDirectory: request.reply(.invalid)
            }
        } catch { fail(request, "readlink", error) }
    }

    /// Its inode number stays when its bytes change.
    private func attributes(_ node: VirtualNode, _ playlist: ListTable.Playlist) -> musicfs_attributes {
        let file = TrackNames.playlistName(playlist.list.name)
        let id = ListTable.id(
            directory: playlist.list.directory, name: String(decoding: file ?? [], as: UTF8.self))
        return attributes(
            node, inode: VirtualNode.playlist(id).raw, size: playlist.size, modified: playlist.modified)
    }

    func attributes(_ entry: Listing.Entry) -> musicfs_attributes {
        attributes(
            .link(epoch: epoch, track: entry.track), size: entry.size, modified: entry.modified,
            timeout: VirtualTree.linkTimeout)
    }
}
