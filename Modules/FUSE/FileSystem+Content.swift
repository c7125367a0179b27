import CFuse3
import MusicFSCache
import MusicFSCore
import MusicFSSystem
import Synchronization

/// Opening and reading files.
extension FileSystem {
    func open(_ request: consuming Request, _ raw: UInt64, flags: Int32, _ thread: LoopThread) {
        guard flags & O_ACCMODE == O_RDONLY else { return request.reply(.readOnly) }
        // As the kernel answers once it is unmounted.
        guard takesOpens.load(ordering: .relaxed) else { return request.reply(.notConnected) }
        if let virtual, case .playlist(let id)? = VirtualNode(raw: raw) {
            return open(request, playlist: id, virtual, thread)
        }
        guard let id = known(raw), case .file(let plan) = id.kind else { return request.reply(.stale) }
        // A predecessor's passthrough inode keeps its backing file; a new open goes through a new inode (rule 12).
        if plan == .passthrough, id.generation != generation & 0x3fff { return request.reply(.stale) }
        do throws(CacheError) {
            guard let version = try thread.reader.version(id.id), version.path != nil else {
                return request.reply(.stale)
            }
            // Its origin is not read by the kernel any more (rule 12): the name is looked up again.
            if plan == .passthrough, content.plan(origin: version.origin) != .passthrough {
                return request.reply(.stale)
            }
            let others = try others(version, thread)
            let deferred = request.deferred(thread)
            content.open(version, others: others) { [self] result in
                switch result {
                case .failure(let error):
                    if error != .changed { statistics.failedReads.increment() }
                    deferred.take()?.reply(error.errno)
                case .success(let content):
                    switch plan {
                    case .direct, .cached: finishOpen(deferred, content, version, raw)
                    case .passthrough: finishPassthrough(deferred, content, version, raw)
                    }
                }
            }
        } catch { fail(request, "open", error) }
    }

    private func others(_ version: ContentVersion, _ thread: LoopThread) throws(CacheError) -> [OtherReplica] {
        content.hasSeveralOrigins ? try thread.reader.otherReplicas(of: version) : []
    }

    private func finishOpen(
        _ deferred: DeferredRequest, _ content: any OpenContent, _ version: ContentVersion, _ raw: UInt64
    ) {
        guard let request = deferred.take() else { return }
        if let descriptor = content.descriptor, descriptor.raw >= descriptorReserve {
            return request.reply(.tooManyFiles)
        }
        let handle = files.add(OpenFiles.File(content: content, size: version.size, version: version.id))
        statistics.openCount.add(1, ordering: .relaxed)
        // Before it is answered: another thread may be told of its release at once.
        observer?.opened(version, handle: handle)
        if !request.replyOpen(handle: handle) { close(handle, raw) }
    }

    private func finishPassthrough(
        _ deferred: DeferredRequest, _ content: any OpenContent, _ version: ContentVersion, _ raw: UInt64
    ) {
        // Served by another origin, through the daemon: the kernel is to look the name up again.
        guard let descriptor = content.descriptor else {
            deferred.take()?.reply(.stale)
            return
        }
        backings.acquire(raw, descriptor) { [self] result in
            switch result {
            case .success(let id):
                journal.setBacking(id, for: deferred.unique)
                finishOpen(deferred, content, version, raw)
            case .failure(.refused):
                // The file system does not take part: all of the origin is read by the daemon from now on.
                self.content.abandonPassthrough(origin: version.origin)
                log.info("the kernel does not read this origin itself", metadata: ["origin": "\(version.origin)"])
                invalidate([.node(version.node)])
                deferred.take()?.reply(.stale)
            case .failure(.unavailable): deferred.take()?.reply(.io)
            }
        }
    }

