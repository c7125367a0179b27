import MusicFSControl
import MusicFSCore

/// A found track on the terminal: what it is, and where.
struct SearchPrinter {
    /// Whether what matched is shown in bold.
    let isStyled: Bool

    func text(_ result: SearchReport.Result) -> String {
        let artist = value("artist", result.artist, result)
        let title = value("title", result.title, result)
        var line = [artist, title].compactMap { $0 }.joined(separator: " - ")
        let album = [value("album", result.album, result), result.year.map(String.init)].compactMap { $0 }
        if !album.isEmpty { line += " (\(album.joined(separator: ", ")))" }
        let lines = (line.isEmpty ? [] : [line]) + ["    \(escapeControls(result.path))"] + explanation(result)
        return lines.joined(separator: "\n")
    }

    private func explanation(_ result: SearchReport.Result) -> [String] {
        guard let parts = result.parts else { return [] }
        return ["    \(rounded(result.score)) ="]
            + parts.map { part in
                let fields = part.fields.map { "\($0.name) \($0.count) of \($0.length)" }.joined(separator: ", ")
                return
                    "      \(rounded(part.score)) \(part.kind) \(escapeControls(part.term)), rarity \(rounded(part.rarity)): \(fields)"
            }
    }

    private func rounded(_ value: Double) -> String { String((value * 1000).rounded() / 1000) }

    /// The value of a field, with what matched of it marked.
    private func value(_ field: String, _ value: String?, _ result: SearchReport.Result) -> String? {
        guard let value else { return nil }
        guard isStyled, let marked = result.highlights[field]?.first else { return escapeControls(value) }
        return escapeControls(marked).replacing("«", with: "\u{1b}[1m").replacing("»", with: "\u{1b}[0m")
    }
}
