import CLinux

/// Bounds what this process may use and gain, for good.
///
/// - Parameters:
///   - addressSpace: bytes of RLIMIT_AS.
///   - openFiles: RLIMIT_NOFILE, the count of descriptors.
package func confineProcess(addressSpace: UInt64, openFiles: UInt64) throws(SystemError) {
    _ = try checked("prctl") { clinux_forbid_new_privileges() }
    // The parent's thread that started this process, to be exact: it must outlive us (prctl(2), PR_SET_PDEATHSIG).
    _ = try checked("prctl") { clinux_set_parent_death_signal(SIGKILL) }
    for (resource, limit) in [
        (CLINUX_RLIMIT_CORE, 0), (CLINUX_RLIMIT_NOFILE, openFiles), (CLINUX_RLIMIT_AS, addressSpace),
    ] {
        _ = try checked("setrlimit") { clinux_set_limit(resource, limit) }
    }
}

extension ThisProcess {
    /// Raises the limit of open files as far as it may be (setrlimit(2)): 1024, which most sessions begin with, are few
    /// for a file system. Processes that it starts inherit it.
    ///
    /// - Returns: the limit that holds now.
    @discardableResult
    package static func raiseDescriptorLimit() -> Int {
        let limit = clinux_raise_descriptor_limit()
        return limit < 0 ? 1024 : limit
    }

    /// Whether something, such as a time service, keeps the system's clock right.
    package static var isClockSynchronised: Bool { clinux_clock_is_synchronised() != 0 }

    /// Gives memory that is free within this process back to the system (malloc_trim(3)).
    package static func releaseFreeMemory() { clinux_release_free_memory() }
}
