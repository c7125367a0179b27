import CLinux

/// An error number of the kernel.
package struct Errno: RawRepresentable, Error, Hashable, Sendable {
    package let rawValue: CInt

    package init(rawValue: CInt) { self.rawValue = rawValue }

    package static let perm = Errno(rawValue: EPERM)
    package static let noEntry = Errno(rawValue: ENOENT)
    package static let noProcess = Errno(rawValue: ESRCH)
    package static let interrupted = Errno(rawValue: EINTR)
    package static let io = Errno(rawValue: EIO)
    package static let badDescriptor = Errno(rawValue: EBADF)
    package static let again = Errno(rawValue: EAGAIN)
    package static let noMemory = Errno(rawValue: ENOMEM)
    package static let access = Errno(rawValue: EACCES)
    package static let busy = Errno(rawValue: EBUSY)
    package static let exists = Errno(rawValue: EEXIST)
    package static let noDevice = Errno(rawValue: ENODEV)
    package static let notDirectory = Errno(rawValue: ENOTDIR)
    package static let isDirectory = Errno(rawValue: EISDIR)
    package static let invalid = Errno(rawValue: EINVAL)
    package static let tooManyFiles = Errno(rawValue: EMFILE)
    package static let systemFileLimit = Errno(rawValue: ENFILE)
    package static let noSpace = Errno(rawValue: ENOSPC)
    package static let readOnly = Errno(rawValue: EROFS)
    package static let range = Errno(rawValue: ERANGE)
    package static let noSystemCall = Errno(rawValue: ENOSYS)
    package static let notEmpty = Errno(rawValue: ENOTEMPTY)
    package static let loop = Errno(rawValue: ELOOP)
    package static let noData = Errno(rawValue: ENODATA)
    package static let connectionAborted = Errno(rawValue: ECONNABORTED)
    package static let timedOut = Errno(rawValue: ETIMEDOUT)
    package static let stale = Errno(rawValue: ESTALE)
    package static let notSupported = Errno(rawValue: EOPNOTSUPP)
    package static let notConnected = Errno(rawValue: ENOTCONN)
    package static let nameTooLong = Errno(rawValue: ENAMETOOLONG)
    package static let crossDevice = Errno(rawValue: EXDEV)
    package static let pipe = Errno(rawValue: EPIPE)
    package static let connectionRefused = Errno(rawValue: ECONNREFUSED)

    /// The number of the last failed call on this thread. Read it at once: any other call may change it.
    package static var current: Errno { Errno(rawValue: clinux_errno()) }
}

extension Errno: CustomStringConvertible {
    package var description: String {
        var buffer = [CChar](repeating: 0, count: 128)
        let size = buffer.count
        return unsafe buffer.withUnsafeMutableBufferPointer { pointer in
            guard let base = pointer.baseAddress, let text = unsafe strerror_r(rawValue, base, size) else {
                return "error \(rawValue)"
            }
            return unsafe String(cString: text)
        }
    }
}
