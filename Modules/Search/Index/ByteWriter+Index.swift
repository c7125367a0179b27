import MusicFSCore

// Numbers as the index's files hold them: the least significant byte first.
extension ByteWriter {
    var count: Int { bytes.count }

    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }
    mutating func u8(_ value: UInt8) { bytes.append(value) }

    mutating func u32(_ value: UInt32) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func u64(_ value: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func append(_ more: some Collection<UInt8>) { bytes.append(contentsOf: more) }

    /// Values of `width` bits each, the first in the lowest bits, up to a whole byte.
    mutating func packed(_ values: some Sequence<UInt64>, width: Int) {
        if width == 0 { return }
        // At most 7 bits wait in `pending` when the next value comes, so that 57 more fit.
        var pending: UInt64 = 0
        var filled = 0
        for value in values {
            pending |= value << UInt64(filled)
            filled += width
            while filled >= 8 {
                bytes.append(UInt8(truncatingIfNeeded: pending))
                pending >>= 8
                filled -= 8
            }
        }
        if filled > 0 { bytes.append(UInt8(truncatingIfNeeded: pending)) }
    }

    /// How many bits the largest of the values takes.
    static func width(of largest: UInt64) -> Int { 64 - largest.leadingZeroBitCount }
}
