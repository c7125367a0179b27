import CLinux

/// A listening Unix stream socket that is not yet, or no longer, at the path where clients look.
///
/// It is bound under a temporary name beside `file.path`, gets its permissions there and listens, so that
/// `file.publish()` replaces an older socket in one step, and nobody ever meets a socket that does not listen or that
/// is open too wide.
package struct UnixListener: ~Copyable, Sendable {
    package let fd: OwnedFD
    package let file: SocketFile

    /// Binds and listens. The directory is created if it is missing: 0755 for root, else 0700.
    ///
    /// - Parameters:
    ///   - mode: permission bits of the socket; connecting needs the right to write.
    ///   - group: the group's number, or nil to leave it.
    ///   - backlog: connections that wait to be accepted.
    /// - Throws: `nameTooLong` when the path or its temporary sibling exceeds the 107 bytes of sockaddr_un (unix(7)).
    package static func bind(
        _ path: FilePath, mode: UInt32, group: UInt32? = nil, backlog: CInt = 128
    ) throws(SystemError) -> UnixListener {
        let directory = path.parent
        try createDirectories(directory, mode: geteuid() == 0 ? 0o755 : 0o700)
        _ = try socketAddress(path, call: "bind")
        let fd = OwnedFD(owning: try checked("socket") { socket(AF_UNIX, streamSocket, 0) })
        let temporary = try bindTemporary(fd.raw, in: directory)
        do throws(SystemError) {
            if let group {
                _ = try unsafe temporary.withCString { (pointer) throws(SystemError) in
                    try checked("chown", temporary) { unsafe lchown(pointer, uid_t.max, group) }
                }
            }
            _ = try unsafe temporary.withCString { (pointer) throws(SystemError) in
                try checked("chmod", temporary) { unsafe chmod(pointer, mode) }
            }
            _ = try checked("listen", temporary) { listen(fd.raw, backlog) }
            let status = try FileStatus.ofLink(temporary)
            return UnixListener(
                fd: fd,
                file: SocketFile(path: path, temporary: temporary, device: status.device, inode: status.inode))
        } catch {
            try? unlink(temporary)
            throw error
        }
    }

    /// Binds to a free name of five bytes, so that it is no longer than the final name in all but odd cases.
    private static func bindTemporary(_ fd: CInt, in directory: FilePath) throws(SystemError) -> FilePath {
        var attempt = 0
        while true {
            let number = UInt16.random(in: 0x1000...0xffff)
            let candidate = directory.appending("." + String(number, radix: 16))
            do throws(SystemError) {
                let address = try socketAddress(candidate, call: "bind")
                _ = try unsafe address.withPointer { (pointer, length) throws(SystemError) in
                    try checked("bind", candidate) { unsafe CLinux.bind(fd, pointer, length) }
                }
                return candidate
            } catch {
                guard error.errno == .addressInUse, attempt < 64 else { throw error }
                attempt += 1
            }
        }
    }
}

/// The file of a listening Unix socket, known by its inode.
package struct SocketFile: Hashable, Sendable {
    package let path: FilePath
    let temporary: FilePath
    let device: UInt64
    let inode: UInt64

    /// Moves the socket to its path, over what is there.
    package func publish() throws(SystemError) { try rename(temporary, to: path) }

    /// Unlinks the socket unless another has taken its path.
    ///
    /// To be called before the listening descriptor is closed: until then the kernel cannot give its inode number to a
    /// successor. Between the look and the unlink lies a moment in which a successor's socket could be lost.
    package func remove() {
        for candidate in [path, temporary] {
            guard let status = try? FileStatus.ofLink(candidate), status.device == device, status.inode == inode else {
                continue
            }
            try? unlink(candidate)
        }
    }
}
