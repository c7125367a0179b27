/// The answer of `/v1/log-level`.
package struct LogLevelReport: Codable, Hashable, Sendable {
    package var level: String

    package init(level: String) { self.level = level }
}

/// The answer of `/v1/shutdown`.
package struct ShutdownReport: Codable, Hashable, Sendable {
    package var stopping: Bool

    package init(stopping: Bool) { self.stopping = stopping }
}

/// The answer of `/v1/upgrade`.
package struct UpgradeReport: Codable, Hashable, Sendable {
    package var upgrading: Bool

    package init(upgrading: Bool) { self.upgrading = upgrading }
}

/// The answer of `/v1/restore`.
package struct RestoreReport: Codable, Hashable, Sendable {
    package var restoring: Bool

    package init(restoring: Bool) { self.restoring = restoring }
}

/// A file whose tags cannot be read.
package struct QuarantineReport: Codable, Hashable, Sendable {
    package var origin: String
    /// Below the origin's root.
    package var path: String
    package var reason: String

    package init(origin: String, path: String, reason: String) {
        self.origin = origin
        self.path = path
        self.reason = reason
    }
}
