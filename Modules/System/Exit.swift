import CLinux

/// Ends the process with that status; exit handlers run.
package func exitProcess(_ status: CInt) -> Never { exit(status) }
