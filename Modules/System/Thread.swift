import CCrash
import CLinux

/// Starts a detached thread with a name of at most 15 bytes (pthread_setname_np(3)).
///
/// All signals but those of faults are blocked in it, so that they reach the thread that waits for them. The body's captures live
/// until it returns.
package func startThread(
    _ name: String, stackBytes: Int = 512 << 10, _ body: @escaping @Sendable () -> Void
) throws(SystemError) {
    final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    unsafe pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
    unsafe pthread_attr_setstacksize(&attributes, stackBytes)
    // The mask is inherited, so it is blocked around the creation.
    var all = sigset_t()
    var before = sigset_t()
    unsafe sigfillset(&all)
    CrashReports.removeFaults(from: &all)
    unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    let start = unsafe Unmanaged.passRetained(Start(name, body))
    var thread = pthread_t()
    let result = unsafe pthread_create(
        &thread, &attributes,
        { context in
            guard let context = unsafe context else { return nil }
            let start = unsafe Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
            _ = unsafe start.name.withCString { unsafe pthread_setname_np(pthread_self(), $0) }
            ccrash_enter_thread()
            start.body()
            ccrash_leave_thread()
            return nil
        }, start.toOpaque())
    if result != 0 {
        unsafe start.release()
        throw SystemError("pthread_create", nil, Errno(rawValue: result))
    }
}
