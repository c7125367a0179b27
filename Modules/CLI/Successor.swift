import MusicFSControl
import MusicFSCore
import MusicFSSystem

/// Waiting for the server that takes another one's place.
enum Successor {
    /// In between there may be none for a moment.
    @discardableResult
    static func wait(for before: StatusReport, _ client: ControlClient) throws(ControlError) -> StatusReport {
        let deadline = monotonicNanoseconds() + 15_000_000_000
        while monotonicNanoseconds() < deadline {
            if let status = try? client.value(StatusReport.self, .get, "/v1/status"), status.pid != before.pid {
                return status
            }
            _ = pollReadable([], milliseconds: 20)
        }
        throw ControlError(
            .failed, "no other server answers after 15 s", remedy: "see the log of the daemon and 'musicfs status'")
    }
}
