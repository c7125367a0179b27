package import MusicFSSystem

/// One effective value and where it comes from.
package struct ConfigurationEntry: Hashable, Sendable {
    /// `tree.template`; of an origin `origins[ID].path`.
    package let key: String
    package let value: ConfigurationValue
    package let source: ConfigurationSource
}

/// A configuration with the origin of each of its values.
package struct LoadedConfiguration: Sendable {
    package let configuration: Configuration
    /// Every key in the order of `ConfigurationSchema`, the origins last.
    package let entries: [ConfigurationEntry]
    /// The file that was read; nil if there was none.
    package let file: FilePath?
}

extension Configuration {
    /// Gathers the defaults, a file, the environment and the flags; each wins over the ones before.
    ///
    /// - Parameters:
    ///   - environment: the variables of the process: `MUSICFS_…`, `HOME` and the `XDG_…` directories.
    ///   - isRoot: whether the system's directories are the defaults.
    ///   - templateError: what is wrong with a path template, or nil.
    /// - Throws: everything that is wrong in all of the sources.
    package static func load(
        flags: ConfigurationFlags, environment: [String: String], isRoot: Bool,
        templateError: (String) -> String?
    ) throws(ConfigurationError) -> LoadedConfiguration {
        let result = withoutActuallyEscaping(templateError) { templateError in
            var loader = ConfigurationLoader(
                context: ConfigurationContext(
                    environment: environment, isRoot: isRoot, templateError: templateError))
            let file = loader.readFile(named: flags.configFile)
            loader.readEnvironment()
            loader.read(flags)
            loader.derive()
            return (loader.loaded(file), loader.diagnostics)
        }
        guard result.1.isEmpty else { throw ConfigurationError(result.1) }
        return result.0
    }
}

extension ConfigurationLoader {
    fileprivate func loaded(_ file: FilePath?) -> LoadedConfiguration {
        var entries = ConfigurationSchema.keys.map { key in
            ConfigurationEntry(
                key: key.path, value: key.read(configuration), source: sources[key.path] ?? .default)
        }
        for (origin, sources) in zip(configuration.origins, originSources) {
            entries += ConfigurationSchema.originKeys.filter { origin.kind.has($0.name) }.map { key in
                ConfigurationEntry(
                    key: "origins[\(origin.id)].\(key.name)", value: key.read(origin),
                    source: sources[key.name] ?? .default)
            }
        }
        return LoadedConfiguration(configuration: configuration, entries: entries, file: file)
    }
}
