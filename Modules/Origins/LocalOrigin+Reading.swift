package import MusicFSCore
import MusicFSSystem

/// Reading through the daemon, and what becomes of errors.
extension LocalOrigin {
    package func read(
        _ path: [UInt8], _ stamp: FileStamp, at offset: Int64, into buffers: ReadBuffers, deadline: UInt64
    ) throws(OriginError) {
        try patiently(deadline) { () throws(SystemError) in
            let file = try openVersion(path, stamp)
            while !buffers.isFull {
                let room = unsafe buffers.room
                let count = unsafe try readFully(file.raw, into: room, at: offset + Int64(buffers.filled))
                buffers.advance(count)
                if count < room.count { return }
            }
        }
        if buffers.isFull { return }
        // A file that is as long as ever was read short, which passes; else it was cut.
        let now = try status(path, deadline: deadline).stamp
        held.drop(path)
        let isSame = now.size == stamp.size && now.modified == stamp.modified
        throw OriginError(isSame ? .transient : .changed, "the file ended early")
    }

    /// - Throws: ESTALE's own meaning is kept for the file system, so that a file that is another version by now is
    ///   `Changed`.
    private func openVersion(_ path: [UInt8], _ stamp: FileStamp) throws(SystemError) -> SharedFD {
        if let held = held.file(path, stamp) { return held }
        guard let relative = FilePath(bytes: path) else { throw SystemError("open", nil, .invalid) }
        let file = SharedFD(try open(relative))
        let status = try FileStatus.of(raw: file.raw)
        guard status.kind == .regular, status.size == stamp.size, status.modified == stamp.modified else {
            throw SystemError("open", nil, .changedVersion)
        }
        held.keep(file, path, stamp)
        return file
    }

    package func closeIdle() { held.closeIdle() }

    package func check(deadline: UInt64) throws(OriginError) {
        _ = try marker(deadline: deadline)
        // A mount that is gone leaves an empty directory behind, which can be listed as well: the marker is compared by
        // the scan, and here what matters is whether there is an answer.
        _ = try patiently(deadline) { () throws(SystemError) in
            let directory = try openFolder([])
            _ = try FileStatus.of(raw: directory.raw)
        }
    }

    /// Which file system, and which directory of it, the root is now.
    ///
    /// FNV-1a over the file system's id (stable over reboots on disk file systems) and the root's inode number.
    package func marker(deadline: UInt64) throws(OriginError) -> UInt64 {
        try patiently(deadline) { () throws(SystemError) in
            let system = try FileSystemStatus.of(root)
            let status = try FileStatus.of(root)
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325
            for word in [system.id == 0 ? status.device : system.id, status.inode] {
                for shift in stride(from: UInt64(0), to: 64, by: 8) {
                    hash = (hash ^ (word >> shift & 0xff)) &* 0x100_0000_01b3
                }
            }
            return hash
        }
    }

    /// Runs `body`; on a network's file system again where the error is one of those that pass: a stale handle 3 times
    /// from 100 ms doubling, a lost connection 3 times at 100 ms.
    func patiently<R>(_ deadline: UInt64, _ body: () throws(SystemError) -> R) throws(OriginError) -> R {
        var pause: UInt64 = 100_000_000
        var tries = 0
        while true {
            do throws(SystemError) {
                return try body()
            } catch {
                let passes = error.errno == .stale || error.errno == .notConnected
                guard isRemote, passes, tries < 3, monotonicNanoseconds() &+ pause < deadline else {
                    throw classified(error)
                }
                tries += 1
                // The root's own handle may be the stale one.
                _ = try? refresh()
                _ = pollReadable([], milliseconds: CInt(clamping: pause / 1_000_000))
                if error.errno == .stale { pause *= 2 }
            }
        }
    }

    private func classified(_ error: SystemError) -> OriginError {
        switch error.errno {
        case .changedVersion: OriginError(.changed, "the file is another version by now")
        case .noEntry, .notDirectory:
            isThere
                ? OriginError(.notFound, "\(error)")
                : OriginError(.unreachable, "\(root) is not there; is something not mounted?")
        // ELOOP, EXDEV: somebody put a link there that leads out of the origin.
        case .access, .perm, .loop, .crossDevice: OriginError(.permission, "\(error)")
        case .timedOut, .notConnected: OriginError(.unreachable, "\(error)")
        case .invalid, .nameTooLong: OriginError(.invalid, "\(error)")
        default: OriginError(.transient, "\(error)")
        }
    }

    private var isThere: Bool { (try? FileStatus.of(root))?.kind == .directory }
}

extension Errno {
    /// Not the kernel's: the file is not the version that was asked for.
    fileprivate static let changedVersion = Errno(rawValue: -1)
}
