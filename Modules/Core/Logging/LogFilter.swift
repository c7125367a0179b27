/// Which level each module logs from: `info,fuse=debug,s3=trace`.
///
/// A module's level holds for its label and the dotted ones below it; the longest name that fits wins.
package struct LogFilter: Hashable, Sendable {
    /// For labels that no module fits.
    package var defaultLevel: Logger.Level
    package var modules: [String: Logger.Level]

    package init(_ defaultLevel: Logger.Level = .info, modules: [String: Logger.Level] = [:]) {
        self.defaultLevel = defaultLevel
        self.modules = modules
    }

    /// Reads directives between commas: `LEVEL` at most once, for the default, else `info`; `MODULE=LEVEL`.
    package init(parsing text: String) throws(LogFilterError) {
        var defaultLevel: Logger.Level?
        modules = [:]
        for directive in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = directive.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map { String($0.trimmingSpaces) }
            guard let word = parts.last, !word.isEmpty else { throw LogFilterError(text, "has an empty directive") }
            guard let level = Logger.Level(name: word) else {
                throw LogFilterError(text, "names \"\(word)\", which is no level")
            }
            guard parts.count == 2, let module = parts.first else {
                if defaultLevel != nil { throw LogFilterError(text, "has two levels without a module") }
                defaultLevel = level
                continue
            }
            guard !module.isEmpty, module.utf8.allSatisfy(isModuleByte) else {
                throw LogFilterError(text, "names \"\(module)\", which is no module")
            }
            if modules.updateValue(level, forKey: module) != nil {
                throw LogFilterError(text, "names the module \"\(module)\" twice")
            }
        }
        self.defaultLevel = defaultLevel ?? .info
    }

    package func level(of label: String) -> Logger.Level {
        var name = label[...]
        while true {
            if let level = modules[String(name)] { return level }
            guard let dot = name.lastIndex(of: ".") else { return defaultLevel }
            name = name[..<dot]
        }
    }
}

extension LogFilter: CustomStringConvertible {
    /// What `init(parsing:)` reads back to the same filter.
    package var description: String {
        let directives = modules.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return ([defaultLevel.description] + directives).joined(separator: ",")
    }
}

/// A log filter that cannot be read.
package struct LogFilterError: Error, Hashable, Sendable, CustomStringConvertible {
    package let filter: String
    package let problem: String

    init(_ filter: String, _ problem: String) {
        self.filter = filter
        self.problem = problem
    }

    package var description: String {
        let levels = Logger.Level.allCases.map(\.description).joined(separator: ", ")
        return "the log level \"\(filter)\" \(problem); write a level (\(levels)) or modules with levels, as in "
            + "\"info,fuse=debug,s3=trace\""
    }
}

private func isModuleByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
        true
    default: false
    }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring {
        guard let first = firstIndex(where: { $0 != " " }), let last = lastIndex(where: { $0 != " " }) else {
            return ""
        }
        return self[first...last]
    }
}
