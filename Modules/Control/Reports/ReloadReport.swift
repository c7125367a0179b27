/// What came of reading the configuration again.
package struct ReloadReport: Codable, Hashable, Sendable {
    /// Keys whose new values are in force, or are within a second.
    package var changed: [String]
    /// Keys whose new values are in force from the next mount on.
    package var needsRestart: [String]

    private enum CodingKeys: String, CodingKey {
        case changed
        case needsRestart = "needs_restart"
    }

    package init(changed: [String], needsRestart: [String]) {
        self.changed = changed
        self.needsRestart = needsRestart
    }
}
