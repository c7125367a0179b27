import CLinux

/// A listening TCP socket of the loopback interface.
package struct LoopbackListener: ~Copyable, Sendable {
    package let fd: OwnedFD
    /// The one that was asked for, or the one that the kernel chose for 0.
    package let port: Int

    /// Binds and listens.
    ///
    /// - Parameter backlog: connections that wait to be accepted.
    /// - Throws: `addressInUse` when another listens there already, `access` for a port that takes a privilege,
    ///   `addressNotAvailable` where the interface has no such address.
    package static func bind(
        _ address: LoopbackAddress, backlog: CInt = 128
    ) throws(SystemError) -> LoopbackListener {
        var port: CInt = 0
        let socket = try checked("bind") {
            unsafe clinux_listen_tcp(address.host, "\(address.port)", backlog, &port)
        }
        return LoopbackListener(fd: OwnedFD(owning: socket), port: Int(port))
    }
}

/// An address that only programs of this machine can reach, with a port.
package struct LoopbackAddress: Hashable, Sendable, CustomStringConvertible {
    /// `127.0.0.1` or another of 127.0.0.0/8, or `::1`.
    package let host: String
    package let port: Int

    /// Reads `127.0.0.1:8437`, `[::1]:8437` or `localhost:8437`.
    ///
    /// - Returns: nil for other text, and for addresses that are not loopback.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Self.number(text[text.index(after: colon)...], 65_535),
            let host = Self.numeric(String(text[..<colon]))
        else { return nil }
        self.host = host
        self.port = port
    }

    /// Whether the text is the name or the address of the loopback interface as a URL or a Host header has it.
    package static func isLoopback(host: String) -> Bool { numeric(host.lowercased()) != nil }

    private static func numeric(_ host: String) -> String? {
        if host == "localhost" { return "127.0.0.1" }
        if host == "[::1]" { return "::1" }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "127", parts.allSatisfy({ number($0, 255) != nil }) else { return nil }
        return host
    }

    /// A number of digits alone, without leading zeros, which some read as octal.
    private static func number(_ text: Substring, _ limit: Int) -> Int? {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            text == "0" || text.first != "0", let value = Int(text), value <= limit
        else { return nil }
        return value
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension Errno {
    package static let addressNotAvailable = Errno(rawValue: EADDRNOTAVAIL)
}
