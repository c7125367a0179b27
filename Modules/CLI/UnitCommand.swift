import MusicFSArguments
import MusicFSControl
import MusicFSCore
import MusicFSDaemon
import MusicFSSystem

/// `musicfs unit`: what the units of systemd call (dist/systemd).
struct UnitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unit", abstract: "What the units of systemd call.", shouldDisplay: false,
        subcommands: [UnitReload.self, UnitStop.self, UnitStopped.self])

    @OptionGroup var global: GlobalOptions
}

/// Which unit it is of.
struct UnitOptions: ParsableArguments {
    @Option(help: "The unit's name, %n.")
    var unit: String

    @Flag(help: "A unit of the user's own service manager.")
    var user = false

    /// The job that systemd is executing for the unit. Asked of systemctl, which needs no message bus for it: systemd
    /// tells a service neither in its environment nor by signals whether it is stopped for good.
    var job: UnitJob? {
        let question = ["systemctl"] + (user ? ["--user"] : []) + ["list-jobs", "--plain", "--no-legend", "--no-pager"]
        guard let answer = try? runProgram(question, until: monotonicNanoseconds() + 5_000_000_000) else { return nil }
        return UnitJob(of: unit, in: String(decoding: answer.output, as: UTF8.self))
    }
}

/// ExecReload=: as `musicfs reload`, of the instance that the configuration names.
struct UnitReload: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "reload", abstract: "Read the configuration again.")

    @OptionGroup var global: GlobalOptions

    mutating func run() throws {
        let configured = try Configured.load(ConfigurationFlags(configFile: global.config)).configuration
        let (_, instance) = try Configured.reporting { try configured.validateForMount() }
        var reload = ReloadCommand()
        reload.client.socket = instance.socket.description
        try reload.run()
    }
}

/// ExecStop=: before a restart the guardian leaves the mount to the next one. Otherwise nothing: systemd's SIGTERM follows.
struct UnitStop: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "stop", abstract: "Leave the mount at a restart.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var unit: UnitOptions

    mutating func run() throws {
        guard unit.job == .restart, let text = ThisProcess.environment["MAINPID"], let guardian = Int32(text),
            guardian > 1, sendSignal(Signal.quit, to: guardian)
        else { return }
        _ = try waitForEnd(of: guardian, until: monotonicNanoseconds() + 5_000_000_000)
    }
}

/// ExecStopPost=: takes down what nobody will serve any more.
struct UnitStopped: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stopped", abstract: "Unmount, unless another guardian follows.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var unit: UnitOptions

    mutating func run() throws {
        let result = ThisProcess.environment["SERVICE_RESULT"] ?? ""
        guard !UnitJob.isFollowed(job: unit.job, result: result) else { return }
        let configured = try Configured.load(ConfigurationFlags(configFile: global.config)).configuration
        let (mountPoint, _) = try Configured.reporting { try configured.validateForMount() }
        guard let entry = try MountEntry.at(mountPoint), entry.isMusicFS else { return }
        try Client.print("unmounting \(mountPoint), which its guardian has left")
        try MountPreparation.takeDown(mountPoint, lazily: true)
    }
}
