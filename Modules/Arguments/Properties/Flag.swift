/// A named argument without value, false unless written.
@propertyWrapper
package struct Flag: Decodable, Sendable {
    var parsed: Parsed<Bool>

    package init(from decoder: any Decoder) throws {
        parsed = .value(try ArgumentDecoder.value(from: decoder))
    }

    package var wrappedValue: Bool {
        get { parsed.value }
        set { parsed = .value(newValue) }
    }
}

extension Flag: ArgumentDescribing {
    func definitions(key: ArgumentKey) -> [ArgumentDefinition] { parsed.definitions(key: key) }
}

extension Flag {
    /// - Parameter wrappedValue: must be false: there is no inversion that could unset a flag.
    package init(wrappedValue: Bool, name: NameSpecification = .long, help: ArgumentHelp? = nil) {
        precondition(!wrappedValue, "a flag that is true by default could not be unset")
        parsed = Parsed(.flag, name: name, help: help, initial: false, value: .flag)
    }
}
