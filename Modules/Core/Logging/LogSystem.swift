import MusicFSSystem
import Synchronization

/// Where loggers of a program lead: the filter, which can be changed at any time, and the handlers.
///
/// Created once, in main, and passed on.
package final class LogSystem: Sendable {
    private struct State {
        var filter: LogFilter
        /// By label.
        var thresholds: [String: LogThreshold] = [:]
    }

    private let handlers: [any LogHandler]
    private let sanitizer: LogSanitizer
    private let state: Mutex<State>

    /// - Parameter home: the user's home directory, shown as `~`.
    package init(handlers: [any LogHandler], filter: LogFilter, home: String? = nil) {
        self.handlers = handlers
        sanitizer = LogSanitizer(home: home)
        state = Mutex(State(filter: filter))
    }

    /// Setting it changes what every logger of this system lets through, from the next message on.
    package var filter: LogFilter {
        get { state.withLock { $0.filter } }
        set {
            state.withLock { state in
                state.filter = newValue
                for (label, threshold) in state.thresholds { threshold.set(newValue.level(of: label)) }
            }
        }
    }

    package func logger(_ label: String) -> Logger { Logger(label: label, system: self) }

    func threshold(_ label: String) -> LogThreshold {
        state.withLock { state in
            if let known = state.thresholds[label] { return known }
            let threshold = LogThreshold(state.filter.level(of: label))
            state.thresholds[label] = threshold
            return threshold
        }
    }

    func write(_ level: Logger.Level, label: String, message: String, metadata: Logger.Metadata) {
        if handlers.isEmpty { return }
        let event = LogEvent(
            time: wallClockNanoseconds(), level: level, label: label, message: sanitizer.clean(message: message),
            metadata: sanitizer.clean(metadata: metadata))
        for handler in handlers { handler.log(event: event) }
    }
}
