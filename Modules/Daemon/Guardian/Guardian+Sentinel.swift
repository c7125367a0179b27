import MusicFSCore
import MusicFSFUSE
import MusicFSSystem

/// Noticing at once that a server is dying.
///
/// A process of which one thread waits in the kernel for a file system that does not answer is there until that thread is
/// let go, though it was killed: its descriptors stay open and its parent is not told. The end of its other threads tells.
extension Guardian {
    /// Milliseconds of one poll: a second, or less where a silence of few seconds counts.
    var step: CInt {
        CInt(clamping: min(1000, max(50, configuration.heartbeatTimeout.nanoseconds / 8_000_000)))
    }

    /// - Parameter hasEnded: whether the server's thread is known to have ended; nil where the kernel cannot tell, and then
    ///   the first thread is looked at, which ends with the others.
    func noticeDying(_ hasEnded: Bool?) {
        guard let server, server.killed == nil else { return }
        guard hasEnded ?? isZombie(server.process.pid) else { return }
        self.server?.killed = monotonicNanoseconds()
        self.server?.isDying = true
        // What is left of it is to go as soon as it can.
        server.process.send(Signal.kill)
    }

    /// A server that has served for a second makes up for those before it.
    func forgiveEarlyDeaths() {
        guard earlyDeaths > 0, let serving = server?.serving, monotonicNanoseconds() - serving >= 1_000_000_000 else {
            return
        }
        earlyDeaths = 0
        journal.earlyDeaths = 0
    }

    /// The state in proc_pid_stat(5), which stands behind the name in brackets.
    private func isZombie(_ pid: Int32) -> Bool {
        guard let bytes = try? readFile(FilePath("/proc/\(pid)/stat"), limit: 4096),
            let bracket = bytes.lastIndex(of: UInt8(ascii: ")"))
        else { return false }
        return bytes.dropFirst(bracket + 2).first == UInt8(ascii: "Z")
    }
}
