import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSFUSE
import MusicFSSync
import MusicFSSystem
import Synchronization

/// The end, told by how long each step of it took.
extension Server {
    /// How long requests that are under way may take at the end: something of ten seconds is kept for the databases.
    static let patience = Duration.seconds(9)

    /// Begins the end, by asking the guardian for it, so that no successor is started.
    ///
    /// - Parameters:
    ///   - patience: how long requests that are under way may take; nil for as long as after a signal.
    ///   - isForced: ends at once, whatever is under way.
    func shutDown(_ patience: Duration?, isForced: Bool) throws(ControlError) {
        if let patience { self.patience.withLock { $0 = min(patience, .seconds(600)) } }
        // A second signal means that; one of the same number could not be told from the first.
        let signals = isForced ? [Signal.terminate, Signal.interrupt] : [Signal.terminate]
        for signal in signals where !sendSignal(signal, to: ThisProcess.parent) {
            throw ControlError(.failed, "the guardian cannot be told to stop")
        }
    }

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
        let drained = begin + patience.withLock { $0 }.nanoseconds
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
        // Last: its disk may be one that hangs.
        step("history") {
            fileEvents.endMount(history) { [fuse] in fuse.isOpen($0) }
            history.close()
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
