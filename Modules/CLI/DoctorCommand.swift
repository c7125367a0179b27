import MusicFSArguments
import MusicFSControl
import MusicFSCore
import MusicFSDaemon
import MusicFSSystem

/// `musicfs doctor`.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Look for everything that could be wrong, and say what to do about it.",
        discussion: """
            Looks at FUSE, limits, the clock, directories and disks, the stores, the origins and the daemon, where one runs. Ends \
            with 1 when something does not work; warnings alone are no failure.
            """,
        examples: [
            CommandExample("musicfs doctor", "the instance of the configuration, or the only daemon's"),
            CommandExample(
                "musicfs doctor ~/Music-by-tags --origin ~/Music", "before it is mounted for the first time"),
        ])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var mount: MountOptions
    @Option(help: "The control socket of the daemon.", completion: .file()) var socket: String?
    @Flag(help: "Print JSON.") var json = false

    mutating func run() throws {
        var found = Doctor.examineSystem(ThisProcess.environment)
        found += try examineInstance()
        if json {
            try Client.printJSON(found)
        } else {
            try Client.print(lines: found.flatMap(lines))
        }
        if found.contains(where: { $0.status == .error }) { throw ExitCode(1) }
    }

    private func lines(_ diagnosis: Diagnosis) -> [String] {
        let sign =
            switch diagnosis.status {
            case .ok: "ok     "
            case .warning: "warning"
            case .error: "ERROR  "
            }
        let remedy = diagnosis.remedy.map { ["         -> \($0)"] } ?? []
        return ["\(sign)  \(diagnosis.name): \(diagnosis.message)"] + remedy
    }

    /// The daemon's, where one answers; else the one that would be mounted.
    private func examineInstance() throws -> [Diagnosis] {
        var client = ClientOptions()
        client.socket = socket
        client.name = mount.name
        do {
            let daemon = try Client.connect(client, global, mountPoint: mount.mountPoint).value(
                StatusReport.self, .get, "/v1/status")
            return Doctor(daemon).examine()
        } catch let error as ControlError {
            guard error.code == .noDaemon else {
                return [Diagnosis("daemon", .error, error.message, remedy: error.remedy)]
            }
        }
        do {
            let loaded = try Settings.load(global, mount)
            return [Diagnosis("configuration", .ok, "in order")]
                + Doctor(loaded.settings, logs: loaded.logs(isDetached: false)).examine()
        } catch let exit as CommandExit {
            return [
                Diagnosis(
                    "configuration", .error, exit.text.split(whereSeparator: \.isNewline).joined(separator: "; "),
                    remedy: "see 'musicfs config check' and 'musicfs config example'")
            ]
        }
    }
}
