import MusicFSArguments
import MusicFSControl
import MusicFSCore
import MusicFSSystem

/// `musicfs reload`.
struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Read the configuration again.",
        discussion: """
            Everything but what belongs to the mount itself comes into force, without unmounting: origins, the template, limits, \
            the log. A wrong configuration changes nothing.
            """,
        examples: [CommandExample("musicfs reload", "after the configuration file was edited")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "The mount point of the daemon.", completion: .directory) var mountPoint: String?

    mutating func run() throws {
        try Client.reporting {
            let client = try Client.connect(client, mountPoint: mountPoint)
            let before = try client.value(StatusReport.self, .get, "/v1/status")
            let report = try client.value(ReloadReport.self, .post, "/v1/reload")
            if !report.changed.isEmpty { try Successor.wait(for: before, client) }
            if self.client.json { return try Client.printJSON(report) }
            if report.changed.isEmpty, report.needsRestart.isEmpty { try Client.print("nothing has changed") }
            for key in report.changed { try Client.print("changed: \(key)") }
            for key in report.needsRestart { try Client.print("from the next mount on: \(key)") }
        }
    }
}

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

/// `musicfs tasks`.
struct TasksCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks", abstract: "Show what a daemon is doing all the time.",
        examples: [CommandExample("musicfs tasks", "one line a task")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "The mount point of the daemon.", completion: .directory) var mountPoint: String?

    mutating func run() throws {
        try Client.reporting {
            let tasks = try Client.connect(client, mountPoint: mountPoint).value([TaskReport].self, .get, "/v1/tasks")
            if client.json { return try Client.printJSON(tasks) }
            for task in tasks {
                let restarts = task.attempt > 0 ? ", restarted \(task.attempt) times" : ""
                try Client.print("\(task.name): \(task.state) since \(task.since)\(restarts)")
            }
        }
    }
}

/// `musicfs log-level`.
struct LogLevelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log-level", abstract: "Show or change what a running daemon logs.",
        discussion: "Until its server is replaced; log.level in the configuration lasts.",
        examples: [
            CommandExample("musicfs log-level debug", "log more"),
            CommandExample("musicfs log-level info,fuse=trace", "log all of one module"),
        ])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "A level, or levels by module; without it the one in force is shown.") var level: String?

    mutating func run() throws {
        try Client.reporting {
            let client = try Client.connect(client)
            let answer = try client.value(
                [String: String].self, level == nil ? .get : .put, "/v1/log-level",
                query: level.map { [QueryItem("level", $0)] } ?? [])
            if self.client.json { return try Client.printJSON(answer) }
            try Client.print(answer["level"] ?? "")
        }
    }
}
