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
            let client = try Client.connect(client, global, mountPoint: mountPoint)
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
