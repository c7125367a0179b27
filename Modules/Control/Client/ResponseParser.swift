/// Takes a response of HTTP/1.1 apart as its bytes arrive (RFC 9112): strictly, since our own server is the only peer,
/// and in bounded memory, since what answers at a socket need not be our server.
package struct ResponseParser: Sendable {
    private enum Phase: Hashable, Sendable {
        case statusLine, headers
        case fixed(remaining: Int)
        case chunkSize
        case chunk(remaining: Int)
        case chunkEnd, trailers, untilClose, complete
    }

    /// Bytes of status line and headers, and again of trailers.
    package static let headLimit = 32 << 10
    /// Bytes of one chunk or one body as the length field may claim them.
    private static let lengthLimit = 1 << 40

    private var phase = Phase.statusLine
    private var line: [UInt8] = []
    private var headBytes = 0
    private var length: Int?
    private var isChunked = false
    package private(set) var status = 0
    package private(set) var contentType = ""

    package init() {}

    /// Whether status and headers are known.
    var isHeadComplete: Bool { phase != .statusLine && phase != .headers }
    package var isComplete: Bool { phase == .complete }

    /// Takes the next bytes and appends what belongs to the body to `body`.
    package mutating func consume(_ bytes: [UInt8], into body: inout [UInt8]) throws(ControlError) {
        var rest = bytes[...]
        while let next = rest.first {
            switch phase {
            case .fixed(let remaining):
                let taken = rest.prefix(remaining)
                body += taken
                rest = rest.dropFirst(taken.count)
                phase = taken.count == remaining ? .complete : .fixed(remaining: remaining - taken.count)
            case .chunk(let remaining):
                let taken = rest.prefix(remaining)
                body += taken
                rest = rest.dropFirst(taken.count)
                phase = taken.count == remaining ? .chunkEnd : .chunk(remaining: remaining - taken.count)
            case .untilClose:
                body += rest
                return
            case .complete:
                throw violation("bytes behind the end of the response")
            case .statusLine, .headers, .chunkSize, .chunkEnd, .trailers:
                rest = rest.dropFirst()
                try take(next)
            }
        }
    }

    /// The peer has closed.
    ///
    /// - Throws: `violation` when the response was not complete.
    package mutating func end() throws(ControlError) {
        if phase == .untilClose { phase = .complete }
        if phase != .complete { throw violation("the connection ended in the middle of the response") }
    }

    /// Takes a byte of a line, which must end with CR LF.
    private mutating func take(_ byte: UInt8) throws(ControlError) {
        headBytes += 1
        if headBytes > Self.headLimit { throw violation("a header of over \(Self.headLimit) bytes") }
        if byte != UInt8(ascii: "\n") {
            line.append(byte)
            return
        }
        guard line.popLast() == UInt8(ascii: "\r"), !line.contains(UInt8(ascii: "\r")), !line.contains(0) else {
            throw violation("a line that does not end with CR LF")
        }
        let text = String(decoding: line, as: UTF8.self)
        line = []
        switch phase {
        case .statusLine: try takeStatusLine(text)
        case .headers: try takeHeader(text)
        case .chunkSize: try takeChunkSize(text)
        case .chunkEnd:
            guard text.isEmpty else { throw violation("a chunk longer than it said") }
            headBytes = 0
            phase = .chunkSize
        case .trailers:
            if text.isEmpty { phase = .complete }
        case .fixed, .chunk, .untilClose, .complete: break
        }
    }

    private mutating func takeStatusLine(_ text: String) throws(ControlError) {
        let parts = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0] == "HTTP/1.1" || parts[0] == "HTTP/1.0", parts[1].utf8.count == 3,
            let number = decimal(parts[1]), (100...599).contains(number)
        else { throw violation("no status line of HTTP/1.1") }
        status = number
        phase = .headers
    }

    private mutating func takeHeader(_ text: String) throws(ControlError) {
        if text.isEmpty { return try endHead() }
        guard let colon = text.firstIndex(of: ":"), colon > text.startIndex else {
            throw violation("a malformed header")
        }
        let name = text[..<colon].lowercased()
        let value = String(text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" })
        switch name {
        case "content-length":
            guard let number = decimal(value), number <= Self.lengthLimit, length == nil || length == number else {
                throw violation("a Content-Length that is no number")
            }
            length = number
        case "transfer-encoding":
            guard value.lowercased() == "chunked", !isChunked else { throw violation("an unknown Transfer-Encoding") }
            isChunked = true
        case "content-type":
            contentType = value
        default: break
        }
    }

    private mutating func endHead() throws(ControlError) {
        if isChunked, length != nil { throw violation("both Content-Length and Transfer-Encoding") }
        switch status {
        case 101: throw violation("a switch of protocols")
        // Interim responses (RFC 9110, section 15.2): the real one follows.
        case 100..<200:
            length = nil
            isChunked = false
            phase = .statusLine
        case 204, 304: phase = .complete
        default:
            headBytes = 0
            if isChunked {
                phase = .chunkSize
            } else if let length {
                phase = length == 0 ? .complete : .fixed(remaining: length)
            } else {
                phase = .untilClose
            }
        }
    }

    private mutating func takeChunkSize(_ text: String) throws(ControlError) {
        // What follows a semicolon are extensions, to be ignored (RFC 9112, section 7.1.1).
        let digits = text.prefix { $0 != ";" }
        guard !digits.isEmpty, digits.utf8.count <= 15, digits.allSatisfy({ $0.isASCII && $0.isHexDigit }),
            let size = Int(digits, radix: 16), size <= Self.lengthLimit
        else { throw violation("a chunk without a size") }
        headBytes = 0
        phase = size == 0 ? .trailers : .chunk(remaining: size)
    }
}

/// A number of at most 15 digits, and nothing but digits.
private func decimal(_ text: some StringProtocol) -> Int? {
    guard !text.isEmpty, text.utf8.count <= 15, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    return Int(text)
}

func violation(_ what: String) -> ControlError {
    ControlError(
        .violation, "the answer on the control socket is not understood: \(what)",
        remedy: "check that the daemon is of this version and has not died (musicfs status)")
}
