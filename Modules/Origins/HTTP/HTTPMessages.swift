import MusicFSCore

/// One request.
struct HTTPRequest: Sendable {
    var method = "GET"
    /// Scheme, host, path and query, percent-encoded.
    var url: String
    /// `Name: value`.
    var headers: [String] = []
    /// The bytes that are wanted; nil for all.
    var range: Range<Int64>?
    /// What is sent with it.
    var body: [UInt8]?
    var authentication = Authentication.none
    /// Whether the host's last address will do while its name cannot be resolved.
    var allowsLastAddress = true

    enum Authentication: Sendable {
        case none
        /// Basic, or digest where the server offers it.
        case password(user: String, Secret)
        /// Amazon's Signature Version 4 for S3 in a region.
        case amazon(key: String, Secret, region: String)
    }
}

/// What came back. Names of headers are in lower case.
struct HTTPResponse: Sendable {
    var status: Int
    var headers: [String: String]
    /// Empty where the bytes went into a buffer.
    var body: [UInt8]

    /// `bytes FIRST-LAST/SIZE` (RFC 9110, section 14.4).
    var contentRange: (range: Range<Int64>, size: Int64?)? {
        guard let text = headers["content-range"], text.hasPrefix("bytes ") else { return nil }
        let parts = text.dropFirst(6).split(separator: "/", maxSplits: 1)
        let bounds = (parts.first ?? "").split(separator: "-", maxSplits: 1)
        guard bounds.count == 2, let first = Int64(bounds[0]), let last = Int64(bounds[1]), first >= 0, last >= first,
            last < .max
        else { return nil }
        return (first..<(last + 1), parts.count == 2 ? Int64(parts[1]) : nil)
    }

    /// Whether a status says that the server cannot do it for now.
    static func isBusy(_ status: Int) -> Bool { status == 408 || status == 429 || status >= 500 }

    var length: Int64? { headers["content-length"].flatMap { Int64($0) } }

    /// Nanoseconds since the epoch.
    var modified: Int64? { headers["last-modified"].flatMap(HTTPDate.nanoseconds) }

    /// The version's name. One that could not stand in a header again is none.
    var etag: [UInt8] { HTTPResponse.etag(headers["etag"]) }

    static func etag(_ text: String?) -> [UInt8] {
        let bytes = Array((text ?? "").utf8)
        return bytes.allSatisfy { $0 > 32 && $0 != 127 } ? bytes : []
    }

    /// Whether it is a page for people, which no server of ours sends: of a proxy or a captive portal.
    var isPage: Bool {
        let type = headers["content-type"]?.lowercased() ?? ""
        return type.hasPrefix("text/html") || type.hasPrefix("application/xhtml")
    }

    /// The XML document that the body should be.
    ///
    /// - Returns: nil where it is something else.
    /// - Throws: `.transient` where it breaks off.
    func document(_ name: String) throws(OriginError) -> XMLElement? {
        if let document = XMLElement.parse(body) { return document.name == name ? document : nil }
        let type = headers["content-type"]?.lowercased() ?? ""
        if !isPage, type.contains("xml") { throw OriginError(.transient, "the server's answer broke off") }
        return nil
    }
}
