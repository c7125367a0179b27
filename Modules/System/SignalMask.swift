import CLinux

/// Runs `body` with all signals blocked in this thread, so that threads which a C library starts in it inherit the
/// mask and leave signals to the thread that waits for them.
package func withSignalsBlocked<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    var all = sigset_t()
    var before = sigset_t()
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    return try body()
}
