/// One message as handlers get it: `$HOME` is already `~`, secrets are masked, and lengths are bounded.
package struct LogEvent: Sendable {
    /// Nanoseconds since 1970.
    package var time: Int64
    package var level: Logger.Level
    /// The logger's label.
    package var label: String
    package var message: String
    package var metadata: Logger.Metadata

    package init(
        time: Int64, level: Logger.Level, label: String, message: String, metadata: Logger.Metadata = [:]
    ) {
        self.time = time
        self.level = level
        self.label = label
        self.message = message
        self.metadata = metadata
    }
}

/// Somewhere that messages go to.
package protocol LogHandler: Sendable {
    /// Writes the event before it returns. Called from any thread, from several at once; never fails.
    func log(event: LogEvent)
}
