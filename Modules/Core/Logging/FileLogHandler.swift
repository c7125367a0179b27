import MusicFSSystem
import Synchronization

/// Writes lines to one file a day, `musicfs.log.2026-11-20` (UTC, like the times in it), and keeps the last ones.
///
/// A directory or disk that fails never stops anything: that is said once on the fallback, which is expected to
/// get every event anyway, and tried again every minute.
final class FileLogHandler: LogHandler {
    private struct State: ~Copyable {
        var file: OwnedFD?
        var date = ""
        /// Not before then (the clock's nanoseconds) is opening tried again.
        var retryAt: UInt64 = 0
        var failing = false
    }

    static let prefix = "musicfs.log."
    private static let retryInterval = Duration.seconds(60)

    private let directory: FilePath
    private let retention: Int
    private let format: LogLineFormat
    private let clock: any MonotonicClock
    private let fallback: any LogHandler
    private let state = Mutex(State())

    init(
        directory: FilePath, retention: Int = 30, format: LogLineFormat, fallback: any LogHandler,
        clock: any MonotonicClock = SystemClock()
    ) {
        self.directory = directory
        self.retention = retention
        self.format = format
        self.fallback = fallback
        self.clock = clock
    }

    func log(event: LogEvent) {
        let failure = state.withLock { state -> SystemError? in
            guard clock.now >= state.retryAt else { return nil }
            do throws(SystemError) {
                try write(event, &state)
                state.failing = false
                return nil
            } catch {
                state.file = nil
                state.retryAt = clock.deadline(after: Self.retryInterval)
                defer { state.failing = true }
                return state.failing ? nil : error
            }
        }
        guard let failure else { return }
        fallback.log(
            event: LogEvent(
                time: event.time, level: .warning, label: "log",
                message: "cannot write log files; check that log.dir can be written and has space. "
                    + "Until it can, messages go to the other log only",
                metadata: ["dir": .string(directory.description), "error": .string(failure.description)]))
    }

    private func write(_ event: LogEvent, _ state: inout State) throws(SystemError) {
        let date = CalendarTime(nanoseconds: event.time).date
        if state.file == nil || state.date != date {
            try createDirectories(directory)
            state.file = try open(
                directory.appending(Self.prefix + date), [.write, .create, .append, .noFollow], mode: 0o640)
            state.date = date
            try removeOldFiles()
        }
        guard let raw = state.file?.raw else { return }
        try writeFully(raw, format.line(event))
    }

    private func removeOldFiles() throws(SystemError) {
        let listing = try open(directory, [.read, .directory])
        let names = try listDirectory(listing.raw, path: directory).map(\.name).filter(isDailyName)
        for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }).dropLast(retention) {
            // A file that somebody else removed first, or that cannot be, is not worth losing the message.
            try? unlink(directory.appending(name))
        }
    }
}

/// Whether it is a name that this handler gives: nothing else in the directory is ours to remove.
private func isDailyName(_ name: [UInt8]) -> Bool {
    guard name.starts(with: FileLogHandler.prefix.utf8) else { return false }
    let date = name.dropFirst(FileLogHandler.prefix.utf8.count)
    return date.count == 10
        && zip(date, "0000-00-00".utf8).allSatisfy { byte, pattern in
            pattern == UInt8(ascii: "0")
                ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) : byte == pattern
        }
}
