import MusicFSSearch

/// libFuzzer's entry: any text is a query or an error with a position inside of it; any text has bounded terms, and what
/// a query finds in it is highlighted inside of it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzQuery(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
    let text = unsafe String(decoding: bytes, as: UTF8.self)
    for isTyping in [false, true] {
        let options = QueryParser.Options(isTyping: isTyping, now: 1_700_000_000)
        do throws(QueryError) {
            let query = try QueryParser.parse(text, options: options)
            checkHighlights(query, text)
            if let tolerant = query.tolerant { checkHighlights(tolerant, text) }
            _ = query.explanation
            let same = try QueryParser.replacing([:], in: text, options: options)
            precondition(same == text, "another query")
        } catch {
            precondition((1...(text.count + 1)).contains(error.position), "position \(error.position)")
            precondition(!error.message.isEmpty && !error.hint.isEmpty, "an error without words")
        }
    }
    for purpose in [Analyzer.Purpose.document, .query] {
        let words = Analyzer.analyze(text, for: purpose)
        precondition(words.words.count <= 4 * Analyzer.maximumWords, "\(words.words.count) words")
        for word in words.words {
            precondition((1...Term.maximumBytes).contains(word.range.count), "a term of \(word.range.count) bytes")
            precondition(word.position < max(words.positions, 1), "a word behind the last place")
        }
    }
    return 0
}

private func checkHighlights(_ query: SearchQuery, _ text: String) {
    let utf8 = text.utf8
    var end = -1
    for range in Highlighter(query).ranges(in: text, of: .title) {
        precondition(range.lowerBound > end && !range.isEmpty && range.upperBound <= utf8.count, "\(range)")
        end = range.upperBound
        for offset in [range.lowerBound, range.upperBound] {
            let index = utf8.index(utf8.startIndex, offsetBy: offset)
            precondition(index.samePosition(in: text.unicodeScalars) != nil, "inside of a scalar: \(range)")
        }
    }
}
