/// What a route does, for those who call it.
package struct Operation: Sendable {
    package struct Parameter: Sendable {
        package enum Kind: Sendable { case text, flag, number }

        var name: String
        var description: String
        var kind: Kind
        var isRequired: Bool
        /// Whether it may be given several times.
        var isRepeated: Bool

        package init(
            _ name: String, _ description: String, _ kind: Kind = .text, isRequired: Bool = false,
            isRepeated: Bool = false
        ) {
            self.name = name
            self.description = description
            self.kind = kind
            self.isRequired = isRequired
            self.isRepeated = isRepeated
        }
    }

    package enum Answer: Sendable {
        case json(any (Decodable & SendableMetatype).Type)
        /// A stream of such values: a line each, or server-sent events for who accepts those.
        case stream(any (Decodable & SendableMetatype).Type)
        case text(contentType: String)
        /// JSON whose shape another standard tells.
        case document
    }

    var summary: String
    var parameters: [Parameter]
    var answer: Answer

    package init(_ summary: String, _ answer: Answer) { self.init(summary, [], answer) }

    package init(_ summary: String, _ parameters: [Parameter], _ answer: Answer) {
        self.summary = summary
        self.parameters = parameters
        self.answer = answer
    }
}
