import MusicFSArguments
import MusicFSControl
import MusicFSCore
import MusicFSDaemon
import MusicFSSystem

private struct Contents: Encodable {
    var file: String
    var stores: [String]
}

/// The directories of the instance that is meant: the daemon says where they are, or the configuration does.
private func directories(_ global: GlobalOptions, _ client: ClientOptions) throws -> (Backup, ControlClient?) {
    do {
        let daemon = try Client.connect(client)
        let status = try daemon.value(StatusReport.self, .get, "/v1/status")
        return (
            Backup(
                cacheDirectory: FilePath(status.cacheDirectory), stateDirectory: FilePath(status.stateDirectory)),
            daemon
        )
    } catch let error as ControlError {
        guard error.code == .noDaemon, client.socket == nil else { throw error }
        var options = MountOptions()
        options.name = client.name
        let configuration = try Configured.load(Settings.flags(global, options)).configuration
        let instance = try Configured.reporting { try configuration.validateForInstance() }
        return (Backup(cacheDirectory: instance.cacheDirectory, stateDirectory: instance.stateDirectory), nil)
    }
}

/// `musicfs backup`.
struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Write what you made, and the library, to a file.",
        discussion: """
            What you made (pins) cannot be had again from the origins; the library can, but a restored one spares reading all \
            tags anew. The daemon goes on meanwhile.
            """,
        examples: [CommandExample("musicfs backup ~/musicfs.backup", "for 'musicfs restore'")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "The file; one that exists is replaced.", completion: .file()) var file: String

    mutating func run() throws {
        try Client.reporting {
            let target = try FilePath(file).absolute()
            let stores = try directories(global, client).0.write(to: target)
            if client.json { return try Client.printJSON(Contents(file: target.description, stores: stores)) }
            try Client.print("\(target): \(stores.joined(separator: ", "))")
        }
    }
}

/// `musicfs restore`.
struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Bring back what 'musicfs backup' wrote.",
        discussion: """
            What is there now is kept beside it. A daemon that runs takes it at once, without unmounting; otherwise the next \
            one does. The library is brought up to date by the next scan.
            """,
        examples: [CommandExample("musicfs restore ~/musicfs.backup", "written by 'musicfs backup'")])

    @OptionGroup var global: GlobalOptions
    @OptionGroup var client: ClientOptions
    @Argument(help: "The file.", completion: .file()) var file: String

    mutating func run() throws {
        try Client.reporting {
            let source = try FilePath(file).absolute()
            let (backup, daemon) = try directories(global, client)
            let stores = try backup.stage(source)
            if let daemon {
                let before = try daemon.value(StatusReport.self, .get, "/v1/status")
                _ = try daemon.request(.post, "/v1/restore")
                try Successor.wait(for: before, daemon)
            }
            if client.json { return try Client.printJSON(Contents(file: source.description, stores: stores)) }
            let when = daemon == nil ? ", when it is mounted next" : ""
            try Client.print("restored from \(source)\(when): \(stores.joined(separator: ", "))")
        }
    }
}
