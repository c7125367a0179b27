/// Appends values to a byte string: integers as LEB128, strings and byte strings behind their length.
package struct ByteWriter: Sendable {
    package var bytes: [UInt8] = []

    package init(reserving capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    package mutating func write(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// Signed integers are zigzag encoded, so that small ones of either sign stay short.
    package mutating func write(_ value: Int64) { write(UInt64(bitPattern: (value << 1) ^ (value >> 63))) }

    package mutating func write(_ value: [UInt8]) {
        write(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    package mutating func write(_ value: String) {
        let utf8 = value.utf8
        write(UInt64(utf8.count))
        bytes.append(contentsOf: utf8)
    }

    package mutating func write<T>(_ value: T?, _ body: (inout ByteWriter, T) -> Void) {
        guard let value else { return bytes.append(0) }
        bytes.append(1)
        body(&self, value)
    }

    package mutating func write<T>(_ values: [T], _ body: (inout ByteWriter, T) -> Void) {
        write(UInt64(values.count))
        for value in values { body(&self, value) }
    }
}

/// A byte string that does not hold what its reader expects.
package struct ByteCodingError: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String { "truncated or malformed data" }
    package init() {}
}

/// Reads what `ByteWriter` wrote. Every length is checked against what is left; nothing traps.
package struct ByteReader: Sendable {
    private let bytes: [UInt8]
    private var position = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var isAtEnd: Bool { position == bytes.count }

    package mutating func readByte() throws(ByteCodingError) -> UInt8 {
        guard position < bytes.count else { throw ByteCodingError() }
        defer { position += 1 }
        return bytes[position]
    }

    package mutating func readUnsigned() throws(ByteCodingError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let byte = try readByte()
            if shift == 63, byte > 1 { throw ByteCodingError() }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw ByteCodingError()
    }

    package mutating func readSigned() throws(ByteCodingError) -> Int64 {
        let raw = try readUnsigned()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    package mutating func readInteger() throws(ByteCodingError) -> Int {
        guard let value = Int(exactly: try readSigned()) else { throw ByteCodingError() }
        return value
    }

    package mutating func readBytes() throws(ByteCodingError) -> [UInt8] { Array(try readSlice()) }

    package mutating func readString() throws(ByteCodingError) -> String {
        String(decoding: try readSlice(), as: UTF8.self)
    }

    package mutating func readOptional<T>(
        _ body: (inout ByteReader) throws(ByteCodingError) -> T
    ) throws(ByteCodingError) -> T? {
        switch try readByte() {
        case 0: return nil
        case 1: return try body(&self)
        default: throw ByteCodingError()
        }
    }

    package mutating func readArray<T>(
        _ body: (inout ByteReader) throws(ByteCodingError) -> T
    ) throws(ByteCodingError) -> [T] {
        let count = try readUnsigned()
        // Every element takes a byte at least: a count beyond what is left is a lie.
        guard count <= UInt64(bytes.count - position) else { throw ByteCodingError() }
        var result: [T] = []
        for _ in 0..<count { result.append(try body(&self)) }
        return result
    }

    private mutating func readSlice() throws(ByteCodingError) -> ArraySlice<UInt8> {
        let count = try readUnsigned()
        guard count <= UInt64(bytes.count - position) else { throw ByteCodingError() }
        let end = position + Int(count)
        defer { position = end }
        return bytes[position..<end]
    }
}
