import MusicFSArguments
import MusicFSControl
import MusicFSSystem

/// `musicfs upgrade`.
struct UpgradeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade", abstract: "Let the program on disk take over, without unmounting.",
        discussion: """
            After a new version was installed: the program that is on disk by now is asked whether it can take over, and then \
            does. Open files stay open, and no request fails. Without it, a new version is used from the next mount on.
            """,
        examples: [CommandExample("musicfs upgrade --name music", "upgrade the daemon called music")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "The mount point of the daemon.", completion: .directory) var mountPoint: String?

    mutating func run() throws {
        try Client.reporting {
            let client = try Client.connect(client, global, mountPoint: mountPoint)
            let before = try client.value(StatusReport.self, .get, "/v1/status")
            _ = try client.value([String: Bool].self, .post, "/v1/upgrade")
            let after = try Successor.wait(for: before, client)
            if self.client.json { return try Client.printJSON(after) }
            try Client.print(
                "upgraded from version \(before.version) to \(after.version); the server is process \(after.pid) now")
        }
    }
}