    func read(
        _ request: consuming Request, _ raw: UInt64, handle: UInt64, offset: Int64, size: Int, _ thread: LoopThread
    ) {
        if let file = files.file(handle) {
            return read(request, file, offset: offset, size: size, thread)
        }
        // A predecessor's handle: its state is made again from the id.
        if let virtual, case .playlist(let id)? = VirtualNode(raw: raw) {
            return read(request, playlist: id, handle: handle, offset: offset, size: size, virtual, thread)
        }
        guard let id = known(raw), case .file = id.kind else { return request.reply(.stale) }
        do throws(CacheError) {
            guard let version = try thread.reader.version(id.id) else { return request.reply(.stale) }
            Failpoint.pass(size: version.size)
            let others = try others(version, thread)
            let deferred = request.deferred(thread)
            content.open(version, others: others) { [self] result in
                switch result {
                case .failure(let error): deferred.take()?.reply(error == .changed ? .io : error.errno)
                case .success(let content):
                    let file = files.adopt(
                        handle, OpenFiles.File(content: content, size: version.size, version: version.id))
                    readOnLane(deferred, file, offset: offset, size: size)
                }
            }
        } catch { fail(request, "read", error) }
    }

    private func read(
        _ request: consuming Request, _ file: OpenFiles.File, offset: Int64, size: Int, _ thread: LoopThread
    ) {
        guard offset >= 0, offset < file.size else { return request.replyEnd() }
        Failpoint.pass(size: file.size)
        let count = Int(min(Int64(size), file.size - offset))
        file.progress.note(count)
        if count <= LoopThread.bufferSize {
            let buffer = unsafe UnsafeMutableRawBufferPointer(rebasing: thread.buffer[..<count])
            if unsafe file.content.readNow(into: buffer, at: offset) == count {
                statistics.readBytes.increment(by: UInt64(count))
                return unsafe request.reply(bytes: UnsafeRawBufferPointer(buffer))
            }
        }
        readOnLane(request.deferred(thread), file, offset: offset, size: size)
    }

    private func readOnLane(_ deferred: DeferredRequest, _ file: OpenFiles.File, offset: Int64, size: Int) {
        guard offset >= 0, offset < file.size else {
            deferred.take()?.replyEnd()
            return
        }
        let count = Int(min(Int64(size), file.size - offset))
        file.content.read(at: offset, count: count) { [statistics] result in
            guard let request = deferred.take() else { return }
            switch result {
            case .success(let bytes):
                // Short means that the file was cut in place: an error rather than a silent end (rule 15).
                let buffer = unsafe bytes.buffer
                if buffer.count == count {
                    statistics.readBytes.increment(by: UInt64(count))
                    unsafe request.reply(bytes: UnsafeRawBufferPointer(buffer))
                } else {
                    statistics.failedReads.increment()
                    request.reply(.io)
                }
            case .failure(let error):
                statistics.failedReads.increment()
                request.reply(error == .changed ? .io : error.errno)
            }
        }
    }

    /// A request about this node was under way at the death of two servers.
    func poisoned(_ raw: UInt64, _ thread: LoopThread) {
        guard let id = known(raw), case .file = id.kind, let version = try? thread.reader.version(id.id) else {
            log.error("a request killed two servers; it is answered with an error", metadata: ["node": "\(raw)"])
            return
        }
        log.error(
            "a request killed two servers; it is answered with an error",
            metadata: ["path": "\(version.path?.description ?? "")"])
        content.quarantine(version)
    }

    func release(_ request: consuming Request, _ raw: UInt64, handle: UInt64) {
        close(handle, raw)
        request.replyDone()
    }

    private func close(_ handle: UInt64, _ raw: UInt64) {
        let file = files.remove(handle)
        if file != nil, handle >> 40 == generation {
            statistics.openCount.subtract(1, ordering: .relaxed)
            if let id = known(raw), id.kind == .file(.passthrough) { backings.release(raw) }
        }
        observer?.released(handle: handle, wasRead: file.map { $0.progress.value >= $0.size / 2 } ?? false)
    }
}
