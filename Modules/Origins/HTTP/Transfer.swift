import MusicFSCore

/// What one transfer receives. Touched by the thread alone that performs it.
@safe final class Transfer {
    private(set) var headers: [String: String] = [:]
    private(set) var body: [UInt8] = []
    private(set) var filled = 0
    private(set) var overflowed = false
    private let limit: Int
    private let buffer: UnsafeMutableRawBufferPointer?
    private let part: RangedRead?
    /// Why what came is not the part that was asked for.
    private(set) var problem: OriginError?

    init(limit: Int) {
        self.limit = limit
        unsafe buffer = nil
        part = nil
    }

    /// - Parameter part: what belongs in the buffer.
    init(buffer: UnsafeMutableRawBufferPointer, _ part: RangedRead) {
        limit = 1 << 20
        unsafe self.buffer = buffer
        self.part = part
    }

    func reset() {
        headers = [:]
        body = []
        filled = 0
        overflowed = false
        problem = nil
    }

    /// - Parameter status: of the response that these bytes belong to; an error's text does not go into the buffer.
    func take(_ bytes: UnsafeRawBufferPointer, status: Int) -> Bool {
        if let buffer = unsafe buffer, let part, status == 200 || status == 206 {
            if filled == 0 { problem = part.problem(HTTPResponse(status: status, headers: headers, body: [])) }
            if problem != nil { return false }
            guard filled + bytes.count <= buffer.count else {
                overflowed = true
                return false
            }
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<(filled + bytes.count)]).copyMemory(
                from: bytes)
            filled += bytes.count
            return true
        }
        guard body.count + bytes.count <= limit else {
            overflowed = true
            return false
        }
        unsafe body.append(contentsOf: bytes)
        return true
    }

    func takeHeader(_ line: String) {
        // A new response begins: after a redirect, or a question for a password.
        if line.hasPrefix("HTTP/") { reset() }
        guard let colon = line.firstIndex(of: ":"), headers.count < 200 else { return }
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        headers[line[..<colon].lowercased()] = String(value.prefix { $0 != "\r" && $0 != "\n" && $0 != "\r\n" })
    }
}
