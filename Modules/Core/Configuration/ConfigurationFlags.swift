/// What the command line says of the configuration; it wins over everything else.
package struct ConfigurationFlags: Hashable, Sendable {
    /// Read instead of the default files; it must exist.
    package var configFile: String?
    package var mountPoint: String?
    /// Directories that become origins beside the configured ones.
    package var origins: [String]
    package var cacheDir: String?
    package var stateDir: String?
    package var template: String?
    package var name: String?
    package var allowOther: Bool?
    package var logLevel: String?

    package init(
        configFile: String? = nil, mountPoint: String? = nil, origins: [String] = [], cacheDir: String? = nil,
        stateDir: String? = nil, template: String? = nil, name: String? = nil, allowOther: Bool? = nil,
        logLevel: String? = nil
    ) {
        self.configFile = configFile
        self.mountPoint = mountPoint
        self.origins = origins
        self.cacheDir = cacheDir
        self.stateDir = stateDir
        self.template = template
        self.name = name
        self.allowOther = allowOther
        self.logLevel = logLevel
    }
}

extension ConfigurationLoader {
    mutating func read(_ flags: ConfigurationFlags) {
        let texts: [(path: String, flag: String, text: String?)] = [
            ("mount_point", "MOUNTPOINT", flags.mountPoint),
            ("name", "--name", flags.name),
            ("cache_dir", "--cache-dir", flags.cacheDir),
            ("state_dir", "--state-dir", flags.stateDir),
            ("tree.template", "--template", flags.template),
            ("fuse.allow_other", "--allow-other", flags.allowOther?.description),
            ("log.level", "--log-level", flags.logLevel),
        ]
        for (path, flag, text) in texts {
            guard let text, let key = ConfigurationSchema.keys.first(where: { $0.path == path }) else { continue }
            set(key, toText: text, from: .flag(flag), allowsRelative: true)
        }
        for text in flags.origins { addOrigin(text) }
    }

    /// Adds a directory as an origin with the first free id of `local`, `local-2` … (D22).
    private mutating func addOrigin(_ text: String) {
        let source = ConfigurationSource.flag("--origin")
        var origin = Configuration.Origin()
        do {
            let kind = ConfigurationKind.path(isOptional: false)
            guard case .path(let path) = try kind.value(ofText: text, context, allowsRelative: true) else { return }
            origin.path = path
        } catch {
            return report("the directory \(error.message)", at: source)
        }
        let taken = Set(configuration.origins.map(\.id))
        origin.id = "local"
        var number = 2
        while taken.contains(origin.id) {
            origin.id = "local-\(number)"
            number += 1
        }
        configuration.origins.append(origin)
        originSources.append(["id": source, "path": source])
    }
}
