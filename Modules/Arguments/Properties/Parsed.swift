/// What a property wrapper holds: its description until the command line is parsed, then the value.
enum Parsed<Value: Sendable>: Sendable {
    case definition(Definition)
    case value(Value)

    /// A description that lacks only the property's name, which reflection supplies.
    struct Definition: Sendable {
        let kind: ArgumentDefinition.Kind
        let name: NameSpecification
        let help: ArgumentHelp
        let initial: Value?
        let value: ArgumentValue
    }

    init(
        _ kind: ArgumentDefinition.Kind, name: NameSpecification, help: ArgumentHelp?, initial: Value?,
        value: ArgumentValue
    ) {
        self = .definition(
            Definition(kind: kind, name: name, help: help ?? ArgumentHelp(), initial: initial, value: value))
    }

    /// The value, or the default of a command that was made by hand instead of parsed.
    var value: Value {
        switch self {
        case .value(let value): return value
        case .definition(let definition):
            guard let initial = definition.initial else {
                preconditionFailure("a required argument was read before the command line was parsed")
            }
            return initial
        }
    }

    func definitions(key: ArgumentKey) -> [ArgumentDefinition] {
        guard case .definition(let definition) = self else { return [] }
        return [
            ArgumentDefinition(
                kind: definition.kind, key: key, names: definition.name.names(property: key.property),
                valueName: definition.help.valueName ?? kebabCase(key.property), help: definition.help,
                value: definition.value, section: nil, isHidden: definition.help.visibility == .hidden)
        ]
    }
}

/// A property wrapper that describes arguments.
protocol ArgumentDescribing {
    func definitions(key: ArgumentKey) -> [ArgumentDefinition]
}

extension ParsableArguments {
    /// The arguments in the order of their declaration, found by reflection of a fresh instance's wrappers.
    static func definitions() -> [ArgumentDefinition] {
        Mirror(reflecting: Self()).children.flatMap { child -> [ArgumentDefinition] in
            guard let label = child.label, let wrapper = child.value as? any ArgumentDescribing else { return [] }
            // The storage of a wrapped property is named after it with an underscore before.
            let property = label.hasPrefix("_") ? String(label.dropFirst()) : label
            return wrapper.definitions(key: ArgumentKey(owner: ObjectIdentifier(Self.self), property: property))
        }
    }
}
