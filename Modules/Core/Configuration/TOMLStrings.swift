/// The strings of a flat TOML text, as files of credentials are.
package enum TOMLStrings {
    /// - Returns: nil for what is no TOML; its text is never told, since it may be secret.
    package static func read(_ text: [UInt8]) -> [String: String]? {
        guard let document = try? TOMLDocument(parsing: text) else { return nil }
        var values: [String: String] = [:]
        for node in document.root { if case .string(let value) = node.value { values[node.key] = value } }
        return values
    }
}
