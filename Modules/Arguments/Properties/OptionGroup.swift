/// Arguments that several commands share.
///
/// A group that stands in a command and in its subcommand is one group: its options may be written before or after the
/// subcommand's name, and both commands read the same values.
@propertyWrapper
package struct OptionGroup<Value: ParsableArguments>: Decodable, Sendable {
    package var wrappedValue: Value
    private var title = ""
    private var visibility = ArgumentVisibility.default

    /// - Parameters:
    ///   - title: the heading for the group in help; empty lists it among the command's own options.
    ///   - visibility: hides the whole group.
    package init(title: String = "", visibility: ArgumentVisibility = .default) {
        wrappedValue = Value()
        self.title = title
        self.visibility = visibility
    }

    package init(from decoder: any Decoder) throws {
        wrappedValue = try ArgumentDecoder.group(from: decoder)
        try wrappedValue.validate()
    }
}

extension OptionGroup: ArgumentDescribing {
    func definitions(key: ArgumentKey) -> [ArgumentDefinition] {
        Value.definitions().map { definition in
            var definition = definition
            if !title.isEmpty { definition.section = title }
            if visibility == .hidden { definition.isHidden = true }
            return definition
        }
    }
}
