/// Equal names (D19): the first keeps its name, the others get ` (2)`, ` (3)` …
///
/// A *family* is what names have in common that can get into each other's way so: the stem without such numbers.
/// With F for the family, all its names are exactly F, or begin with `F.` or with `F (`; and with F alone where F is as
/// long as it may be.
extension Names {
    /// Bytes of a family. Short enough that a number and an extension fit behind it.
    package static let familyLimit = 180

    /// The name with a number behind its stem: `x.flac`, 2 → `x (2).flac`.
    package static func numbered(_ name: [UInt8], _ number: Int) -> [UInt8] {
        let suffix = Array(" (\(number))".utf8)
        let (stem, ext) = split(name)
        // Where the stem has to be cut, it is cut to the family, so that it stays in it.
        let kept = stem.count <= limit - suffix.count - ext.count ? stem : familyOf(stem: stem)
        return Array(kept) + suffix + ext
    }

    package static func family(_ name: [UInt8]) -> [UInt8] { Array(familyOf(stem: split(name).stem)) }

    /// Without numbers at its end, and at most 180 bytes, which may bring to light another number.
    private static func familyOf(stem: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var family = stem
        while true {
            var short = family
            while let shorter = withoutNumber(short) { short = shorter }
            short = cutToFamily(short)
            if short.count == family.count { return family }
            family = short
        }
    }

    /// At most 180 bytes, and not in the middle of a UTF-8 sequence.
    private static func cutToFamily(_ stem: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        if stem.count <= familyLimit { return stem }
        var end = stem.startIndex + familyLimit
        var steps = 0
        while steps < 3, end > stem.startIndex, stem[end] & 0xc0 == 0x80 {
            end -= 1
            steps += 1
        }
        return stem[..<end]
    }

    /// Without one ` (n)` at the end, n at least 2 and without leading zeros; nil where there is none.
    private static func withoutNumber(_ stem: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard stem.last == UInt8(ascii: ")"), let open = stem.lastIndex(of: UInt8(ascii: "(")),
            open > stem.startIndex + 1, stem[open - 1] == UInt8(ascii: " ")
        else { return nil }
        let digits = stem[(open + 1)..<(stem.endIndex - 1)]
        guard let first = digits.first, digits.count <= 9, first != UInt8(ascii: "0"),
            digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), !digits.elementsEqual([UInt8(ascii: "1")])
        else { return nil }
        return stem[..<(open - 1)]
    }

    /// Gives each of the wanted names of one family a name of its own.
    ///
    /// - Parameters:
    ///   - wanted: in D19's order. The first of equal ones keeps its name, unless it is taken.
    ///   - taken: names that others have for good.
    /// - Returns: the names, in the same order. Cost: linear in the number of names, however many are equal.
    package static func assign(wanted: [[UInt8]], taken: Set<[UInt8]>) -> [[UInt8]] {
        let reserved = taken.union(wanted)
        var used = taken
        var next: [[UInt8]: Int] = [:]
        return wanted.map { name in
            if used.insert(name).inserted { return name }
            var number = next[name] ?? 2
            var candidate = numbered(name, number)
            while reserved.contains(candidate) || !used.insert(candidate).inserted {
                number += 1
                candidate = numbered(name, number)
            }
            next[name] = number + 1
            return candidate
        }
    }
}
