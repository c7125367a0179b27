import CLinux

/// A file descriptor that is closed when its owner goes.
package struct OwnedFD: ~Copyable, Sendable {
    /// The number, for calls that borrow the descriptor while this value lives.
    package let raw: CInt

    package init(owning raw: CInt) { self.raw = raw }

    deinit { _ = CLinux.close(raw) }

    /// Closes now and tells whether that failed; the descriptor is gone either way (close(2), Linux notes).
    package consuming func close() throws(SystemError) {
        let raw = self.raw
        discard self
        if CLinux.close(raw) == -1, Errno.current != .interrupted { throw SystemError("close", nil, .current) }
    }

    /// Gives up ownership; the caller must close the number.
    package consuming func release() -> CInt {
        let raw = self.raw
        discard self
        return raw
    }

    /// A second descriptor of the same open file, close-on-exec.
    package func duplicated() throws(SystemError) -> OwnedFD {
        OwnedFD(owning: try checked("fcntl") { clinux_fcntl_int(raw, F_DUPFD_CLOEXEC, 0) })
    }
}

/// An `OwnedFD` that may be shared: closed when the last reference goes.
package final class SharedFD: Sendable {
    private let owned: OwnedFD

    package init(_ owned: consuming OwnedFD) { self.owned = owned }

    package var raw: CInt { owned.raw }

    /// A second descriptor of the same open file, close-on-exec.
    package func duplicated() throws(SystemError) -> OwnedFD { try owned.duplicated() }
}
