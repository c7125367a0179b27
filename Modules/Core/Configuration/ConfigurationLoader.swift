import MusicFSSystem

/// Gathers values and errors from one source after the other; later ones win.
struct ConfigurationLoader {
    let context: ConfigurationContext
    var configuration = Configuration()
    /// By the path of the key; a key that is missing has its default.
    var sources: [String: ConfigurationSource] = [:]
    /// For each origin, by the name of the key.
    var originSources: [[String: ConfigurationSource]] = []
    private(set) var diagnostics: [ConfigurationDiagnostic] = []

    init(context: ConfigurationContext) { self.context = context }

    /// Whether so much is wrong that the rest of a file is not looked at: one that is no configuration at all would
    /// give a hundred thousand errors.
    var hasTooManyErrors: Bool { diagnostics.count >= 100 }

    mutating func report(_ message: String, at source: ConfigurationSource?) {
        diagnostics.append(ConfigurationDiagnostic(message, at: source))
    }

    /// Puts the errors from `start` on in the order of the file's lines.
    mutating func sortDiagnostics(from start: Int) {
        let position: (ConfigurationDiagnostic) -> (Int, Int) = {
            if case .file(_, let line, let column) = $0.source { (line, column) } else { (0, 0) }
        }
        diagnostics[start...].sort { position($0) < position($1) }
    }

    /// Sets a key of the configuration from text.
    mutating func set(
        _ key: ConfigurationKey<Configuration>, toText text: String, from source: ConfigurationSource,
        allowsRelative: Bool
    ) {
        do {
            let value = try key.kind.value(ofText: text, context, allowsRelative: allowsRelative)
            key.write(&configuration, value)
            sources[key.path] = value == .empty ? .default : source
        } catch {
            report("\(key.path) \(error.message)", at: source)
        }
    }

    /// Takes `MUSICFS_SECTION_KEY`.
    mutating func readEnvironment() {
        let reserved = ["MUSICFS_MEDIA", "MUSICFS_FAILPOINT"]
        var keys: [String: ConfigurationKey<Configuration>] = [:]
        for key in ConfigurationSchema.keys { keys[ConfigurationSchema.variable(key.path)] = key }
        let unavailable = Set(
            ConfigurationSchema.unavailable.flatMap { section, names in
                names.map { ConfigurationSchema.variable("\(section).\($0)") }
            })
        let ours = context.environment.filter {
            $0.key.hasPrefix("MUSICFS_") && !$0.key.hasPrefix("MUSICFS_TEST_") && !reserved.contains($0.key)
        }
        for (name, text) in ours.sorted(by: { $0.key < $1.key }) {
            let source = ConfigurationSource.environment(name.escapingControls)
            if let key = keys[name] {
                set(key, toText: text, from: source, allowsRelative: false)
            } else if unavailable.contains(name) {
                report("\(name) \(ConfigurationSchema.unavailableMessage)", at: source)
            } else if name.hasPrefix("MUSICFS_ORIGINS_") {
                report("origins are given in a file or with --origin; remove this variable", at: source)
            } else {
                let hint = nearestKey(to: name, among: keys.keys.sorted()).map { "; did you mean \($0)?" }
                report("this variable names no key\(hint ?? "")", at: source)
            }
        }
    }

    /// Gives what depends on other values its default, and checks what no single value shows.
    mutating func derive() {
        if configuration.name == nil, let mountPoint = configuration.mountPoint {
            let name = String(decoding: mountPoint.lastComponent, as: UTF8.self)
            if ConfigurationKind.isName(name) {
                configuration.name = name
            } else {
                report(
                    "the last component of the mount point is no name for an instance; set name",
                    at: sources["mount_point"])
            }
        }
        if configuration.cacheDir == nil { configuration.cacheDir = context.cacheDir }
        if configuration.stateDir == nil { configuration.stateDir = context.stateDir }
        if configuration.cacheDir == nil { report("HOME is not set, so set cache_dir", at: nil) }
        guard let stateDir = configuration.stateDir else { return report("HOME is not set, so set state_dir", at: nil) }
        if configuration.control.socket == nil, let name = configuration.name {
            configuration.control.socket = context.socket(name, stateDir: stateDir)
        }
        if configuration.control.tcp != nil, configuration.control.tokenFile == nil {
            report(
                "control.tcp is reached by every user of this machine, so it needs a token: set control.token_file",
                at: sources["control.tcp"])
        }
        // sun_path holds 108 bytes with the NUL (unix(7)).
        if let socket = configuration.control.socket, socket.bytes.count > 107 {
            report(
                "the path of the control socket, \(socket.description.escapingControls), is longer than 107 bytes; "
                    + "set a shorter control.socket", at: sources["control.socket"])
        }
    }
}
