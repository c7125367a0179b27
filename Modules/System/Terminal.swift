import CLinux

/// Whether the descriptor is a terminal (isatty(3)).
package func isTerminal(_ fd: CInt) -> Bool { isatty(fd) == 1 }
