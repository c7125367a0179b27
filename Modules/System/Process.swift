import CLinux

/// A child process, by number and by descriptor.
package final class ChildProcess: Sendable {
    package let pid: Int32
    /// Readable once the process has ended (pidfd_open(2)).
    package let pidFD: SharedFD

    /// How a process ended.
    package enum Exit: Hashable, Sendable {
        case code(Int32)
        case signal(Int32)
    }

    private init(pid: Int32, pidFD: SharedFD) {
        self.pid = pid
        self.pidFD = pidFD
    }

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - arguments: the first is the name that it sees for itself.
    ///   - environment: `NAME=value`; nil for this process's own.
    ///   - descriptors: which of ours become which numbers of the child; all others but the standard ones are closed,
    ///     as everything in this program is close-on-exec.
    /// - Throws: what posix_spawn(3) says.
    package static func start(
        _ path: FilePath, arguments: [String], environment: [String]? = nil, descriptors: [(from: CInt, to: CInt)] = []
    ) throws(SystemError) -> ChildProcess {
        // Copies with high numbers first, so that no target number is a source that is still needed.
        var copies: [OwnedFDBox] = []
        for descriptor in descriptors {
            let copy = try checked("fcntl") { clinux_fcntl_int(descriptor.from, F_DUPFD_CLOEXEC, 64) }
            copies.append(OwnedFDBox(OwnedFD(owning: copy)))
        }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (copy, descriptor) in zip(copies, descriptors) {
            unsafe posix_spawn_file_actions_adddup2(&actions, copy.fd.raw, descriptor.to)
        }
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var vector = unsafe arguments.map { unsafe strdup($0) }
        unsafe vector.append(nil)
        defer { unsafe vector.forEach { unsafe free($0) } }
        var variables = unsafe (environment ?? []).map { unsafe strdup($0) }
        unsafe variables.append(nil)
        defer { unsafe variables.forEach { unsafe free($0) } }
        var pid: pid_t = 0
        let failure = unsafe path.withCString { path in
            if environment == nil {
                return unsafe posix_spawn(&pid, path, &actions, &attributes, vector, clinux_environment())
            }
            return unsafe posix_spawn(&pid, path, &actions, &attributes, vector, variables)
        }
        if failure != 0 { throw SystemError("posix_spawn", path, Errno(rawValue: failure)) }
        let started = pid
        let pidFD = try checked("pidfd_open") { clinux_pidfd_open(started, 0) }
        return ChildProcess(pid: pid, pidFD: SharedFD(OwnedFD(owning: pidFD)))
    }

    /// A child that this process had before it was replaced by another program.
    package static func adopt(_ pid: Int32) throws(SystemError) -> ChildProcess {
        let pidFD = try checked("pidfd_open") { clinux_pidfd_open(pid, 0) }
        return ChildProcess(pid: pid, pidFD: SharedFD(OwnedFD(owning: pidFD)))
    }

    private final class OwnedFDBox {
        let fd: OwnedFD
        init(_ fd: consuming OwnedFD) { self.fd = fd }
    }

    package func send(_ signal: CInt) { _ = clinux_pidfd_send_signal(pidFD.raw, signal) }

    /// Takes the process's end from the kernel; nil while it runs, or hangs in the kernel on its way out.
    package func reap() -> Exit? {
        var status: CInt = 0
        guard unsafe waitpid(pid, &status, WNOHANG) == pid else { return nil }
        if clinux_wifsignaled(status) != 0 { return .signal(clinux_wtermsig(status)) }
        return .code(clinux_wexitstatus(status))
    }

    /// Waits for the end at most until `deadline` (nanoseconds of CLOCK_MONOTONIC).
    package func wait(until deadline: UInt64) -> Exit? {
        while true {
            if let exit = reap() { return exit }
            let now = monotonicNanoseconds()
            if now >= deadline { return nil }
            _ = pollReadable([pidFD.raw], milliseconds: CInt(clamping: (deadline - now) / 1_000_000 + 1))
        }
    }
}

/// Numbers of the signals that MusicFS sends and takes.
package enum Signal {
    package static let hangUp = SIGHUP
    package static let interrupt = SIGINT
    package static let kill = SIGKILL
    package static let quit = SIGQUIT
    package static let terminate = SIGTERM
    package static let user1 = SIGUSR1
    package static let user2 = SIGUSR2
    package static let child = SIGCHLD
    package static let pipe = SIGPIPE

    /// Its name, such as SIGSEGV.
    package static func name(_ signal: CInt) -> String {
        let names: [CInt: String] = [
            SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
            SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGUSR1: "SIGUSR1",
            SIGSEGV: "SIGSEGV", SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM",
            SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ", SIGSYS: "SIGSYS",
        ]
        return names[signal] ?? "signal \(signal)"
    }

    /// Blocks these signals in this thread and those that it starts, to be taken with `wait` or `SignalQueue`.
    package static func block(_ signals: [CInt]) {
        var set = makeSet(signals)
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits for one of these signals, which must be blocked.
    package static func wait(for signals: [CInt]) -> CInt {
        var set = makeSet(signals)
        var signal: CInt = 0
        while unsafe sigwait(&set, &signal) != 0 {}
        return signal
    }

    fileprivate static func makeSet(_ signals: [CInt]) -> sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in signals { unsafe sigaddset(&set, signal) }
        return set
    }
}

/// Signals as a descriptor (signalfd(2)); they must be blocked.
package final class SignalQueue: Sendable {
    private let fd: SharedFD

    package init(_ signals: [CInt]) throws(SystemError) {
        var set = Signal.makeSet(signals)
        fd = SharedFD(
            OwnedFD(
                owning: try checked("signalfd") { unsafe signalfd(-1, &set, CInt(SFD_CLOEXEC | SFD_NONBLOCK)) }))
    }

    package var raw: CInt { fd.raw }

    /// The next signal; nil when there is none.
    package func next() -> CInt? {
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        guard unsafe read(fd.raw, &information, size) == size else { return nil }
        return CInt(information.ssi_signo)
    }
}

