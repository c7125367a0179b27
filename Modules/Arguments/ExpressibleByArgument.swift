/// A type whose values can be written as one word of a command line.
package protocol ExpressibleByArgument: Sendable {
    /// Nil if `argument` is not a value of the type, which is reported with the name and help of the argument.
    init?(argument: String)

    /// How a default value is shown in help.
    var defaultValueDescription: String { get }

    /// All values as they are typed, if they can be listed; else empty.
    static var allValueStrings: [String] { get }

    static var defaultCompletionKind: CompletionKind { get }
}

extension ExpressibleByArgument {
    package var defaultValueDescription: String { "\(self)" }
    package static var allValueStrings: [String] { [] }
    package static var defaultCompletionKind: CompletionKind {
        allValueStrings.isEmpty ? .default : .list(allValueStrings)
    }
}

extension ExpressibleByArgument where Self: RawRepresentable, RawValue: ExpressibleByArgument {
    package init?(argument: String) {
        guard let rawValue = RawValue(argument: argument) else { return nil }
        self.init(rawValue: rawValue)
    }

    package var defaultValueDescription: String { rawValue.defaultValueDescription }
}

extension ExpressibleByArgument where Self: RawRepresentable & CaseIterable, RawValue: ExpressibleByArgument {
    package static var allValueStrings: [String] { allCases.map(\.rawValue.defaultValueDescription) }
}

extension String: ExpressibleByArgument {
    package init?(argument: String) { self = argument }
}

extension Bool: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
    package static var allValueStrings: [String] { ["true", "false"] }
}

extension Int: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
    package static var defaultCompletionKind: CompletionKind { .none }
}

extension Int64: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
    package static var defaultCompletionKind: CompletionKind { .none }
}

extension Double: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
    package static var defaultCompletionKind: CompletionKind { .none }
}
