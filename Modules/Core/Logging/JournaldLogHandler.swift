import CSystemd
import MusicFSSystem

/// Sends events to the journal with their fields (sd_journal_sendv(3)).
struct JournaldLogHandler: LogHandler {
    static let identifier = "musicfs"
    private static let socket: FilePath = "/run/systemd/journal/socket"

    /// Takes the fields of an entry, each `NAME=value`; false when they could not be sent.
    private let send: @Sendable ([[UInt8]]) -> Bool
    /// Gets what the journal does not take.
    private let fallback: any LogHandler

    init(
        fallback: any LogHandler, send: @escaping @Sendable ([[UInt8]]) -> Bool = JournaldLogHandler.sendToJournal
    ) {
        self.fallback = fallback
        self.send = send
    }

    /// Whether there is a journal: sending to none succeeds silently, so that must be asked before.
    static var isAvailable: Bool { (try? FileStatus.of(socket)) != nil }

    func log(event: LogEvent) {
        if !send(Self.fields(event)) { fallback.log(event: event) }
    }

    /// The fields of systemd.journal-fields(7), and the module and the metadata under names of our own.
    static func fields(_ event: LogEvent) -> [[UInt8]] {
        var fields = [
            "MESSAGE=\(event.summary)", "PRIORITY=\(event.level.priority)", "SYSLOG_IDENTIFIER=\(identifier)",
            "MUSICFS_MODULE=\(escapeControls(event.label))",
        ]
        for (key, value) in event.metadata.sorted(by: { $0.key < $1.key }) {
            fields.append("\(fieldName(key))=\(escapeControls(value.text))")
        }
        return fields.map { Array($0.utf8) }
    }

    /// `origin_id` becomes `MUSICFS_ORIGIN_ID`: field names are upper-case ASCII letters, digits and underscores, at
    /// most 64.
    private static func fieldName(_ key: String) -> String {
        let name = key.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 0x20
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
            default: UInt8(ascii: "_")
            }
        }
        return "MUSICFS_" + String(decoding: name.prefix(56), as: UTF8.self)
    }

    @Sendable static func sendToJournal(_ fields: [[UInt8]]) -> Bool {
        // One buffer for all fields, so that every address is valid during the one call.
        var bytes = fields.flatMap { $0 }
        let sent = unsafe bytes.withUnsafeMutableBytes { buffer in
            var start = 0
            let vectors = unsafe fields.map { field in
                defer { start += field.count }
                return unsafe iovec(iov_base: buffer.baseAddress?.advanced(by: start), iov_len: field.count)
            }
            return unsafe sd_journal_sendv(vectors, CInt(vectors.count))
        }
        return sent >= 0
    }
}

extension Logger.Level {
    /// The priority of syslog(3).
    fileprivate var priority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
