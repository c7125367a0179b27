package import MusicFSSystem

/// Where an effective value, or a wrong one, comes from.
package enum ConfigurationSource: Hashable, Sendable {
    case `default`
    /// Line and column from 1, of the key.
    case file(FilePath, line: Int, column: Int)
    case environment(String)
    /// The flag as the user writes it, `--cache-dir`.
    case flag(String)
}

extension ConfigurationSource: CustomStringConvertible {
    package var description: String {
        switch self {
        case .default: "default"
        case .file(let path, let line, _): "\(path.description.escapingControls):\(line)"
        case .environment(let name): "environment \(name)"
        case .flag(let name): name
        }
    }
}

/// One thing that is wrong with a configuration.
package struct ConfigurationDiagnostic: Hashable, Sendable {
    /// nil for what is wrong with no single value.
    package let source: ConfigurationSource?
    package let message: String

    init(_ message: String, at source: ConfigurationSource? = nil) {
        self.source = source
        self.message = message
    }
}

extension ConfigurationDiagnostic: CustomStringConvertible {
    /// `FILE:LINE:COLUMN: error: MESSAGE`, as compilers write it.
    package var description: String {
        let place =
            switch source {
            case .file(let path, let line, let column): "\(path.description.escapingControls):\(line):\(column): "
            case .some(let source): "\(source): "
            case nil: ""
            }
        return "\(place)error: \(message)"
    }
}

/// A configuration that cannot be used, with all that is wrong with it (exit code 78).
package struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Never empty; those of the file in the order of its lines.
    package let diagnostics: [ConfigurationDiagnostic]

    init(_ diagnostics: [ConfigurationDiagnostic]) { self.diagnostics = diagnostics }

    init(_ message: String) { diagnostics = [ConfigurationDiagnostic(message)] }

    /// One line for each diagnostic.
    package var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}
