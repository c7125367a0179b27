import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSSearch
import MusicFSSystem

extension SearchReport.Result {
    init(_ track: TrackRecord, _ path: FilePath, _ hit: SearchHit, _ highlighter: Highlighter) {
        let tags = track.tags ?? Tags()
        var highlights: [String: [String]] = [:]
        for text in SearchDocument(track).texts {
            let ranges = highlighter.ranges(in: text.value, of: text.field)
            if !ranges.isEmpty { highlights[text.field.name, default: []].append(Self.marked(text.value, ranges)) }
        }
        self.init(
            path: path.description, trackID: track.id, score: Double(hit.score), title: tags.first(.title),
            artist: tags.first(.artist), album: tags.first(.album), year: tags.year, highlights: highlights)
        if String(validating: path.bytes, as: UTF8.self) == nil { pathBytes = path.bytes }
    }

    /// - Parameter ranges: of bytes, ascending.
    private static func marked(_ text: String, _ ranges: [Range<Int>]) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var end = 0
        for range in ranges where end <= range.lowerBound && range.upperBound <= bytes.count {
            result += bytes[end..<range.lowerBound] + Array("«".utf8) + bytes[range] + Array("»".utf8)
            end = range.upperBound
        }
        return String(decoding: result + bytes[end...], as: UTF8.self)
    }
}

extension SearchReport.Part {
    init(_ part: ScoreExplanation.Part) {
        self.init(
            kind: part.kind.rawValue, term: part.term, rarity: Double(part.rarity), score: Double(part.score),
            fields: part.fields.map {
                Field(name: $0.name, count: $0.count, length: $0.length, weight: Double($0.weight))
            })
    }
}

extension QueryExplanation {
    /// On one line: `and(word dark, title: beginning si)`.
    var line: String {
        let inside =
            switch kind {
            case .and, .or, .not: children.map(\.line).joined(separator: ", ")
            default: ""
            }
        if !inside.isEmpty { return "\(kind.rawValue)(\(inside))" }
        let place = field.map { "\($0): " } ?? ""
        let value: String
        switch kind {
        case .range: value = "\(from.map(String.init) ?? "")..\(through.map(String.init) ?? "")"
        case .mistyped: value = "\(terms.joined(separator: " "))~\(distance ?? 0)"
        default: value = terms.isEmpty ? text ?? "" : terms.joined(separator: " ")
        }
        return "\(place)\(kind.rawValue) \(value)"
    }
}

extension ControlError {
    /// What a search failed with, for who asked.
    init(search error: any Error) {
        switch error {
        case let error as ControlError: self = error
        case let error as QueryError:
            self.init(.badRequest, "query, character \(error.position): \(error.message)", remedy: error.hint)
        case let error as SearchError where error.code == .missing:
            self.init(.unavailable, "there is no search index yet", remedy: "wait until the library was scanned")
        case let error as SearchError where error.code == .tooLong:
            self.init(.timeout, "the query takes too long", remedy: "write more letters, or more words")
        default: self.init(.failed, "\(error)")
        }
    }
}
