import MusicFSCore

/// What one transfer receives. Touched by the thread alone that performs it.
final class Transfer {
    private(set) var headers: [String: String] = [:]
    private(set) var body: [UInt8] = []
    private(set) var overflowed = false
    private let limit: Int
    private let buffers: ReadBuffers?
    private let part: RangedRead?
    /// Why what came is not the part that was asked for.
    private(set) var problem: OriginError?

    init(limit: Int) {
        self.limit = limit
        buffers = nil
        part = nil
    }

    /// - Parameter part: what belongs in the buffers.
    init(_ buffers: ReadBuffers, _ part: RangedRead) {
        limit = 1 << 20
        self.buffers = buffers
        self.part = part
    }

    func reset() {
        headers = [:]
        body = []
        overflowed = false
        problem = nil
    }

    /// - Parameter status: of the response that these bytes belong to; an error's text does not go into the buffers.
    func take(_ bytes: UnsafeRawBufferPointer, status: Int) -> Bool {
        if let buffers, let part, status == 200 || status == 206 {
            if buffers.filled == 0 { problem = part.problem(HTTPResponse(status: status, headers: headers, body: [])) }
            if problem != nil { return false }
            overflowed = unsafe !buffers.append(bytes)
            return !overflowed
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
        if line.hasPrefix("HTTP/") {
            reset()
            // What came of the one before is in use.
            if buffers?.filled ?? 0 > 0 { problem = OriginError(.transient, "the server began its answer anew") }
        }
        guard let colon = line.firstIndex(of: ":"), headers.count < 200 else { return }
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        headers[line[..<colon].lowercased()] = String(value.prefix { $0 != "\r" && $0 != "\n" && $0 != "\r\n" })
    }
}
