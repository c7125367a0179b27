import MusicFSSystem
import Synchronization

/// How lines look.
enum LogLineFormat: Hashable, Sendable {
    case text(LogTextStyle)
    case json

    /// With the line's end.
    func line(_ event: LogEvent) -> [UInt8] {
        switch self {
        case .text(let style): Array((event.line(style) + "\n").utf8)
        case .json: Array((event.json + "\n").utf8)
        }
    }
}

/// Writes lines to a descriptor that stays open, such as stderr.
struct StreamLogHandler: LogHandler {
    private let format: LogLineFormat
    /// Held while a line is written, so that two never mix.
    private let descriptor: StreamDescriptor

    /// - Parameter descriptor: borrowed; must stay open as long as the handler lives.
    init(descriptor: CInt, format: LogLineFormat) {
        self.format = format
        self.descriptor = StreamDescriptor(descriptor)
    }

    func log(event: LogEvent) {
        // A stream that nobody reads any more is no reason to fail.
        descriptor.raw.withLock { raw in try? writeFully(raw, format.line(event)) }
    }
}

private final class StreamDescriptor: Sendable {
    let raw: Mutex<CInt>
    init(_ raw: CInt) { self.raw = Mutex(raw) }
}
