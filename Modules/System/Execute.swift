import CLinux

/// Replaces this process by a program without arguments and environment; returns only by throwing.
package func execute(_ path: FilePath) throws(SystemError) -> Never {
    var nothing: UnsafeMutablePointer<CChar>?
    _ = unsafe path.withCString { unsafe execve($0, &nothing, &nothing) }
    throw SystemError("execve", path, .current)
}

/// Replaces this process by a program with this process's environment; returns only by throwing.
///
/// - Parameter arguments: the first is the name that it sees for itself.
package func execute(_ path: FilePath, arguments: [String]) throws(SystemError) -> Never {
    var vector = unsafe arguments.map { unsafe strdup($0) }
    unsafe vector.append(nil)
    defer { unsafe vector.forEach { unsafe free($0) } }
    _ = unsafe path.withCString { unsafe execve($0, vector, clinux_environment()) }
    throw SystemError("execve", path, .current)
}

/// Whether a program that replaces this one gets a descriptor.
package func setInherited(_ fd: CInt, _ isInherited: Bool) throws(SystemError) {
    _ = try checked("fcntl") { clinux_fcntl_int(fd, F_SETFD, isInherited ? 0 : FD_CLOEXEC) }
}

extension ThisProcess {
    /// The file that this program was started from, which may be another one by now; nil where /proc does not say.
    package static var executable: FilePath? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0, count < buffer.count else { return nil }
        let bytes = buffer[..<count].map { UInt8(bitPattern: $0) }
        let deleted = Array(" (deleted)".utf8)
        return FilePath(
            bytes: bytes.suffix(deleted.count) == deleted[...] ? Array(bytes.dropLast(deleted.count)) : bytes)
    }
}
