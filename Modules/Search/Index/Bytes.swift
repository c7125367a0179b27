/// A part of a mapped file. Reading outside of it gives zeroes: damaged numbers lead nowhere else.
///
/// It does not keep the file mapped: whoever holds one holds its `Segment`.
@safe struct Bytes: @unchecked Sendable {
    // The memory is mapped for reading alone, and nobody writes there.
    private let base: UnsafeRawPointer?
    let count: Int

    init(_ buffer: UnsafeRawBufferPointer) {
        unsafe base = buffer.baseAddress
        count = buffer.count
    }

    /// Reads an array, whose bytes stay where they are meanwhile.
    static func reading<R>(_ array: [UInt8], _ body: (Bytes) -> R) -> R {
        unsafe array.withUnsafeBytes { unsafe body(Bytes($0)) }
    }

    /// Up to `length` bytes from `offset`; fewer or none where there are no more.
    @inline(__always) func part(_ offset: Int, _ length: Int) -> Bytes {
        guard offset >= 0, length >= 0, offset <= count, length <= count &- offset else {
            return unsafe Bytes(UnsafeRawBufferPointer(start: nil, count: 0))
        }
        return unsafe Bytes(UnsafeRawBufferPointer(start: base.map { unsafe $0 + offset }, count: length))
    }

    @inline(__always) func u8(_ offset: Int) -> UInt8 {
        guard offset >= 0, offset < count, let base = unsafe base else { return 0 }
        return unsafe base.load(fromByteOffset: offset, as: UInt8.self)
    }

    @inline(__always) func u32(_ offset: Int) -> UInt32 {
        guard offset >= 0, offset <= count &- 4, let base = unsafe base else { return 0 }
        return unsafe UInt32(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    @inline(__always) func u64(_ offset: Int) -> UInt64 {
        guard offset >= 0, offset <= count &- 8, let base = unsafe base else { return 0 }
        return unsafe UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// LEB128 at `offset`, which moves behind it; at most ten bytes are read.
    @inline(__always) func variable(_ offset: inout Int) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64 {
            let byte = u8(offset)
            offset &+= 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return value
    }

    /// The value number `index` of packed ones; see `ByteWriter.packed`. `width` is at most 57.
    ///
    /// Eight bytes are read at once, so that the file has as many behind its last section.
    @inline(__always) func packed(_ index: Int, width: Int, at offset: Int = 0) -> UInt64 {
        let bit = index &* width
        return (u64(offset &+ bit >> 3) >> UInt64(bit & 7)) & ((1 << UInt64(width)) &- 1)
    }

    /// Adds up to `length` bytes from `offset` to an array.
    @inline(__always) func append(_ offset: Int, _ length: Int, to array: inout [UInt8]) {
        guard offset >= 0, length >= 0, offset <= count &- length, let base = unsafe base else { return }
        unsafe array.append(contentsOf: UnsafeRawBufferPointer(start: base + offset, count: length))
    }

    /// The memory, for measured loops, which check their bounds once.
    @unsafe @inline(__always) var pointer: UnsafeRawPointer? { unsafe base }
}
