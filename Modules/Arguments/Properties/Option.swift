/// A named argument with a value: `--name value`, `--name=value`, `-n value`.
///
/// Optional properties are nil unless given, arrays take one value each time that the option is written, and of
/// several values for anything else the last one counts. Without default the option is required.
@propertyWrapper
package struct Option<Value: Sendable>: Decodable, Sendable {
    var parsed: Parsed<Value>

    package init(from decoder: any Decoder) throws {
        parsed = .value(try ArgumentDecoder.value(from: decoder))
    }

    package var wrappedValue: Value {
        get { parsed.value }
        set { parsed = .value(newValue) }
    }
}

extension Option: ArgumentDescribing {
    func definitions(key: ArgumentKey) -> [ArgumentDefinition] { parsed.definitions(key: key) }
}

extension Option where Value: ExpressibleByArgument {
    package init(name: NameSpecification = .long, help: ArgumentHelp? = nil, completion: CompletionKind? = nil) {
        parsed = Parsed(
            .option, name: name, help: help, initial: nil, value: .single(default: Value?.none, completion: completion))
    }

    package init(
        wrappedValue: Value, name: NameSpecification = .long, help: ArgumentHelp? = nil,
        completion: CompletionKind? = nil
    ) {
        parsed = Parsed(
            .option, name: name, help: help, initial: wrappedValue,
            value: .single(default: wrappedValue, completion: completion))
    }
}

extension Option {
    package init<T: ExpressibleByArgument>(
        name: NameSpecification = .long, help: ArgumentHelp? = nil, completion: CompletionKind? = nil
    ) where Value == T? {
        self.init(wrappedValue: nil, name: name, help: help, completion: completion)
    }

    package init<T: ExpressibleByArgument>(
        wrappedValue: T?, name: NameSpecification = .long, help: ArgumentHelp? = nil,
        completion: CompletionKind? = nil
    ) where Value == T? {
        parsed = Parsed(
            .option, name: name, help: help, initial: .some(wrappedValue),
            value: .optional(default: wrappedValue, completion: completion))
    }

    package init<T: ExpressibleByArgument>(
        name: NameSpecification = .long, help: ArgumentHelp? = nil, completion: CompletionKind? = nil
    ) where Value == [T] {
        parsed = Parsed(
            .option, name: name, help: help, initial: nil, value: .array(default: [T]?.none, completion: completion))
    }

    package init<T: ExpressibleByArgument>(
        wrappedValue: [T], name: NameSpecification = .long, help: ArgumentHelp? = nil,
        completion: CompletionKind? = nil
    ) where Value == [T] {
        parsed = Parsed(
            .option, name: name, help: help, initial: wrappedValue,
            value: .array(default: wrappedValue, completion: completion))
    }
}
