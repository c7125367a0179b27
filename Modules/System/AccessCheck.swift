import CLinux

/// Whether this process may write to a file, or make entries in a directory, as far as that can be told without trying.
package func isWritable(_ path: FilePath) -> Bool {
    unsafe path.withCString { unsafe faccessat(AT_FDCWD, $0, W_OK, AT_EACCESS) } == 0
}
