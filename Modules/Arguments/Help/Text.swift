extension String {
    /// The parts between empty lines, each in one line.
    var paragraphs: [String] {
        var result: [[Substring]] = [[]]
        for line in split(separator: "\n", omittingEmptySubsequences: false) {
            if line.allSatisfy(\.isWhitespace) {
                result.append([])
            } else {
                result[result.count - 1].append(line)
            }
        }
        return result.filter { !$0.isEmpty }.map { $0.joined(separator: " ") }
    }

    /// Each letter replaced as `replacements` says.
    func escaping(_ replacements: [Character: String]) -> String {
        var result = ""
        for letter in self {
            if let replacement = replacements[letter] { result += replacement } else { result.append(letter) }
        }
        return result
    }
}

/// The words of `text` in lines of at most `columns` letters; a longer word has a line of its own.
func wrap(_ text: String, columns: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(whereSeparator: \.isWhitespace) {
        if line.isEmpty {
            line = String(word)
        } else if line.count + 1 + word.count <= columns {
            line += " \(word)"
        } else {
            lines.append(line)
            line = String(word)
        }
    }
    if !line.isEmpty { lines.append(line) }
    return lines
}
