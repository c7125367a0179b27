import CFuse3
import CLinux
import MusicFSSystem

/// The thread that libfuse is calling back on.
private var current: LoopThread? {
    guard let context = unsafe clinux_thread_context() else { return nil }
    return unsafe Unmanaged<LoopThread>.fromOpaque(context).takeUnretainedValue()
}

/// Takes a request from libfuse and answers it in `body`, on the loop's thread.
private func serve(
    _ raw: fuse_req_t?, _ operation: FileSystemStatistics.Operation,
    _ body: (FileSystem, consuming Request, LoopThread) -> Void
) {
    guard let raw = unsafe raw else { return }
    guard let thread = current else {
        unsafe fuse_reply_err(raw, Errno.io.rawValue)
        return
    }
    let start = monotonicNanoseconds()
    let fileSystem = thread.session.fileSystem
    thread.isDeferred = false
    body(fileSystem, unsafe Request(raw, unique: thread.unique, operation, start: start), thread)
    fileSystem.statistics.record(
        operation, nanoseconds: monotonicNanoseconds() &- start, isAnswered: !thread.isDeferred)
}

private func refuse(_ raw: fuse_req_t?) {
    guard let raw = unsafe raw else { return }
    unsafe fuse_reply_err(raw, Errno.readOnly.rawValue)
}

private func nameBytes(_ name: UnsafePointer<CChar>?) -> UnsafeRawBufferPointer {
    guard let name = unsafe name else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
    return unsafe UnsafeRawBufferPointer(start: name, count: strlen(name))
}

/// libfuse's table of call-backs. The mount is read-only, so the kernel refuses writes by itself; whatever reaches us
/// all the same is refused here.
func lowLevelOperations() -> fuse_lowlevel_ops {
    var table = fuse_lowlevel_ops()
    unsafe table.lookup = { raw, parent, name in
        unsafe serve(raw, .lookup) { unsafe $0.lookup($1, parent, nameBytes(name), $2) }
    }
    unsafe table.forget = { raw, _, _ in if let raw = unsafe raw { unsafe fuse_reply_none(raw) } }
    unsafe table.forget_multi = { raw, _, _ in if let raw = unsafe raw { unsafe fuse_reply_none(raw) } }
    unsafe table.getattr = { raw, node, _ in unsafe serve(raw, .getattr) { $0.getattr($1, node, $2) } }
    unsafe table.readlink = { raw, node in unsafe serve(raw, .other) { $0.readLink($1, node, $2) } }
    unsafe table.opendir = { raw, _, _ in
        unsafe serve(raw, .readdir) { fs, request, _ in fs.openDirectory(request) }
    }
    unsafe table.readdir = { raw, node, size, offset, _ in
        unsafe serve(raw, .readdir) {
            $0.readDirectory($1, node, size: size, cookie: Int64(offset), isPlus: false, $2)
        }
    }
    unsafe table.readdirplus = { raw, node, size, offset, _ in
        unsafe serve(raw, .readdir) {
            $0.readDirectory($1, node, size: size, cookie: Int64(offset), isPlus: true, $2)
        }
    }
    unsafe table.releasedir = { raw, _, _ in unsafe serve(raw, .other) { _, request, _ in request.replyDone() } }
    unsafe table.open = { raw, node, info in
        let flags = unsafe info?.pointee.flags ?? O_RDONLY
        unsafe serve(raw, .open) { $0.open($1, node, flags: flags, $2) }
    }
    unsafe table.read = { raw, node, size, offset, info in
        let handle = unsafe info?.pointee.fh ?? 0
        unsafe serve(raw, .read) { $0.read($1, node, handle: handle, offset: Int64(offset), size: size, $2) }
    }
    unsafe table.release = { raw, node, info in
        let handle = unsafe info?.pointee.fh ?? 0
        unsafe serve(raw, .release) { fs, request, _ in fs.release(request, node, handle: handle) }
    }
    unsafe table.statfs = { raw, _ in unsafe serve(raw, .other) { $0.statfs($1, $2) } }
    unsafe table.access = { raw, _, mask in
        unsafe serve(raw, .other) { _, request, _ in
            if mask & W_OK != 0 { request.reply(.readOnly) } else { request.replyDone() }
        }
    }
    unsafe table.getxattr = { raw, node, name, size in
        let key = unsafe String(decoding: nameBytes(name), as: UTF8.self)
        unsafe serve(raw, .other) { $0.getAttribute($1, node, key, room: size, $2) }
    }
    unsafe table.listxattr = { raw, node, size in
        unsafe serve(raw, .other) { fs, request, _ in fs.listAttributes(request, node, room: size) }
    }
    unsafe table.flush = { raw, _, _ in unsafe serve(raw, .other) { _, request, _ in request.replyDone() } }
    unsafe table.setattr = { raw, _, _, _, _ in unsafe refuse(raw) }
    unsafe table.mknod = { raw, _, _, _, _ in unsafe refuse(raw) }
    unsafe table.mkdir = { raw, _, _, _ in unsafe refuse(raw) }
    unsafe table.unlink = { raw, _, _ in unsafe refuse(raw) }
    unsafe table.rmdir = { raw, _, _ in unsafe refuse(raw) }
    unsafe table.symlink = { raw, _, _, _ in unsafe refuse(raw) }
    unsafe table.rename = { raw, _, _, _, _, _ in unsafe refuse(raw) }
    unsafe table.link = { raw, _, _, _ in unsafe refuse(raw) }
    unsafe table.write = { raw, _, _, _, _, _ in unsafe refuse(raw) }
    unsafe table.create = { raw, _, _, _, _ in unsafe refuse(raw) }
    unsafe table.setxattr = { raw, _, _, _, _, _ in unsafe refuse(raw) }
    unsafe table.removexattr = { raw, _, _ in unsafe refuse(raw) }
    unsafe table.fallocate = { raw, _, _, _, _, _ in unsafe refuse(raw) }
    return table
}
