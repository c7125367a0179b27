import MusicFSControl
package import MusicFSCore
import MusicFSFUSE
import MusicFSSystem

/// How a server was started.
package struct Launch: Sendable {
    /// The arguments of `mount` and `serve` that say what is mounted.
    var arguments: [String]
    /// The effective configuration that it was started with.
    var entries: [ConfigurationEntry]
    /// Reads it again. Throws a `ControlError` that says what is wrong with it.
    var readConfiguration: @Sendable () throws -> [ConfigurationEntry]

    package init(
        arguments: [String], entries: [ConfigurationEntry],
        readConfiguration: @escaping @Sendable () throws -> [ConfigurationEntry]
    ) {
        self.arguments = arguments
        self.entries = entries
        self.readConfiguration = readConfiguration
    }
}

/// Reloading the configuration.
///
/// The server is replaced by one that reads the new configuration, the way one that died is: open files stay open, no
/// request fails, and there is no second way in which a setting could come into force. What belongs to the mount itself
/// stays as it is until that is made anew.
extension Server {
    private static let keysOfTheMount: Set<String> = [
        "mount_point", "name", "cache_dir", "state_dir", "control.socket", "fuse.allow_other", "fuse.passthrough",
        "guardian.heartbeat_timeout", "guardian.max_restarts",
    ]

    /// - Throws: what is wrong with the configuration; nothing is changed then.
    func reload() throws(ControlError) -> ReloadReport {
        let entries: [ConfigurationEntry]
        do { entries = try launch.readConfiguration() } catch {
            throw error as? ControlError ?? ControlError(.failed, "the configuration cannot be read: \(error)")
        }
        var changed = Self.changedKeys(from: launch.entries, to: entries)
        let isTokenMoved = changed.contains { $0.hasPrefix("control.t") }
        if !isTokenMoved, try hasNewToken() { changed.append("control.token_file") }
        let cold = changed.filter(Self.keysOfTheMount.contains)
        let hot = changed.filter { !Self.keysOfTheMount.contains($0) }
        let report = ReloadReport(changed: hot, needsRestart: cold)
        guard !changed.isEmpty else {
            log.info("the configuration was read again; nothing has changed")
            return report
        }
        log.notice(
            "the configuration has changed",
            metadata: [
                "changed": "\(hot.joined(separator: " "))", "needs_restart": "\(cold.joined(separator: " "))",
            ])
        events.publish(.configReloaded(changed: hot, needsRestart: cold))
        if !hot.isEmpty {
            try beReplaced()
        }
        return report
    }

    /// Keys whose values differ; of an origin that came or went, `origins[ID]`.
    static func changedKeys(from old: [ConfigurationEntry], to new: [ConfigurationEntry]) -> [String] {
        func texts(_ entries: [ConfigurationEntry]) -> [String: String] {
            Dictionary(entries.map { ($0.key, $0.value.text) }) { first, _ in first }
        }
        func origin(_ key: String) -> String? {
            key.hasPrefix("origins[") ? key.lastIndex(of: "]").map { String(key[...$0]) } : nil
        }
        let (before, after) = (texts(old), texts(new))
        let (oldOrigins, newOrigins) = (Set(before.keys.compactMap(origin)), Set(after.keys.compactMap(origin)))
        let moved = oldOrigins.symmetricDifference(newOrigins)
        let keys = Set(before.keys).union(after.keys).filter { key in
            before[key] != after[key] && !(origin(key).map(moved.contains) ?? false)
        }
        return (Array(keys) + moved).sorted()
    }
}
