import MusicFSArguments
import MusicFSControl
import MusicFSCore
import MusicFSDaemon
import MusicFSSystem

private struct Contents: Encodable {
    var file: String
    var stores: [String]
    var failed: [Backup.Outcome.Failure]

    init(_ file: FilePath, _ outcome: Backup.Outcome) {
        self.file = file.description
        stores = outcome.done
        failed = outcome.failed
    }
}

/// Prints what became of the stores; what failed goes to standard error.
///
/// - Parameter text: what precedes the names of those that did not fail.
private func show(
    _ file: FilePath, _ outcome: Backup.Outcome, _ client: ClientOptions, _ text: String, _ failure: String,
    isFatal: Bool
) throws {
    if client.json {
        try Client.printJSON(Contents(file, outcome))
    } else if !outcome.done.isEmpty {
        try Client.print("\(text): \(outcome.done.joined(separator: ", "))")
    }
    let word = isFatal ? "Error" : "Warning"
    let lines = outcome.failed.map { "\(word): \($0.store) \(failure): \($0.reason)" }
    guard !isFatal else {
        throw CommandExit(lines.joined(separator: "\n"), to: .standardError, code: ExitCode(1))
    }
    for line in lines { try Client.note(line) }
}

/// The directories of the instance that is meant: the daemon says where they are, or the configuration does.
private func directories(_ global: GlobalOptions, _ client: ClientOptions) throws -> (Backup, ControlClient?) {
    try Client.asking(client, global) { daemon in
        let status = try daemon.value(StatusReport.self, .get, "/v1/status")
        return (
            Backup(
                cacheDirectory: FilePath(status.cacheDirectory), stateDirectory: FilePath(status.stateDirectory)),
            daemon
        )
    } alone: {
        let instance = try Settings.loadInstance(global, client).instance
        return (Backup(cacheDirectory: instance.cacheDirectory, stateDirectory: instance.stateDirectory), nil)
    }
}

/// `musicfs backup`.
struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Write what you made, and the library, to a file.",
        discussion: """
            What you made (pins, collections) cannot be had again from the origins; the library can, but a restored one spares reading all \
            tags anew. A damaged library is left out with a warning. The daemon goes on meanwhile.
            """,
        examples: [CommandExample("musicfs backup ~/musicfs.backup", "for 'musicfs restore'")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "The file; one that exists is replaced, but for a backup that holds more.", completion: .file())
    var file: String

    mutating func run() throws {
        try Client.reporting {
            let target = try FilePath(file).absolute()
            let outcome = try directories(global, client).0.write(to: target)
            try show(
                target, outcome, client, "\(target)", "is not in the backup", isFatal: outcome.lacksCuration)
        }
    }
}

/// `musicfs restore`.
struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Bring back what 'musicfs backup' wrote.",
        discussion: """
            What is there now is kept beside it. A daemon that runs takes it at once, without unmounting; otherwise the next \
            one does. The library is brought up to date by the next scan. A store that is damaged in the backup, or of another \
            version, is left out; the exit status is 1 then.
            """,
        examples: [CommandExample("musicfs restore ~/musicfs.backup", "written by 'musicfs backup'")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "The file.", completion: .file()) var file: String

    mutating func run() throws {
        try Client.reporting {
            let source = try FilePath(file).absolute()
            let (backup, daemon) = try directories(global, client)
            var outcome = try backup.stage(source)
            if let daemon, !outcome.done.isEmpty {
                let before = try daemon.value(StatusReport.self, .get, "/v1/status")
                _ = try daemon.request(.post, "/v1/restore")
                try Successor.wait(for: before, daemon)
                outcome = backup.notTaken(outcome)
            }
            let when = daemon == nil ? ", when it is mounted next" : ""
            try show(
                source, outcome, client, "restored from \(source)\(when)", "was not restored",
                isFatal: !outcome.failed.isEmpty)
        }
    }
}
