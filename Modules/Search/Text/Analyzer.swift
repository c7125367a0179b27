import MusicFSCore

/// Makes terms of text, in the same way for documents and queries.
///
/// Words are UAX 29's, folded as `UnicodeText.compatibilityFolded` does, without accents and without the punctuation
/// inside of them (`Don't` → `dont`, `R.E.M.` → `rem`). `_` and `:` part words. Chinese, Japanese and Korean become pairs
/// of characters. Symbols count as words; a text that has no word at all (`!!!`) is one, as a whole.
package enum Analyzer {
    /// Of a longer text only the beginning counts, in bytes of UTF-8.
    package static let maximumBytes = 4096
    /// Of more words in one text only the first count.
    package static let maximumWords = 1024

    package enum Purpose: Hashable, Sendable {
        case document
        case query
    }

    package static func analyze(_ text: String, for purpose: Purpose = .document) -> AnalyzedText {
        var text = text
        return text.withUTF8 { utf8 in
            let bytes = unsafe utf8[..<end(of: utf8)]
            if unsafe bytes.allSatisfy({ $0 < 0x80 }) { return unsafe analyzeASCII(bytes) }
            return unsafe analyzeUnicode(String(decoding: bytes, as: UTF8.self), purpose)
        }
    }

    /// What the rules for all of Unicode make of a text: for ASCII it is what `analyze` gives, only slower.
    static func analyzeByTheBook(_ text: String, for purpose: Purpose = .document) -> AnalyzedText {
        analyzeUnicode(text, purpose)
    }

    /// Where a text is cut: at most `maximumBytes`, before the character that goes beyond.
    private static func end(of utf8: UnsafeBufferPointer<UInt8>) -> Int {
        var end = min(utf8.count, maximumBytes)
        if end < utf8.count { while end > 0, unsafe utf8[end] & 0xc0 == 0x80 { end -= 1 } }
        return end
    }

    // MARK: ASCII

    /// What the characters of ASCII are to UAX 29, but for `_` and `:`, which part words here.
    private enum Class { case letter, digit, betweenBoth, betweenDigits, other }

    @inline(__always) private static func kind(_ byte: UInt8) -> Class {
        switch byte {
        case 0x61...0x7a, 0x41...0x5a: .letter
        case 0x30...0x39: .digit
        case UInt8(ascii: "'"), UInt8(ascii: "."): .betweenBoth
        case UInt8(ascii: ","), UInt8(ascii: ";"): .betweenDigits
        default: .other
        }
    }

    private static func analyzeASCII(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> AnalyzedText {
        var result = AnalyzedText()
        var word: [UInt8] = []
        var start = 0
        var last = Class.other
        for index in unsafe bytes.indices {
            let byte = unsafe bytes[index]
            let current = kind(byte)
            switch current {
            case .letter, .digit:
                if word.isEmpty { start = index }
                word.append(current == .letter ? byte | 0x20 : byte)
                last = current
                continue
            case .betweenBoth, .betweenDigits:
                // WB6, WB7, WB11, WB12: one such character stands inside a word of letters, or of digits.
                let next = unsafe index + 1 < bytes.endIndex ? kind(bytes[index + 1]) : .other
                if !word.isEmpty, next == last, last == .digit || (last == .letter && current == .betweenBoth) {
                    continue
                }
            case .other: break
            }
            flush(&word, start, index, &result)
            last = .other
        }
        unsafe flush(&word, start, bytes.endIndex, &result)
        if result.words.isEmpty { unsafe appendWhole(bytes, &result) }
        return result
    }

    private static func flush(_ word: inout [UInt8], _ start: Int, _ end: Int, _ result: inout AnalyzedText) {
        if !word.isEmpty, result.positions < maximumWords { result.append(Term.cut(word), .folded, start..<end) }
        word.removeAll(keepingCapacity: true)
    }

    /// A text without a word is one, without its white space.
    private static func appendWhole(_ bytes: some Collection<UInt8>, _ result: inout AnalyzedText) {
        let whole = bytes.filter { $0 > 0x20 && $0 != 0x7f }
        if whole.isEmpty { return }
        result.append(Term.cut(whole), .folded, 0..<bytes.count)
        result.isWhole = true
    }

    // MARK: Unicode

    private static func analyzeUnicode(_ text: String, _ purpose: Purpose) -> AnalyzedText {
        analyzeFolded(Array(UnicodeText.compatibilityFolded(text).utf8), purpose)
    }

    private static func analyzeFolded(_ folded: [UInt8], _ purpose: Purpose) -> AnalyzedText {
        var bytes = folded
        for index in bytes.indices where bytes[index] == UInt8(ascii: "_") || bytes[index] == UInt8(ascii: ":") {
            bytes[index] = UInt8(ascii: " ")
        }
        var result = AnalyzedText()
        var run = CharacterRun(purpose: purpose)
        var word = LetterRun()
        for segment in UnicodeText.wordSegments(bytes) {
            if result.positions >= maximumWords { return result }
            var offset = segment.lowerBound
            for scalar in String(decoding: bytes[segment], as: UTF8.self).unicodeScalars {
                let source = offset..<(offset + UTF8.width(scalar))
                offset = source.upperBound
                if scalar.isWrittenWithoutSpaces {
                    word.flush(into: &result)
                    run.characters.append((scalar, source))
                    if run.characters.count >= maximumWords { run.flush(into: &result) }
                    continue
                }
                run.flush(into: &result)
                if scalar.isPartOfWord { word.append(scalar, source) }
            }
            word.flush(into: &result)
        }
        run.flush(into: &result)
        if result.words.isEmpty { appendWhole(folded, &result) }
        return result
    }

    /// The words of a document's text, and where each is in it, in bytes of UTF-8.
    static func locate(_ text: String) -> [(term: [UInt8], kind: AnalyzedText.Kind, position: Int, place: Range<Int>)] {
        // Folding goes character by character, so that each byte of it has a place.
        var folded: [UInt8] = []
        var starts: [(folded: Int, source: Int)] = []
        var offset = 0
        for character in text {
            if offset + character.utf8.count > maximumBytes { break }
            starts.append((folded.count, offset))
            folded += UnicodeText.compatibilityFolded(String(character)).utf8
            offset += character.utf8.count
        }
        starts.append((folded.count, offset))
        let analyzed = analyzeFolded(folded, .document)
        return analyzed.words.map { word in
            // Words ascend, but those of characters overlap: each is looked up by itself.
            let first = starts.lastIndex(upTo: word.source.lowerBound)
            let last = starts.lastIndex(upTo: max(word.source.upperBound - 1, word.source.lowerBound))
            let end = min(last + 1, starts.count - 1)
            return (analyzed.term(word), word.kind, word.position, starts[first].source..<starts[end].source)
        }
    }
}

extension [(folded: Int, source: Int)] {
    /// The last element whose folded place is not behind `offset`; at least the first one.
    fileprivate func lastIndex(upTo offset: Int) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle].folded <= offset { low = middle + 1 } else { high = middle }
        }
        return Swift.max(low - 1, 0)
    }
}

