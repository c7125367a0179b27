import MusicFSSystem
import TestSupport

@testable import MusicFSCore

/// Loads a configuration whose file, if any, is `text`; the template language takes all but "bad".
func load(
    _ text: String? = nil, flags: ConfigurationFlags = ConfigurationFlags(), environment: [String: String] = [:],
    isRoot: Bool = false
) throws -> LoadedConfiguration {
    try load(bytes: text.map { Array($0.utf8) }, flags: flags, environment: environment, isRoot: isRoot)
}

func load(
    bytes: [UInt8]?, flags: ConfigurationFlags = ConfigurationFlags(), environment: [String: String] = [:],
    isRoot: Bool = false
) throws -> LoadedConfiguration {
    let directory = try TestDirectory()
    var flags = flags
    let file = directory.path.appending("config.toml")
    // An empty file keeps the machine's own configuration out.
    try writeFileAtomically(file, bytes ?? [])
    flags.configFile = file.description
    let result = try Configuration.load(
        flags: flags, environment: environment.merging(["HOME": "/home/u"]) { given, _ in given }, isRoot: isRoot
    ) { $0 == "bad" ? "it is bad" : nil }
    withExtendedLifetime(directory) {}
    return result
}

/// The errors of a file as `LINE:COLUMN: MESSAGE`, or those of other sources as `SOURCE: MESSAGE`.
func errors(
    _ text: String? = nil, flags: ConfigurationFlags = ConfigurationFlags(), environment: [String: String] = [:],
    isRoot: Bool = false
) throws -> [String] {
    do {
        _ = try load(text, flags: flags, environment: environment, isRoot: isRoot)
        return []
    } catch let error as ConfigurationError {
        return error.diagnostics.map { diagnostic in
            if case .file(_, let line, let column) = diagnostic.source {
                return "\(line):\(column): \(diagnostic.message)"
            }
            return (diagnostic.source.map { "\($0): " } ?? "") + diagnostic.message
        }
    }
}

extension LoadedConfiguration {
    func source(_ key: String) -> ConfigurationSource? { entries.first { $0.key == key }?.source }
}
