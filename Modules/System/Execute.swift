import CLinux

/// Replaces this process by a program without arguments and environment; returns only by throwing.
package func execute(_ path: FilePath) throws(SystemError) -> Never {
    var nothing: UnsafeMutablePointer<CChar>?
    _ = unsafe path.withCString { unsafe execve($0, &nothing, &nothing) }
    throw SystemError("execve", path, .current)
}
