import Synchronization

/// What code writes messages with, in the manner of swift-log: a label, and metadata that goes with every message.
///
/// The label is the module's name, or a dotted name below it. A message below the label's level costs one comparison:
/// neither the message nor its metadata is built.
package struct Logger: Sendable {
    package let label: String
    /// Goes with every message; the metadata of a call wins.
    package var metadata: Metadata
    private let threshold: LogThreshold
    private let system: LogSystem

    /// - Parameter label: `fuse`, `sync.watcher`: what a filter names.
    package init(label: String, system: LogSystem, metadata: Metadata = [:]) {
        self.label = label
        self.system = system
        self.metadata = metadata
        threshold = system.threshold(label)
    }

    /// Writes nothing, whatever the level.
    package static let disabled = Logger(
        label: "disabled", system: LogSystem(handlers: [], filter: LogFilter(.critical)))

    package subscript(metadataKey key: String) -> MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func isEnabled(_ level: Level) -> Bool { threshold.admits(level) }

    package func log(
        level: Level, _ message: @autoclosure () -> Message, metadata: @autoclosure () -> Metadata = [:]
    ) {
        if threshold.admits(level) { write(level, message(), metadata()) }
    }

    private func write(_ level: Level, _ message: Message, _ own: Metadata) {
        system.write(
            level, label: label, message: message.text, metadata: metadata.merging(own) { _, call in call })
    }
}

extension Logger {
    package func trace(
        _ message: @autoclosure () -> Message, metadata: @autoclosure () -> Metadata = [:]
    ) { log(level: .trace, message(), metadata: metadata()) }

    package func debug(
        _ message: @autoclosure () -> Message, metadata: @autoclosure () -> Metadata = [:]
    ) { log(level: .debug, message(), metadata: metadata()) }

    package func info(
        _ message: @autoclosure () -> Message, metadata: @autoclosure () -> Metadata = [:]
    ) { log(level: .info, message(), metadata: metadata()) }

    package func notice(
        _ message: @autoclosure () -> Message, metadata: @autoclosure () -> Metadata = [:]
    ) { log(level: .notice, message(), metadata: metadata()) }

    package func warning(
        _ message: @autoclosure () -> Message, metadata: @autoclosure () -> Metadata = [:]
    ) { log(level: .warning, message(), metadata: metadata()) }

    package func error(
        _ message: @autoclosure () -> Message, metadata: @autoclosure () -> Metadata = [:]
    ) { log(level: .error, message(), metadata: metadata()) }

    package func critical(
        _ message: @autoclosure () -> Message, metadata: @autoclosure () -> Metadata = [:]
    ) { log(level: .critical, message(), metadata: metadata()) }
}

/// The level of one label, shared by its loggers and set by the `LogSystem`.
final class LogThreshold: Sendable {
    private let lowest: Atomic<UInt8>

    init(_ level: Logger.Level) { lowest = Atomic(level.rawValue) }

    func admits(_ level: Logger.Level) -> Bool { level.rawValue >= lowest.load(ordering: .relaxed) }

    func set(_ level: Logger.Level) { lowest.store(level.rawValue, ordering: .relaxed) }
}
