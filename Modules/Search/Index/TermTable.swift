/// Numbers for terms in the order of their first use: a hash table with open addressing over one arena of bytes.
///
/// The hash is the standard library's, seeded anew in each process: tags cannot be made to collide.
struct TermTable {
    private var arena: [UInt8] = []
    private var ends: [Int] = []
    /// Numbers plus one; 0 is free. A power of two, at most half full.
    private var slots = [UInt32](repeating: 0, count: 1 << 12)

    var count: Int { ends.count }
    var byteCount: Int { arena.count + ends.count * 8 + slots.count * 4 }

    func term(_ number: Int) -> ArraySlice<UInt8> { arena[(number == 0 ? 0 : ends[number - 1])..<ends[number]] }

    mutating func number(of term: ArraySlice<UInt8>) -> UInt32 {
        var slot = hash(term) & (slots.count - 1)
        while slots[slot] != 0 {
            let known = slots[slot] - 1
            if self.term(Int(known)) == term { return known }
            slot = (slot + 1) & (slots.count - 1)
        }
        arena.append(contentsOf: term)
        ends.append(arena.count)
        slots[slot] = UInt32(ends.count)
        if ends.count * 2 > slots.count { grow() }
        return UInt32(ends.count - 1)
    }

    private func hash(_ term: ArraySlice<UInt8>) -> Int {
        var hasher = Hasher()
        unsafe term.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return hasher.finalize()
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for number in 0..<ends.count {
            var slot = hash(term(number)) & (slots.count - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = UInt32(number + 1)
        }
    }
}
