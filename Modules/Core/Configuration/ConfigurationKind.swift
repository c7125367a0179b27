import MusicFSSystem

/// What a value may be, and how it is read.
enum ConfigurationKind: Hashable, Sendable {
    /// The name of an instance, or empty.
    case name
    case originID
    case template
    case filter
    /// A group of users, or empty.
    case group
    /// An address of the loopback interface with a port, or empty.
    case loopback
    /// An absolute path; `isOptional` lets it be empty.
    case path(isOptional: Bool)
    case boolean
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    case duration(ClosedRange<Duration>)
    /// Bytes.
    case size(ClosedRange<Int64>)
    /// One line of text, or empty.
    case line
    /// One of the words; `unavailable` are known but not built.
    case choice([String], unavailable: [String])
}

/// A value that cannot be taken: what is wrong, to stand behind the name of the key.
struct ConfigurationProblem: Error, Hashable {
    let message: String

    init(_ message: String) { self.message = message }
}

extension ConfigurationKind {
    /// What an error says is wanted.
    var expectation: String {
        switch self {
        case .name: "a file name of at most 64 bytes, without \"/\""
        case .originID: "an id of letters, digits, \".\", \"_\" and \"-\", not \".\" or \"..\""
        case .template: "a path template"
        case .filter: "a log level"
        case .group: "the name of a group"
        case .loopback:
            "an address that only this machine reaches, with a port: 127.0.0.1:8437, [::1]:8437 or localhost:8437"
        case .path: "a path that begins with \"/\" or \"~/\""
        case .boolean: "true or false"
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .duration(let range):
            "a duration in ms, s, m, h or d, from \"\(range.lowerBound.configurationText)\" to "
                + "\"\(range.upperBound.configurationText)\""
        case .size(let range):
            "a size in B, KiB, MiB or GiB, from \"\(ByteSize.text(range.lowerBound))\" to "
                + "\"\(ByteSize.text(range.upperBound))\""
        case .line: "a text on one line of at most 1024 bytes"
        case .choice(let words, _): words.map { "\"\($0)\"" }.joined(separator: " or ")
        }
    }

    /// Whether TOML writes it as a string.
    private var isText: Bool {
        switch self {
        case .boolean, .integer, .number: false
        default: true
        }
    }

    func value(
        of node: TOMLNode, _ context: ConfigurationContext
    ) throws(ConfigurationProblem) -> ConfigurationValue {
        switch (self, node.value) {
        case (.boolean, .boolean(let value)): return .boolean(value)
        case (.integer(let range), .integer(let value)):
            guard let value = Int(exactly: value), range.contains(value) else {
                throw ConfigurationProblem("is \(value), but must be \(expectation)")
            }
            return .integer(value)
        case (.size, .integer(let value)): return try self.value(ofText: "\(value)", context, allowsRelative: false)
        case (.number(let range), .integer(let value)): return try number(Double(value), in: range)
        case (.number(let range), .float(let value)): return try number(value, in: range)
        case (_, .string(let text)) where isText: return try value(ofText: text, context, allowsRelative: false)
        default: throw ConfigurationProblem("is \(node.value.name), but must be \(expectation)")
        }
    }

    /// Reads what the environment or a flag gives; paths of flags may begin in the current directory.
    func value(
        ofText text: String, _ context: ConfigurationContext, allowsRelative: Bool
    ) throws(ConfigurationProblem) -> ConfigurationValue {
        if text.unicodeScalars.contains("\0") { throw ConfigurationProblem("holds a NUL") }
        let wrong = ConfigurationProblem("is \"\(text.escapingControls)\", but must be \(expectation)")
        switch self {
        case .name:
            if text.isEmpty { return .empty }
            guard ConfigurationKind.isName(text) else { throw wrong }
            return .text(text)
        case .originID:
            guard ConfigurationKind.isOriginID(text) else { throw wrong }
            return .text(text)
        case .template:
            if let problem = context.templateError(text) {
                throw ConfigurationProblem("is no path template: \(problem.escapingControls)")
            }
            return .text(text)
        case .filter:
            do { return .filter(try LogFilter(parsing: text)) } catch {
                throw ConfigurationProblem("is wrong: \(error.description.escapingControls)")
            }
        case .group:
            if text.isEmpty { return .empty }
            guard text.utf8.count <= 32, text.utf8.allSatisfy(isWordByte) else { throw wrong }
            return .text(text)
        case .loopback:
            if text.isEmpty { return .empty }
            guard let address = LoopbackAddress(text), address.port > 0 else { throw wrong }
            return .text(text)
        case .path(let isOptional):
            if text.isEmpty, isOptional { return .empty }
            return .path(try context.path(text, allowsRelative: allowsRelative, wrong: wrong))
        case .boolean:
            guard let value = Bool(text) else { throw wrong }
            return .boolean(value)
        case .integer(let range):
            guard let value = Int(text), range.contains(value) else { throw wrong }
            return .integer(value)
        case .number(let range):
            guard let value = Double(text) else { throw wrong }
            return try number(value, in: range)
        case .duration(let range):
            guard let value = Duration(configurationText: text), range.contains(value) else { throw wrong }
            return .duration(value)
        case .size(let range):
            guard let value = ByteSize.bytes(text), range.contains(value) else { throw wrong }
            return .size(value)
        case .line:
            let hasControls = text.unicodeScalars.contains { $0.properties.generalCategory == .control }
            // What is wrong is not repeated: it may be a secret in the wrong place.
            guard text.utf8.count <= 1024, !hasControls else {
                throw ConfigurationProblem("must be \(expectation)")
            }
            return .text(text)
        case .choice(let words, let unavailable):
            if unavailable.contains(text) {
                throw ConfigurationProblem("\"\(text)\" is not available in this version; use \(expectation)")
            }
            guard words.contains(text) else { throw wrong }
            return .text(text)
        }
    }

    private func number(
        _ value: Double, in range: ClosedRange<Double>
    ) throws(ConfigurationProblem) -> ConfigurationValue {
        guard range.contains(value) else { throw ConfigurationProblem("is \(value), but must be \(expectation)") }
        return .number(value)
    }

    /// Whether the text can name an instance: one component of a path, short enough for a socket's.
    static func isName(_ text: String) -> Bool {
        guard (1...64).contains(text.utf8.count), text != ".", text != ".." else { return false }
        return text.unicodeScalars.allSatisfy { $0 != "/" && $0.properties.generalCategory != .control }
    }

    static func isOriginID(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && text.utf8.allSatisfy(isWordByte) && text != "." && text != ".."
    }
}

extension TOMLNode.Value {
    fileprivate var name: String {
        switch self {
        case .string: "a string"
        case .integer: "a whole number"
        case .float: "a number"
        case .boolean: "true or false"
        case .dateTime: "a date or time"
        case .array: "an array"
        case .table: "a table"
        }
    }
}

private func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
    default: false
    }
}
