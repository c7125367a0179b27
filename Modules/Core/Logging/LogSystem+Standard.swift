package import MusicFSSystem

/// `log.format`.
package enum LogFormat: String, CaseIterable, Hashable, Sendable {
    /// The journal when stderr leads there, else text.
    case auto
    case text, json, journald
}

extension LogSystem {
    /// The log that the configuration asks for: one on stderr or the journal, and daily files where wanted.
    ///
    /// - Parameters:
    ///   - directory: for daily files, or nil for none. One that cannot be written is warned of, no more.
    ///   - home: `$HOME`.
    ///   - journalStream: `$JOURNAL_STREAM`, by which systemd tells that it reads stderr (systemd.exec(5)).
    package static func standard(
        format: LogFormat, filter: LogFilter, directory: FilePath? = nil, home: String?, journalStream: String?
    ) -> LogSystem {
        let captured = isJournal(journalStream, descriptor: standardError)
        let text = StreamLogHandler(
            descriptor: standardError,
            format: .text(LogTextStyle(time: !captured, color: !captured && isTerminal(standardError))))
        let main: any LogHandler
        switch format {
        case .text: main = text
        case .json: main = StreamLogHandler(descriptor: standardError, format: .json)
        case .auto where captured && JournaldLogHandler.isAvailable, .journald where JournaldLogHandler.isAvailable:
            main = JournaldLogHandler(fallback: text)
        case .auto, .journald: main = text
        }
        var handlers = [main]
        if let directory {
            let format: LogLineFormat = format == .json ? .json : .text(LogTextStyle())
            handlers.append(FileLogHandler(directory: directory, format: format, fallback: main))
        }
        let system = LogSystem(handlers: handlers, filter: filter, home: home)
        if format == .journald, !JournaldLogHandler.isAvailable {
            system.logger("log").warning("there is no journal on this machine; messages go to stderr")
        }
        return system
    }
}

private let standardError: CInt = 2

/// Whether the descriptor is the stream that `$JOURNAL_STREAM`, as `device:inode`, names; a child may have inherited
/// the variable but not the stream.
func isJournal(_ variable: String?, descriptor: CInt) -> Bool {
    guard let parts = variable?.split(separator: ":"), parts.count == 2, let device = UInt64(parts[0]),
        let inode = UInt64(parts[1]), let status = try? FileStatus.of(raw: descriptor)
    else { return false }
    return status.device == device && status.inode == inode
}
