import MusicFSArguments
import MusicFSCore
import MusicFSDaemon
import MusicFSSystem

/// The settings of one run, and how to start another process with the same ones.
struct Settings {
    var settings: DaemonSettings
    var logFilter: LogFilter
    /// What `serve` is started with.
    var arguments: [String]

    static func load(_ global: GlobalOptions, _ mount: MountOptions) throws -> Settings {
        guard let point = mount.mountPoint else { throw ValidationError("no mount point was given") }
        let mountPoint = try FilePath(point).absolute()
        let name = mount.name ?? String(decoding: mountPoint.lastComponent, as: UTF8.self)
        let cache = try FilePath(mount.cacheDir ?? "/var/cache/musicfs").absolute().appending(name)
        let state = try FilePath(mount.stateDir ?? "/var/lib/musicfs").absolute().appending(name)
        let origins = try mount.origin.enumerated().map { index, path in
            DaemonSettings.Origin(
                id: index == 0 ? "local" : "local-\(index + 1)", path: try FilePath(path).absolute(), priority: 1,
                timeout: .seconds(5), pollInterval: .seconds(300))
        }
        let settings = DaemonSettings(
            name: name, mountPoint: mountPoint, cacheDirectory: cache, stateDirectory: state,
            template: .standard, showsCompanions: true, origins: origins, workers: 0, removalBrake: 0.5,
            allowOther: mount.allowOther, timeout: .seconds(3600), allowsPassthrough: true, threads: 0,
            heartbeatTimeout: .seconds(10), maxRestarts: 5, socketPath: FilePath("/run/musicfs/\(name).sock"),
            socketGroup: nil, eventCapacity: 1024, scansAtStart: !mount.noScan)
        var arguments = [mountPoint.description]
        for origin in origins { arguments += ["--origin", origin.path.description] }
        if let dir = mount.cacheDir { arguments += ["--cache-dir", dir] }
        if let dir = mount.stateDir { arguments += ["--state-dir", dir] }
        arguments += ["--name", name]
        if let level = global.logLevel { arguments += ["--log-level", level] }
        return Settings(
            settings: settings, logFilter: try LogFilter(parsing: global.logLevel ?? "info"), arguments: arguments)
    }

    func logs(isDetached: Bool) throws -> LogSystem {
        LogSystem.standard(
            format: .auto, filter: logFilter, directory: nil, home: ThisProcess.environment["HOME"],
            journalStream: ThisProcess.environment["JOURNAL_STREAM"])
    }
}
