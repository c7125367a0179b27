/// The request methods that the control interface uses.
package enum HTTPMethod: String, Hashable, Sendable, CaseIterable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
}

/// One parameter behind the `?` of a request: bytes, since paths need not be UTF-8.
package struct QueryItem: Hashable, Sendable {
    package var name: String
    package var value: [UInt8]

    package init(_ name: String, bytes: [UInt8]) {
        self.name = name
        self.value = bytes
    }

    package init(_ name: String, _ text: String) { self.init(name, bytes: Array(text.utf8)) }
}

/// A path with its parameters as the request line carries them (RFC 3986, sections 2.3 and 3.4).
func requestTarget(_ path: String, _ query: [QueryItem]) -> String {
    if query.isEmpty { return path }
    return path + "?"
        + query.map { "\(percentEncoded(Array($0.name.utf8)))=\(percentEncoded($0.value))" }.joined(separator: "&")
}

private func percentEncoded(_ bytes: [UInt8]) -> String {
    var result = ""
    for byte in bytes {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"), UInt8(ascii: "/"):
            result.unicodeScalars.append(Unicode.Scalar(byte))
        default:
            let digits = String(byte, radix: 16, uppercase: true)
            result += digits.count == 1 ? "%0" + digits : "%" + digits
        }
    }
    return result
}
