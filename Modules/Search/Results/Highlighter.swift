/// Finds in a document's texts what of them a query matched, to be shown.
///
/// Words are found as in the index: without accents and case, by their beginnings, with typing errors, and phrases as a
/// whole. What the query excludes, and its numbers and keywords, are not looked for.
package struct Highlighter: Sendable {
    private enum Pattern {
        /// Words at these distances from one another.
        case words([(term: [UInt8], place: Int)])
        case prefix([UInt8])
        /// A character of a script without spaces: the first one of the pairs that begin with it.
        case character([UInt8])
        case fuzzy(FuzzyMatcher)
    }

    private var patterns: [(field: TextField?, pattern: Pattern)] = []

    /// - Parameter query: the one that found the documents, which may be a tolerant one.
    package init(_ query: SearchQuery) { gather(query) }

    private mutating func gather(_ query: SearchQuery) {
        switch query {
        case .term(let field, let text), .phrase(let field, let text):
            let words = Highlighter.words(text)
            if words.count == 1, words[0].kind == .single {
                patterns.append((field, .character(words[0].term)))
            } else if !words.isEmpty {
                patterns.append((field, .words(words.map { ($0.term, $0.place) })))
            }
        case .prefix(let field, let text):
            let words = Highlighter.words(text)
            for word in words.dropLast() { patterns.append((field, .words([(word.term, 0)]))) }
            if let last = words.last {
                patterns.append((field, last.kind == .single ? .character(last.term) : .prefix(last.term)))
            }
        case .fuzzy(let field, let text, let distance):
            for word in Highlighter.words(text) {
                patterns.append((field, .fuzzy(FuzzyMatcher(word.term, limit: distance))))
            }
        case .and(let children), .or(let children): for child in children { gather(child) }
        case .all, .range, .keyword, .not: break
        }
    }

    private static func words(_ text: String) -> [(term: [UInt8], kind: AnalyzedText.Kind, place: Int)] {
        let analyzed = Analyzer.analyze(text, for: .query)
        return analyzed.words.filter { $0.kind != .exact }.map { (analyzed.term($0), $0.kind, $0.position) }
    }

    /// What of a text was matched.
    ///
    /// - Parameter text: one value of the field.
    /// - Returns: ranges of bytes in the text's UTF-8, on the boundaries of characters, ascending; none touches another.
    package func ranges(in text: String, of field: TextField) -> [Range<Int>] {
        let patterns = patterns.filter { $0.field == nil || $0.field == field }
        if patterns.isEmpty { return [] }
        let words = Analyzer.locate(text).filter { $0.kind != .exact }
        var index: [Int: Int] = [:]
        for (number, word) in words.enumerated() { index[word.position] = number }
        var ranges: [Range<Int>] = []
        for (_, pattern) in patterns {
            switch pattern {
            case .words(let wanted):
                for word in words where word.term == wanted[0].term {
                    let found = wanted.compactMap { index[word.position + $0.place - wanted[0].place] }
                    let fits = zip(found, wanted).allSatisfy { words[$0].term == $1.term }
                    if fits, found.count == wanted.count { ranges += found.map { words[$0].place } }
                }
            case .prefix(let prefix): ranges += words.filter { $0.term.starts(with: prefix) }.map(\.place)
            case .character(let character):
                for word in words where word.term.starts(with: character) {
                    ranges.append(word.place.lowerBound..<Highlighter.end(of: word.place, in: text))
                }
            case .fuzzy(var matcher): ranges += words.filter { matcher.distance(to: $0.term) != nil }.map(\.place)
            }
        }
        return Highlighter.joined(ranges)
    }

    /// Where the first character of a place ends.
    private static func end(of place: Range<Int>, in text: String) -> Int {
        let utf8 = text.utf8
        let start = utf8.index(utf8.startIndex, offsetBy: place.lowerBound)
        return min(place.lowerBound + text[start...].prefix(1).utf8.count, place.upperBound)
    }

    /// Ranges that overlap or touch are one.
    private static func joined(_ ranges: [Range<Int>]) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
            if let last = result.last, range.lowerBound <= last.upperBound {
                result[result.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                result.append(range)
            }
        }
        return result
    }
}
