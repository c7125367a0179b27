import MusicFSCore
import MusicFSSystem

/// What follows when the kernel aborts the connection (`/sys/fs/fuse/connections/N/abort`) while the mount stands: nothing
/// can be served on it any more, and every access says "Transport endpoint is not connected".
extension Guardian {
    /// Waits before each of the mounts that may follow, in seconds.
    private static let waits: [UInt64] = [1, 5, 15]

    /// Makes the mount anew, by becoming a guardian that has only begun.
    ///
    /// - Returns: the exit code, where that is not to be.
    func remount() -> Int32 {
        // What has stood for a minute is no try that failed.
        let tries = monotonicNanoseconds() - begin > 60_000_000_000 ? 0 : configuration.remounts
        guard tries < Guardian.waits.count else {
            log.critical(
                "the kernel aborts the connection again and again; giving up", metadata: ["mounts": "\(tries)"])
            return 1
        }
        log.error(
            "the kernel has aborted the connection; mounting anew", metadata: ["seconds": "\(Guardian.waits[tries])"])
        ServiceManager.tell(.status("mounting anew"))
        guard waitUnlessStopped(seconds: Guardian.waits[tries]) else { return 0 }
        if let storedName { ServiceManager.forget(name: storedName) }
        do {
            try MountPreparation.takeDown(configuration.mountPoint, lazily: true)
            try execute("/proc/self/exe", arguments: configuration.arguments(of: "mount", "--remounts=\(tries + 1)"))
        } catch {
            log.critical("cannot mount anew", metadata: ["error": "\(error)"])
            return 1
        }
    }
}
