/// Which property a value belongs to.
///
/// The owner is the type that declares the property, not the place where it is used, so an option group that stands in
/// a command and in its subcommand has one set of values: options written before and after the subcommand's name meet.
struct ArgumentKey: Hashable, Sendable {
    let owner: ObjectIdentifier
    let property: String
}

/// Everything that is known about one argument, without its place in the Swift types.
struct ArgumentDefinition: Sendable {
    enum Kind: Sendable { case positional, option, flag }

    let kind: Kind
    let key: ArgumentKey
    /// As typed, short names first; empty for a positional argument.
    let names: [OptionName]
    let valueName: String
    let help: ArgumentHelp
    var value: ArgumentValue
    /// The heading that help shows it under, if it belongs to an option group with a title.
    var section: String?
    var isHidden: Bool

    var isRequired: Bool { value.isRequired }
    var isRepeating: Bool { value.isRepeating }

    /// `--name`, or `<value>` for a positional argument.
    var displayName: String {
        (names.first { !$0.isShort } ?? names.first)?.description ?? "<\(valueName)>"
    }

    /// `--name <value>`, as messages call it.
    var synopsis: String {
        kind == .option ? "\(displayName) <\(valueName)>" : displayName
    }
}

/// The untyped side of a property: how its words become its value.
struct ArgumentValue: Sendable {
    var isRequired: Bool
    var isRepeating: Bool
    /// How the default is shown; nil if there is none to show.
    var defaultDescription: String?
    /// All values that are allowed, if they can be listed.
    var allowed: [String]
    var completion: CompletionKind
    /// Makes a `Converted` of the words given for the argument, in their order; none stand for the default.
    var convert: @Sendable ([String]) throws(InvalidValue) -> any Sendable
}

/// A word that is not a value of the argument's type.
struct InvalidValue: Error {
    let text: String
}

/// Wraps a value on its way through `any Sendable`, where an optional would lose its own layer in a cast.
struct Converted<Value: Sendable>: Sendable {
    let value: Value
}

extension ArgumentValue {
    /// One value, the last one given; required if there is no default.
    static func single<T: ExpressibleByArgument>(default initial: T?, completion: CompletionKind?) -> ArgumentValue {
        ArgumentValue(
            isRequired: initial == nil, isRepeating: false, defaultDescription: initial?.defaultValueDescription,
            allowed: T.allValueStrings, completion: completion ?? T.defaultCompletionKind
        ) { (words) throws(InvalidValue) in
            // Without words the parser has already refused what is required.
            guard let value = try parse(words, as: T.self).last ?? initial else { throw InvalidValue(text: "") }
            return Converted(value: value)
        }
    }

    static func optional<T: ExpressibleByArgument>(default initial: T?, completion: CompletionKind?) -> ArgumentValue {
        ArgumentValue(
            isRequired: false, isRepeating: false, defaultDescription: initial?.defaultValueDescription,
            allowed: T.allValueStrings, completion: completion ?? T.defaultCompletionKind
        ) { (words) throws(InvalidValue) in
            Converted<T?>(value: try parse(words, as: T.self).last ?? initial)
        }
    }

    /// All values given, instead of the default; at least one is required if there is no default.
    static func array<T: ExpressibleByArgument>(default initial: [T]?, completion: CompletionKind?) -> ArgumentValue {
        let shown = (initial ?? []).map(\.defaultValueDescription).joined(separator: ", ")
        return ArgumentValue(
            isRequired: initial == nil, isRepeating: true, defaultDescription: shown.isEmpty ? nil : shown,
            allowed: T.allValueStrings, completion: completion ?? T.defaultCompletionKind
        ) { (words) throws(InvalidValue) in
            Converted(value: words.isEmpty ? initial ?? [] : try parse(words, as: T.self))
        }
    }

    /// True if given at all.
    static var flag: ArgumentValue {
        ArgumentValue(
            isRequired: false, isRepeating: false, defaultDescription: nil, allowed: [], completion: .none
        ) { (words) throws(InvalidValue) in Converted(value: !words.isEmpty) }
    }

    private static func parse<T: ExpressibleByArgument>(
        _ words: [String], as type: T.Type
    ) throws(InvalidValue) -> [T] {
        var values: [T] = []
        for word in words {
            guard let value = T(argument: word) else { throw InvalidValue(text: word) }
            values.append(value)
        }
        return values
    }
}
