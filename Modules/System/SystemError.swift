/// A system call that failed: which, on what, and why.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    package let call: String
    package let path: FilePath?
    package let errno: Errno

    package init(_ call: String, _ path: FilePath? = nil, _ errno: Errno) {
        self.call = call
        self.path = path
        self.errno = errno
    }

    package var description: String {
        if let path { return "\(call) \(path): \(errno)" }
        return "\(call): \(errno)"
    }
}

/// Runs `body` until it ends otherwise than by EINTR, and turns its `-1` into a `SystemError`.
///
/// This is the one place where errno is read after a call that answers with -1.
package func checked<T: SignedInteger>(
    _ call: String, _ path: FilePath? = nil, _ body: () -> T
) throws(SystemError) -> T {
    while true {
        let result = body()
        if result != -1 { return result }
        let errno = Errno.current
        if errno != .interrupted { throw SystemError(call, path, errno) }
    }
}
