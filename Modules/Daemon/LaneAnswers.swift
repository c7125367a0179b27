import MusicFSCache
import MusicFSControl
import MusicFSCore

extension IOLane {
    /// Runs what a request to the control interface asks of a disk: one that hangs is to be told of, and not to be waited for.
    ///
    /// - Parameters:
    ///   - asked: what lies on that disk, as an error calls it.
    ///   - failure: what is told of what `work` throws.
    func answer<R: Sendable>(
        _ asked: String,
        failure: (any Error) -> ControlError = { $0 as? ControlError ?? ControlError(.failed, "\($0)") },
        _ work: @escaping @Sendable () throws -> R
    ) throws(ControlError) -> R {
        do { return try run(work: work) } catch {
            guard case .failed(let error) = error else {
                throw ControlError(.timeout, "\(asked) does not answer", remedy: "see 'musicfs doctor'")
            }
            throw failure(error)
        }
    }
}

extension Server {
    /// Asks the library on the lane for that.
    func reading<R: Sendable>(
        _ body: @escaping @Sendable (LibraryReader) throws -> R
    ) throws(ControlError) -> R {
        try questions.answer("the library") { [library] in try body(try library.makeReader()) }
    }

    /// What the status and the metrics tell of it.
    func readingTotals() throws(ControlError) -> (totals: LibraryTotals, quarantined: Int64, origins: [OriginRecord]) {
        try reading { (try $0.totals(), try $0.quarantinedCount(), try $0.origins()) }
    }
}
