import CSeccomp
import MusicFSSystem

/// What a media worker may do: read the files that it is handed, answer, and use memory.
enum Sandbox {
    struct NotInstalled: Error, CustomStringConvertible {
        let reason: String
        var description: String { "the sandbox cannot be set up: \(reason)" }
    }

    /// Bytes; TagLib holds pictures several times over.
    private static let addressSpace: UInt64 = 512 << 20

    /// The descriptors are standard input, output and error, the socket, one file, and what one more needs.
    private static let openFiles: UInt64 = 8

    private static let allowedCalls = [
        "pread64", "lseek", "read", "write", "recvmsg", "sendmsg", "close", "exit", "exit_group",
        "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "futex", "clock_gettime", "rt_sigreturn",
        "getrandom",
    ]

    /// Confines this process for good: any other system call kills it with SIGSYS.
    static func install() throws(NotInstalled) {
        do throws(SystemError) {
            try confineProcess(addressSpace: addressSpace, openFiles: openFiles)
        } catch {
            throw NotInstalled(reason: "\(error)")
        }
        guard let filter = unsafe seccomp_init(SCMP_ACT_KILL_PROCESS) else {
            throw NotInstalled(reason: "libseccomp has no memory")
        }
        defer { unsafe seccomp_release(filter) }
        for name in allowedCalls {
            let number = unsafe seccomp_syscall_resolve_name(name)
            let result = unsafe seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 0, nil)
            if result != 0 { throw NotInstalled(reason: "\(name): \(Errno(rawValue: -result))") }
        }
        let result = unsafe seccomp_load(filter)
        if result != 0 { throw NotInstalled(reason: "seccomp: \(Errno(rawValue: -result))") }
    }
}

/// Tries a forbidden call in the sandbox, as a check of an installation: the process must die of it.
enum SandboxSelfTest: String {
    case open, socket, execve

    func run() {
        switch self {
        case .open: _ = try? readFile("/etc/hostname")
        case .socket: _ = try? UnixConnection.connect(to: "/nonexistent", deadline: .max)
        case .execve:
            do throws(SystemError) {
                try execute("/bin/true")
            } catch {}
        }
    }
}
