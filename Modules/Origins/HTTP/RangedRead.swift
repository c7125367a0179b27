import MusicFSCore

/// A part of one version of a file, and whether an answer is just that (RFC 9110, sections 13 to 15).
///
/// Proxies, portals and simple servers answer conditions and ranges as they like: only what proves to be the part of the
/// version is taken, and only what the origin itself says of a version makes it another one.
struct RangedRead {
    let range: Range<Int64>
    let stamp: FileStamp

    /// Whether the version's name can be a condition: a weak one cannot be used for ranges (RFC 9110, section 13.1.1).
    var condition: String? {
        stamp.etag.first == UInt8(ascii: "\"") ? "If-Match: \(String(decoding: stamp.etag, as: UTF8.self))" : nil
    }

    /// - Parameter head: of a response with 200 or 206.
    /// - Returns: nil where its body is what was asked for.
    func problem(_ head: HTTPResponse) -> OriginError? {
        // Some servers say 200 and mean 206.
        if let sent = head.contentRange {
            if sent.size ?? stamp.size != stamp.size {
                return OriginError(.changed, "the file has another size by now")
            }
            if isOther(head) { return OriginError(.changed, "the file is another version by now") }
            return sent.range == range ? nil : OriginError(.invalid, "the server sent another part than was asked for")
        }
        if head.status == 206 { return OriginError(.invalid, "the server does not say which part it sent") }
        let isNamed = stamp.etag.isEmpty ? head.modified != nil || stamp.modified == 0 : head.headers["etag"] != nil
        guard isNamed, !head.isPage else {
            return OriginError(.invalid, "what answered is not the server but something in between; check the network")
        }
        if isOther(head) { return OriginError(.changed, "the file is another version by now") }
        guard range == 0..<stamp.size, head.length ?? stamp.size == stamp.size else {
            return OriginError(.invalid, "the server cannot send parts of files, so that it cannot be used")
        }
        return nil
    }

    /// What 416 means.
    func unsatisfiable(_ response: HTTPResponse) -> OriginError {
        let size = response.headers["content-range"]?.split(separator: "/").last.flatMap { Int64($0) }
        if size == stamp.size { return OriginError(.invalid, "the server cannot send a part that the file has") }
        return OriginError(.changed, "the file is shorter by now")
    }

    private func isOther(_ head: HTTPResponse) -> Bool {
        if !stamp.etag.isEmpty, let etag = head.headers["etag"], Self.opaque(etag.utf8) != Self.opaque(stamp.etag) {
            return true
        }
        if condition != nil || stamp.modified == 0 { return false }
        // Such dates are whole seconds.
        return head.modified.map { $0 / 1_000_000_000 != stamp.modified / 1_000_000_000 } ?? false
    }

    /// A version's name without what only says how it may be compared.
    private static func opaque(_ etag: some Sequence<UInt8>) -> [UInt8] {
        let text = Array(etag)
        let bare = text.starts(with: "W/".utf8) ? text.dropFirst(2) : text[...]
        return bare.filter { $0 != UInt8(ascii: "\"") }
    }
}
