import MusicFSCore
package import MusicFSSystem

/// What a client of the TCP socket must know. It is never shown.
package struct BearerToken: Hashable, Sendable {
    /// Bytes that a token has at least, and at most.
    private static let lengths = 16...4096

    private let secret: Secret

    /// Takes a file's text, without white space at its end.
    ///
    /// - Throws: `configuration` when it cannot be read, others could read or change it, or its text is no token.
    package static func read(_ path: FilePath) throws(ControlError) -> BearerToken {
        let bytes: [UInt8]
        let status: FileStatus
        do throws(SystemError) {
            let file = try open(path, [.read, .nonBlocking])
            status = try FileStatus.of(file)
            bytes = status.kind == .regular ? try readFully(file.raw, at: 0, count: lengths.upperBound + 2) : []
        } catch { throw refusal("the token in \(path) cannot be read", remedy: remedy(path), cause: error) }
        guard status.kind == .regular else {
            throw refusal("\(path) is no regular file", remedy: "name a file with the token")
        }
        guard status.mode & 0o077 == 0, status.owner == ThisProcess.user || status.owner == 0 else {
            throw refusal(
                "others may read the token in \(path), or it is somebody else's", remedy: "run 'chmod 600 \(path)'")
        }
        guard let token = BearerToken(bytes) else {
            throw refusal(
                "\(path) holds no token of \(lengths.lowerBound) to \(lengths.upperBound) letters, digits and -._~+/=",
                remedy: remedy(path))
        }
        return token
    }

    /// - Returns: nil for what is too short or too long, or holds what a header cannot (b64token of RFC 6750).
    package init?(_ text: [UInt8]) {
        var text = text[...]
        while let last = text.last, last == 0x0a || last == 0x0d || last == 0x20 { text.removeLast() }
        guard Self.lengths.contains(text.count), text.allSatisfy(Self.isTokenByte) else { return nil }
        secret = Secret(String(decoding: text, as: UTF8.self))
    }

    /// Takes as long for one that differs in the first byte as for one that differs in the last.
    func matches(_ given: [UInt8]) -> Bool {
        let known = Array(secret.exposed.utf8)
        var difference: UInt8 = known.count == given.count ? 0 : 1
        for (index, byte) in known.enumerated() { difference |= byte ^ (index < given.count ? given[index] : 0) }
        return difference == 0
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="):
            true
        default: false
        }
    }

    private static func remedy(_ path: FilePath) -> String {
        "make one with 'umask 077; openssl rand -hex 32 > \(path)'"
    }

    private static func refusal(_ message: String, remedy: String, cause: SystemError? = nil) -> ControlError {
        ControlError(.configuration, "control.token_file: \(message)", remedy: remedy, cause: cause)
    }
}
