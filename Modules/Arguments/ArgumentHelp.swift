/// Where an argument or group is shown.
package enum ArgumentVisibility: Sendable {
    case `default`
    /// Parsed as any other, but in no help, completion, manual page or suggestion.
    case hidden
}

/// The help of one argument; a string literal is its abstract.
package struct ArgumentHelp: Sendable, ExpressibleByStringInterpolation {
    package var abstract: String
    package var discussion: String
    /// The name of the value in `--option <value-name>`; nil takes the property's name.
    package var valueName: String?
    package var visibility: ArgumentVisibility

    package init(
        _ abstract: String = "", discussion: String = "", valueName: String? = nil,
        visibility: ArgumentVisibility = .default
    ) {
        self.abstract = abstract
        self.discussion = discussion
        self.valueName = valueName
        self.visibility = visibility
    }

    package init(stringLiteral value: String) {
        self.init(value)
    }

    /// Parsed but shown nowhere.
    package static var hidden: ArgumentHelp { ArgumentHelp(visibility: .hidden) }
}
