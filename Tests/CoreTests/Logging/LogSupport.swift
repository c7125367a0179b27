import MusicFSCore
import MusicFSSystem

struct CollectingLogHandler: LogHandler {
    let events: Collected<LogEvent>

    func log(event: LogEvent) { events.add(event) }
}

extension LogEvent {
    /// `message key=value`, for comparing.
    var summaryForTests: String {
        metadata.sorted { $0.key < $1.key }.reduce(into: message) { text, field in
            if case .string(let value) = field.value { text += " \(field.key)=\(value)" }
        }
    }
}

/// Texts of the kind that file names and tags can hold, the nasty kind.
func randomText() -> String {
    let pieces = [
        "a", "Ö", " ", "\n", "\r", "\t", "\0", "\u{1b}[2J", "\"", "\\", "=", "{", "\u{7f}", "\u{85}", "\u{2028}",
        "\u{202e}", "🎵", "e\u{301}", "/home/me", "\r\n", "\u{9b}",
    ]
    return (0..<Int.random(in: 0...12)).map { _ in pieces.randomElement() ?? "" }.joined()
}
