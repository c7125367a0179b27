/// What is done to every text before a handler sees it: `$HOME` becomes `~` (D27) and lengths are bounded.
struct LogSanitizer: Sendable {
    /// Bytes of UTF-8.
    static let messageLimit = 4096
    /// Bytes of UTF-8 of all keys and values of a message together.
    static let metadataLimit = 8192
    /// How deep arrays and dictionaries may be nested.
    static let depthLimit = 4

    /// Without a slash at its end; empty when there is nothing to replace.
    private let home: [UInt8]

    init(home: String?) {
        var bytes = Array((home ?? "").utf8)
        while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        self.home = bytes
    }

    func clean(message: String) -> String { clip(replacingHome(message), Self.messageLimit) }

    func clean(metadata: Logger.Metadata) -> Logger.Metadata {
        var budget = Self.metadataLimit
        return clean(metadata, &budget, depth: 0)
    }

    private func clean(_ metadata: Logger.Metadata, _ budget: inout Int, depth: Int) -> Logger.Metadata {
        var result: Logger.Metadata = [:]
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            if budget <= 0 { break }
            budget -= key.utf8.count
            result[clip(replacingHome(key), 64)] = clean(value, &budget, depth: depth)
        }
        return result
    }

    private func clean(_ value: Logger.MetadataValue, _ budget: inout Int, depth: Int) -> Logger.MetadataValue {
        switch value {
        case .string(let text): return .string(clean(text, &budget))
        case .stringConvertible(let convertible): return .string(clean(convertible.description, &budget))
        case .array, .dictionary: break
        }
        if depth == Self.depthLimit { return "…" }
        if case .dictionary(let metadata) = value { return .dictionary(clean(metadata, &budget, depth: depth + 1)) }
        guard case .array(let values) = value else { return value }
        var result: [Logger.MetadataValue] = []
        for value in values where budget > 0 {
            // Something is taken for each element, so that a long array of empty texts ends too.
            budget -= 1
            result.append(clean(value, &budget, depth: depth + 1))
        }
        return .array(result)
    }

    private func clean(_ text: String, _ budget: inout Int) -> String {
        let result = clip(replacingHome(text), max(budget, 0))
        budget -= result.utf8.count
        return result
    }

    /// Replaces the home directory where it stands as whole components: `/home/me2` is not the home of `me`.
    private func replacingHome(_ text: String) -> String {
        guard !home.isEmpty else { return text }
        let bytes = Array(text.utf8)
        guard bytes.count >= home.count else { return text }
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let end = index + home.count
            if end <= bytes.count, bytes[index] == home[0], bytes[index..<end].elementsEqual(home),
                index == 0 || !isNameByte(bytes[index - 1]), end == bytes.count || !continuesName(bytes[end...])
            {
                result.append(UInt8(ascii: "~"))
                index = end
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

/// Whether what follows a directory's name makes it another name. A dot does so only when a name goes on behind it:
/// at the end of a sentence it does not.
private func continuesName(_ rest: ArraySlice<UInt8>) -> Bool {
    guard let first = rest.first else { return false }
    if first != UInt8(ascii: ".") { return isNameByte(first) }
    return rest.dropFirst().first.map { isNameByte($0) || $0 == UInt8(ascii: ".") } ?? false
}

private func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), 0x80...:
        true
    default: false
    }
}

/// The beginning of `text`, at most `limit` bytes of UTF-8, cut between characters; what was cut shows as `…`.
private func clip(_ text: String, _ limit: Int) -> String {
    guard text.utf8.count > limit else { return text }
    var result = String.UnicodeScalarView()
    var size = 0
    for scalar in text.unicodeScalars {
        size += UTF8.width(scalar)
        if size > limit { break }
        result.append(scalar)
    }
    return String(result) + "…"
}
