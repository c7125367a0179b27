import CCrash
import CLinux

/// What a crash leaves behind: a line on standard error and a file.
package enum CrashReports {
    /// Reports crashes of this process from now on, to files in a directory, which need not exist.
    ///
    /// - Parameter program: what it is called in the reports.
    package static func install(program: String, directory: FilePath) throws(SystemError) {
        let result = unsafe directory.withCString { unsafe ccrash_install(program, $0) }
        guard result == 0 else { throw SystemError("sigaction", directory, Errno(rawValue: clinux_errno())) }
    }

    /// The signal at which such a process tells of all its threads.
    package static var stacksSignal: CInt { ccrash_stacks_signal() }

    /// A word of memory that becomes 1 when the calling thread crashes, or is asked for its stack; it must stay.
    package static func setMark(_ word: UnsafeMutableRawBufferPointer) {
        guard word.count >= 4, let start = word.baseAddress else { return }
        unsafe ccrash_set_mark(start.assumingMemoryBound(to: UInt32.self))
    }

    /// Signals that must never be blocked: a fault in a thread that blocks its signal ends the process without a word.
    static func removeFaults(from set: inout sigset_t) {
        for signal in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE, stacksSignal, stacksSignal + 1] {
            unsafe sigdelset(&set, signal)
        }
    }
}
