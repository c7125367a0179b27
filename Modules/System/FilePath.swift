import CLinux

/// A path as the kernel sees it: bytes without NUL, not necessarily UTF-8.
///
/// Nothing is normalised. Components are joined by exactly one slash.
package struct FilePath: Hashable, Sendable {
    package private(set) var bytes: [UInt8]

    /// - Returns: nil if `bytes` holds a NUL.
    package init?(bytes: some Sequence<UInt8>) {
        let array = Array(bytes)
        if array.contains(0) { return nil }
        self.bytes = array
    }

    /// A path from text; what follows a NUL is cut, as the kernel would.
    package init(_ text: String) {
        bytes = Array(text.utf8.prefix { $0 != 0 })
    }

    package var isAbsolute: Bool { bytes.first == UInt8(ascii: "/") }
    package var isEmpty: Bool { bytes.isEmpty }

    /// The path with `component` (which may itself hold slashes) below it.
    package func appending(_ component: some Collection<UInt8>) -> FilePath {
        var result = self
        if let last = bytes.last, last != UInt8(ascii: "/") { result.bytes.append(UInt8(ascii: "/")) }
        result.bytes.append(contentsOf: component.prefix { $0 != 0 })
        return result
    }

    package func appending(_ component: String) -> FilePath { appending(Array(component.utf8)) }

    /// The path with more at the end of its last name.
    package func suffixed(_ suffix: String) -> FilePath {
        var result = self
        result.bytes.append(contentsOf: suffix.utf8.prefix { $0 != 0 })
        return result
    }

    /// The bytes behind the last slash; empty for "/".
    package var lastComponent: ArraySlice<UInt8> {
        var end = bytes.endIndex
        while end > bytes.startIndex, bytes[end - 1] == UInt8(ascii: "/") { end -= 1 }
        let trimmed = bytes[..<end]
        guard let slash = trimmed.lastIndex(of: UInt8(ascii: "/")) else { return trimmed }
        return trimmed[(slash + 1)...]
    }

    /// The path without its last component; "/" for a path directly below the root, "." for a bare name.
    package var parent: FilePath {
        var end = bytes.endIndex
        while end > 1, bytes[end - 1] == UInt8(ascii: "/") { end -= 1 }
        guard let slash = bytes[..<end].lastIndex(of: UInt8(ascii: "/")) else { return FilePath(".") }
        var cut = slash
        while cut > 1, bytes[cut - 1] == UInt8(ascii: "/") { cut -= 1 }
        return FilePath(unchecked: Array(bytes[..<max(cut, 1)]))
    }

    package var components: [ArraySlice<UInt8>] { bytes.split(separator: UInt8(ascii: "/")) }

    /// Whether this is `other` or lies below it, by whole components.
    package func isWithin(_ other: FilePath) -> Bool {
        guard isAbsolute == other.isAbsolute else { return false }
        return components.starts(with: other.components)
    }

    private init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// Lends the path as a C string for the length of the call.
    package func withCString<R, E: Error>(_ body: (UnsafePointer<CChar>) throws(E) -> R) throws(E) -> R {
        try unsafe withCStringOfBytes(bytes, body)
    }

    /// The path with symbolic links, `.` and `..` resolved; the file must exist.
    package func resolved() throws(SystemError) -> FilePath {
        let pointer = unsafe withCString { unsafe realpath($0, nil) }
        guard let pointer = unsafe pointer else { throw SystemError("realpath", self, .current) }
        defer { unsafe free(pointer) }
        return FilePath(unchecked: unsafe Array(UnsafeRawBufferPointer(start: pointer, count: strlen(pointer))))
    }

    /// The path made absolute with the current directory, lexically: `.` and empty components go, `..` stays.
    package func absolute() throws(SystemError) -> FilePath {
        if isAbsolute { return self }
        let here = try FilePath(".").resolved()
        return components.filter { $0 != [UInt8(ascii: ".")] }.reduce(here) { $0.appending($1) }
    }
}

/// Lends `bytes` with a NUL behind them; `bytes` must not hold one.
@inlinable package func withCStringOfBytes<R, E: Error>(
    _ bytes: [UInt8], _ body: (UnsafePointer<CChar>) throws(E) -> R
) throws(E) -> R {
    var terminated = ContiguousArray<CChar>()
    terminated.reserveCapacity(bytes.count + 1)
    for byte in bytes { terminated.append(CChar(bitPattern: byte)) }
    terminated.append(0)
    // A do-catch through Result keeps the typed throw, which withUnsafeBufferPointer would erase.
    let result: Result<R, E> = unsafe terminated.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { fatalError("a terminated array has an address") }
        do throws(E) { return .success(try unsafe body(base)) } catch { return .failure(error) }
    }
    return try result.get()
}

extension FilePath: CustomStringConvertible {
    /// The path as text; bytes that are not UTF-8 become U+FFFD.
    package var description: String { String(decoding: bytes, as: UTF8.self) }
}

extension FilePath: ExpressibleByStringLiteral {
    package init(stringLiteral value: String) { self.init(value) }
}
