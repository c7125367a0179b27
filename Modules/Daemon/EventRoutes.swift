import MusicFSControl
import MusicFSCore
import MusicFSFUSE
import MusicFSSystem

/// The stream of events: `GET /v1/events`, with `type` and `origin` to choose among them.
///
/// An event's id is the server's generation and the event's number in it. A client that was away names the last one that
/// it got; where that was another server's, it gets what this one has, and is told that something may be missing.
struct EventRoutes: Sendable {
    private let server: Server

    init(_ server: Server) { self.server = server }

    var all: [Route] {
        [
            Route(
                .get, "/v1/events",
                Operation(
                    "Follow what happens, from now on or from behind an event; the header Last-Event-ID says that too.",
                    [
                        .init("type", "Only events of this type.", isRepeated: true),
                        .init("origin", "Only events of this origin, and those of none."),
                        .init("after", "The id of the last event that was taken."),
                    ], .stream(EventReport.self))
            ) { request throws(ControlError) in try events(request) }
        ]
    }

    private func events(_ request: ControlRequest) throws(ControlError) -> ControlResponse {
        let types = Set(request.all("type").map { String(decoding: $0, as: UTF8.self) })
        if let unknown = types.first(where: { !Event.names.contains($0) }) {
            throw ControlError(
                .badRequest, "there is no event \(unknown)",
                remedy: "use some of: \(Event.names.joined(separator: ", "))")
        }
        let origin = request.text("origin")
        _ = try server.origins(called: origin)
        let place = try place(request)
        let subscription = server.events.subscribe(after: place?.sequence)
        let generation = server.journal.generation
        return .stream { writer in
            writer.onClose { subscription.cancel() }
            if place?.isOfAnother == true, !send(lost: nil, writer) { return }
            while true {
                switch subscription.next(timeout: .seconds(60)) {
                case .timedOut: continue
                case .closed: return
                case .lost(let count): if !send(lost: count, writer) { return }
                case .event(let record):
                    guard types.isEmpty || types.contains(record.event.name),
                        origin == nil || record.event.origin == nil || record.event.origin == origin
                    else { continue }
                    let report = EventReport(record, generation: generation)
                    guard (try? writer.send(report, event: report.type, id: report.id)) == true else { return }
                }
            }
        }
    }

    private func send(lost count: UInt64?, _ writer: StreamWriter) -> Bool {
        let report = EventReport(
            id: nil, type: "lost", timestampMilliseconds: wallClockNanoseconds() / 1_000_000,
            data: count.map { ["count": .number(Int64(clamping: $0))] } ?? [:])
        return (try? writer.send(report, event: report.type)) == true
    }

    /// Where the client wants to go on; nil for now.
    private func place(_ request: ControlRequest) throws(ControlError) -> (sequence: UInt64, isOfAnother: Bool)? {
        guard let text = request.lastEventID ?? request.text("after"), !text.isEmpty else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt64($0) }
        guard parts.count == 2, let generation = parts[0], let sequence = parts[1] else {
            throw ControlError(.badRequest, "\(text) is no id of an event", remedy: "use the id of the last event")
        }
        return generation == server.journal.generation ? (sequence, false) : (0, true)
    }
}

extension EventReport {
    fileprivate init(_ record: EventBus.Record, generation: UInt64) {
        self.init(
            id: "\(generation).\(record.sequence)", type: record.event.name,
            timestampMilliseconds: record.time / 1_000_000,
            data: Dictionary(record.event.fields.map { ($0.name, $0.value) }) { first, _ in first })
    }
}
