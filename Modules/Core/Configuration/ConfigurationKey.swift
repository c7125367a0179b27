import MusicFSSystem

/// One key of the schema: what it is called, what it may be, and which member of `Root` it sets.
struct ConfigurationKey<Root: Sendable>: Sendable {
    /// Empty for the keys before the first section.
    let section: String
    let name: String
    let kind: ConfigurationKind
    /// What it means, with what holds when it is empty.
    let documentation: String
    /// The value of a root, `.empty` where there is none.
    let read: @Sendable (Root) -> ConfigurationValue
    /// Takes a value that `kind` made; another is ignored.
    let write: @Sendable (inout Root, ConfigurationValue) -> Void

    /// `tree.template`.
    var path: String { section.isEmpty ? name : "\(section).\(name)" }
}

extension ConfigurationKey {
    typealias Member<Value> = any WritableKeyPath<Root, Value> & Sendable

    /// A key whose member holds what the case of `ConfigurationValue` does.
    private init<Value>(
        _ section: String, _ name: String, _ kind: ConfigurationKind, _ member: Member<Value>, _ documentation: String,
        wrap: @escaping @Sendable (Value) -> ConfigurationValue,
        unwrap: @escaping @Sendable (ConfigurationValue) -> Value?
    ) {
        self.section = section
        self.name = name
        self.kind = kind
        self.documentation = documentation
        read = { wrap($0[keyPath: member]) }
        write = { root, value in
            if let value = unwrap(value) { root[keyPath: member] = value }
        }
    }
}

// One maker for each type of member.
extension ConfigurationKey {
    static func boolean(_ section: String, _ name: String, _ member: Member<Bool>, _ documentation: String) -> Self {
        Self(section, name, .boolean, member, documentation) {
            .boolean($0)
        } unwrap: {
            if case .boolean(let value) = $0 { value } else { nil }
        }
    }

    static func integer(
        _ section: String, _ name: String, _ range: ClosedRange<Int>, _ member: Member<Int>, _ documentation: String
    ) -> Self {
        Self(section, name, .integer(range), member, documentation) {
            .integer($0)
        } unwrap: {
            if case .integer(let value) = $0 { value } else { nil }
        }
    }

    static func number(
        _ section: String, _ name: String, _ range: ClosedRange<Double>, _ member: Member<Double>,
        _ documentation: String
    ) -> Self {
        Self(section, name, .number(range), member, documentation) {
            .number($0)
        } unwrap: {
            if case .number(let value) = $0 { value } else { nil }
        }
    }

    static func duration(
        _ section: String, _ name: String, _ range: ClosedRange<Duration>, _ member: Member<Duration>,
        _ documentation: String
    ) -> Self {
        Self(section, name, .duration(range), member, documentation) {
            .duration($0)
        } unwrap: {
            if case .duration(let value) = $0 { value } else { nil }
        }
    }

    static func size(
        _ section: String, _ name: String, _ range: ClosedRange<Int64>, _ member: Member<Int64>,
        _ documentation: String
    ) -> Self {
        Self(section, name, .size(range), member, documentation) {
            .size($0)
        } unwrap: {
            if case .size(let value) = $0 { value } else { nil }
        }
    }

    static func filter(_ section: String, _ name: String, _ member: Member<LogFilter>, _ documentation: String) -> Self
    {
        Self(section, name, .filter, member, documentation) {
            .filter($0)
        } unwrap: {
            if case .filter(let value) = $0 { value } else { nil }
        }
    }

    static func text(
        _ section: String, _ name: String, _ kind: ConfigurationKind, _ member: Member<String>, _ documentation: String
    ) -> Self {
        Self(section, name, kind, member, documentation) {
            .text($0)
        } unwrap: {
            if case .text(let value) = $0 { value } else { nil }
        }
    }

    static func optionalText(
        _ section: String, _ name: String, _ kind: ConfigurationKind, _ member: Member<String?>,
        _ documentation: String
    ) -> Self {
        Self(section, name, kind, member, documentation) {
            $0.map { .text($0) } ?? .empty
        } unwrap: {
            switch $0 {
            case .empty: .some(nil)
            case .text(let value): value
            default: nil
            }
        }
    }

    static func path(
        _ section: String, _ name: String, isOptional: Bool = true, _ member: Member<FilePath?>,
        _ documentation: String
    ) -> Self {
        Self(section, name, .path(isOptional: isOptional), member, documentation) {
            $0.map { .path($0) } ?? .empty
        } unwrap: {
            switch $0 {
            case .empty: .some(nil)
            case .path(let value): value
            default: nil
            }
        }
    }

    static func choice<Word: CaseIterable & RawRepresentable<String> & SendableMetatype>(
        _ section: String, _ name: String, unavailable: [String] = [], _ member: Member<Word>, _ documentation: String
    ) -> Self {
        let kind = ConfigurationKind.choice(Word.allCases.map(\.rawValue), unavailable: unavailable)
        return Self(section, name, kind, member, documentation) {
            .text($0.rawValue)
        } unwrap: {
            if case .text(let value) = $0 { Word(rawValue: value) } else { nil }
        }
    }
}