/// The letters of one word.
private struct LetterRun {
    private var scalars = String.UnicodeScalarView()
    private var source = 0..<0

    mutating func append(_ scalar: Unicode.Scalar, _ place: Range<Int>) {
        source = (scalars.isEmpty ? place.lowerBound : source.lowerBound)..<place.upperBound
        scalars.append(scalar)
    }

    /// Adds the word, and with its accents if it has any.
    mutating func flush(into result: inout AnalyzedText) {
        defer { scalars.removeAll() }
        // Marks without a letter are no word.
        guard scalars.contains(where: { !$0.isMark }) else { return }
        let exact = Array(String(scalars).utf8)
        let folded = AccentFolding.folded(scalars)
        guard !folded.isEmpty else { return }
        result.append(Term.cut(folded), .folded, source)
        if folded != exact { result.append(Term.cut([Term.exactMark] + exact), .exact, source) }
    }
}

/// Characters of a script that sets no spaces, one behind the other.
private struct CharacterRun {
    let purpose: Analyzer.Purpose
    var characters: [(scalar: Unicode.Scalar, source: Range<Int>)] = []

    init(purpose: Analyzer.Purpose) { self.purpose = purpose }

    /// Adds each pair of neighbours, and in a document the last character, so that each can be found alone.
    mutating func flush(into result: inout AnalyzedText) {
        guard let last = characters.last else { return }
        func bytes(_ scalar: Unicode.Scalar) -> [UInt8] { Array(UTF8.encode(scalar) ?? .init()) }
        for (first, second) in zip(characters, characters.dropFirst()) {
            result.append(
                bytes(first.scalar) + bytes(second.scalar), .folded,
                first.source.lowerBound..<second.source.upperBound)
        }
        if purpose == .document || characters.count == 1 {
            result.append(bytes(last.scalar), .single, last.source)
        } else {
            result.skipPosition()
        }
        characters.removeAll(keepingCapacity: true)
    }
}
