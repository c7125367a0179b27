import MusicFSArguments
import MusicFSControl
import MusicFSCore
import MusicFSSystem

/// `musicfs events`.
struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Follow what happens.",
        discussion: """
            Prints one line for each event until it is interrupted. When the server is replaced meanwhile, it goes on with \
            the next one.
            """,
        examples: [
            CommandExample("musicfs events", "everything"),
            CommandExample(
                "musicfs events --type sync_completed --type origin_health_changed --json", "two kinds, for programs"),
        ])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Option(help: "Only events of this type; may be given several times.") var type: [String] = []
    @Option(help: "Only events of this origin, and those of none.") var origin: String?
    @Argument(help: "The mount point of the daemon.", completion: .directory) var mountPoint: String?

    mutating func run() throws {
        try Client.reporting {
            let client = try Client.connect(client, global, mountPoint: mountPoint)
            var last: String?
            while true {
                var failure: (any Error)?
                do throws(ControlError) {
                    failure = try follow(client, after: &last)
                    // The server stops, or is replaced.
                } catch {
                    guard last != nil, [.noDaemon, .violation, .timeout].contains(error.code) else { throw error }
                }
                if let failure { throw Self.ending(failure) }
                try awaitServer(client)
            }
        }
    }

    /// Who reads along may leave: that is no mistake, and nothing is left to be done.
    private static func ending(_ failure: any Error) -> any Error {
        (failure as? SystemError)?.errno == .pipe ? ExitCode(1) : failure
    }

    /// - Returns: why nothing more can be printed; nil when the stream has ended.
    private func follow(
        _ client: ControlClient, after last: inout String?
    ) throws(ControlError) -> (any Error)? {
        var failure: (any Error)?
        var query = type.map { QueryItem("type", $0) }
        if let origin { query.append(QueryItem("origin", origin)) }
        if let last { query.append(QueryItem("after", last)) }
        try client.lines(.get, "/v1/events", query: query) { line in
            guard let event = try? JSON.decode(EventReport.self, from: line) else { return true }
            // Of no server, so that the next one gives all that it has.
            last = event.id ?? last ?? "0.0"
            do {
                try self.client.json ? writeFully(1, line + [0x0a]) : Client.print(text(event))
                return true
            } catch {
                failure = error
                return false
            }
        }
        return failure
    }

    /// Waits for another server, as long as a guardian takes to start one at the most.
    private func awaitServer(_ client: ControlClient) throws(ControlError) {
        let deadline = monotonicNanoseconds() + 40_000_000_000
        while true {
            do throws(ControlError) {
                _ = try client.request(.get, "/healthz")
                return
            } catch { if monotonicNanoseconds() > deadline { throw error } }
            _ = pollReadable([], milliseconds: 200)
        }
    }

    private func text(_ event: EventReport) -> String {
        let time = Timestamp(nanoseconds: event.timestampMilliseconds * 1_000_000)
        let fields = event.data.sorted { $0.key < $1.key }.map { name, value in
            switch value {
            case .text(let text): "\(name)=\(text)"
            case .number(let number): "\(name)=\(number)"
            case .flag(let flag): "\(name)=\(flag)"
            }
        }
        return (["\(time)", event.type] + fields).joined(separator: "  ")
    }
}
