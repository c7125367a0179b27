import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSFUSE
import MusicFSSync
import MusicFSSystem

/// The end, told by how long each step of it took.
extension Server {
    /// Serves until a signal tells it to stop.
    ///
    /// - Returns: that signal.
    func waitForSignals() -> CInt {
        while true {
            switch Signal.wait(for: [Signal.terminate, Signal.interrupt, Signal.user1, Signal.hangUp]) {
            case Signal.hangUp:
                do { _ = try reload() } catch {
                    log.error("the configuration is not reloaded", metadata: ["error": "\(error.message)"])
                }
            case Signal.user1: for origin in origins { origin.synchronizer?.requestScan() }
            case let signal: return signal
            }
        }
    }

    /// In order: no new opens and no new commands, no more work of its own, the requests that are under way, what was
    /// noted of accesses, the databases. The guardian unmounts when this process has ended.
    func stop(_ control: ControlServer, because signal: CInt) {
        let begin = monotonicNanoseconds()
        // Something of the ten seconds is kept for the databases.
        let drained = begin + 9_000_000_000
        log.info("stopping", metadata: ["signal": "\(Signal.name(signal))"])
        step("no new opens") { fuse.refuseOpens() }
        step("control socket") { _ = control.stop(within: .seconds(1)) }
        step("tasks") {
            let late = supervisor.cancelAll(deadline: .seconds(4))
            if !late.isEmpty { log.warning("tasks did not end in time", metadata: ["tasks": "\(late)"]) }
        }
        step("media workers") { media.stop() }
        step("requests") {
            if !fuse.stop(until: drained) { log.warning("requests were still under way at the end") }
        }
        step("cache") { content.stop() }
        step("library") {
            do throws(CacheError) {
                try library.checkpoint()
            } catch { log.warning("the library's log was not emptied", metadata: ["error": "\(error)"]) }
            try? unlink(settings.runningMark)
            if recovery.isInMemory { MemoryLibrary(settings).remove() }
        }
        log.info(
            "stopped",
            metadata: [
                "milliseconds": "\((monotonicNanoseconds() - begin) / 1_000_000)", "signal": "\(Signal.name(signal))",
            ])
    }

    private func step(_ name: StaticString, _ body: () -> Void) {
        let begin = monotonicNanoseconds()
        body()
        let milliseconds = (monotonicNanoseconds() - begin) / 1_000_000
        log.info("stop: done", metadata: ["step": "\(name)", "milliseconds": "\(milliseconds)"])
    }
}