/// Facts about this process.
package enum ThisProcess {
    package static var pid: Int32 { getpid() }
    package static var parent: Int32 { getppid() }
    package static var user: UInt32 { geteuid() }
    package static var group: UInt32 { getegid() }

    /// Sends this process a signal when its parent dies (prctl(2), PR_SET_PDEATHSIG).
    package static func dieWithParent(_ signal: CInt) { _ = clinux_set_parent_death_signal(signal) }

    /// Whether it has CAP_SYS_ADMIN, capability 21 of capabilities(7).
    package static var isAdministrator: Bool {
        guard let status = try? readFile("/proc/self/status") else { return false }
        for line in status.split(separator: UInt8(ascii: "\n")) where line.starts(with: Array("CapEff:".utf8)) {
            let hex = String(decoding: line.dropFirst(7), as: UTF8.self).filter { !$0.isWhitespace }
            return (UInt64(hex, radix: 16) ?? 0) & (1 << 21) != 0
        }
        return false
    }

    /// Gives up for good what takes CAP_SYS_ADMIN and the like. A process of root keeps what reading and writing its files
    /// and those of others takes (CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER); any other keeps nothing.
    /// By the main thread, before there are others: each has its own capabilities.
    package static func dropPrivileges() throws(SystemError) {
        let files: UInt64 = 0b1111
        _ = try checked("capset") { clinux_keep_capabilities(user == 0 ? files : 0) }
        _ = try checked("prctl") { clinux_forbid_new_privileges() }
    }

    /// What ps(1) and pkill(1) call it, at most 15 bytes (prctl(2), PR_SET_NAME). By the main thread: what is started
    /// as /proc/self/exe is called `exe` otherwise.
    package static var currentThread: Int32 { clinux_gettid() }

    package static func setName(_ name: String) { unsafe clinux_set_name(name) }

    /// Leaves the terminal's session, so that it can be closed (setsid(2)).
    package static func detach() { _ = setsid() }
}

/// Sends a signal to a process by number.
/// - Returns: false when there is none, or it belongs to somebody else.
package func sendSignal(_ signal: CInt, to pid: Int32) -> Bool { kill(pid, signal) == 0 }

extension ThisProcess {
    /// The environment's variables; of several with one name the first counts.
    package static var environment: [String: String] {
        var result: [String: String] = [:]
        guard var pointer = unsafe clinux_environment() else { return result }
        while let entry = unsafe pointer.pointee {
            let text = unsafe String(cString: entry)
            if let equals = text.firstIndex(of: "="), equals != text.startIndex {
                let name = String(text[..<equals])
                if result[name] == nil { result[name] = String(text[text.index(after: equals)...]) }
            }
            unsafe pointer += 1
        }
        return result
    }

    /// Opens /dev/null where this program was started without standard input, output or error: the next file or socket that
    /// is opened would get the number, and what is printed would end up in it. Printing to an output that was not there is
    /// still an error.
    package static func fillStandardStreams() {
        let flags: [OpenFlags] = [.read, .read, .readWrite]
        for (fd, flags) in zip(CInt(0)..., flags) where clinux_fcntl_int(fd, F_GETFD, 0) < 0 {
            // The lowest free number is this one.
            guard let null = try? open("/dev/null", flags) else { return }
            let number = null.release()
            // The programs that this one starts are to have it too.
            if number == fd { _ = clinux_fcntl_int(fd, F_SETFD, 0) } else { _ = OwnedFD(owning: number) }
        }
    }

    /// Standard input, output and error become /dev/null, so that whoever had them can close them.
    package static func dropStandardStreams() {
        guard let null = try? open("/dev/null", [.readWrite]) else { return }
        for fd: CInt in 0...2 { _ = dup2(null.raw, fd) }
    }
}

/// Frees a list of strings that a C library has made, which ends with a null pointer.
package func freeStrings(_ list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) {
    var next = unsafe list
    while let text = unsafe next.pointee {
        unsafe free(text)
        unsafe next += 1
    }
    unsafe free(list)
}

/// A descriptor that is readable once a thread has ended (pidfd_open(2) with PIDFD_THREAD, Linux 6.9).
///
/// - Throws: EINVAL where the kernel is older.
package func openThread(_ thread: Int32) throws(SystemError) -> SharedFD {
    // PIDFD_THREAD is O_EXCL.
    SharedFD(OwnedFD(owning: try checked("pidfd_open") { clinux_pidfd_open(thread, UInt32(O_EXCL)) }))
}

/// Waits until the process with this number has ended; one that its parent has not reaped has ended too.
///
/// - Parameter deadline: nanoseconds of CLOCK_MONOTONIC.
/// - Returns: false when it still runs at the deadline.
/// - Throws: what pidfd_open(2) says, other than that there is no such process.
package func waitForEnd(of pid: Int32, until deadline: UInt64) throws(SystemError) -> Bool {
    let process: OwnedFD
    do throws(SystemError) {
        process = OwnedFD(owning: try checked("pidfd_open") { clinux_pidfd_open(pid, 0) })
    } catch {
        if error.errno == .noProcess { return true }
        throw error
    }
    while true {
        let now = monotonicNanoseconds()
        let rest = now < deadline ? CInt(clamping: (deadline - now) / 1_000_000 + 1) : 0
        if pollReadable([process.raw], milliseconds: rest).contains(where: \.isReadable) { return true }
        if monotonicNanoseconds() >= deadline { return false }
    }
}
