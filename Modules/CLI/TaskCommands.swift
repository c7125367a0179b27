import MusicFSArguments
import MusicFSControl

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
            let tasks = try Client.connect(client, global, mountPoint: mountPoint).value(
                [TaskReport].self, .get, "/v1/tasks")
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
            let client = try Client.connect(client, global)
            let answer = try client.value(
                [String: String].self, level == nil ? .get : .put, "/v1/log-level",
                query: level.map { [QueryItem("level", $0)] } ?? [])
            if self.client.json { return try Client.printJSON(answer) }
            try Client.print(answer["level"] ?? "")
        }
    }
}
