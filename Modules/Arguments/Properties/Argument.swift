/// An argument that is told by its position.
///
/// An array takes all words that are left, so it must be the last one. Without default the argument is required.
@propertyWrapper
package struct Argument<Value: Sendable>: Decodable, Sendable {
    var parsed: Parsed<Value>

    package init(from decoder: any Decoder) throws {
        parsed = .value(try ArgumentDecoder.value(from: decoder))
    }

    package var wrappedValue: Value {
        get { parsed.value }
        set { parsed = .value(newValue) }
    }
}

extension Argument: ArgumentDescribing {
    func definitions(key: ArgumentKey) -> [ArgumentDefinition] { parsed.definitions(key: key) }
}

extension Argument where Value: ExpressibleByArgument {
    package init(help: ArgumentHelp? = nil, completion: CompletionKind? = nil) {
        parsed = Parsed(
            .positional, name: [], help: help, initial: nil,
            value: .single(default: Value?.none, completion: completion))
    }

    package init(wrappedValue: Value, help: ArgumentHelp? = nil, completion: CompletionKind? = nil) {
        parsed = Parsed(
            .positional, name: [], help: help, initial: wrappedValue,
            value: .single(default: wrappedValue, completion: completion))
    }
}

extension Argument {
    package init<T: ExpressibleByArgument>(
        help: ArgumentHelp? = nil, completion: CompletionKind? = nil
    ) where Value == T? {
        self.init(wrappedValue: nil, help: help, completion: completion)
    }

    package init<T: ExpressibleByArgument>(
        wrappedValue: T?, help: ArgumentHelp? = nil, completion: CompletionKind? = nil
    ) where Value == T? {
        parsed = Parsed(
            .positional, name: [], help: help, initial: .some(wrappedValue),
            value: .optional(default: wrappedValue, completion: completion))
    }

    package init<T: ExpressibleByArgument>(
        help: ArgumentHelp? = nil, completion: CompletionKind? = nil
    ) where Value == [T] {
        parsed = Parsed(
            .positional, name: [], help: help, initial: nil, value: .array(default: [T]?.none, completion: completion))
    }

    package init<T: ExpressibleByArgument>(
        wrappedValue: [T], help: ArgumentHelp? = nil, completion: CompletionKind? = nil
    ) where Value == [T] {
        parsed = Parsed(
            .positional, name: [], help: help, initial: wrappedValue,
            value: .array(default: wrappedValue, completion: completion))
    }
}
