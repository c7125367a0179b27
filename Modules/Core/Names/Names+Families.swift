/// Equal names (D19): the first keeps its name, the others get ` (2)`, ` (3)` …
///
/// A *family* is what names have in common that can get into each other's way so: the stem without such numbers, at most
/// 180 bytes of it. With F for the family, every name of it is exactly F or begins with `F.` or `F (`; where F has 180
/// bytes, every name begins with F. So a sorted table is asked for a whole family by a few ranges.
extension Names {
    /// Bytes of a family. Short enough that a number and an extension fit behind it.
    package static let familyLimit = 180

    /// ` (n)` with the longest `Int`. Room is kept for that much, so that where a name is cut does not depend on n.
    private static let longestSuffix = 22

    /// What stands before and behind the number of a name. Different patterns never make the same name.
    private struct NumberPattern: Hashable {
        let base: [UInt8]
        let ext: ArraySlice<UInt8>

        init(_ name: [UInt8]) {
            let (stem, ext) = split(name)
            self.ext = ext
            if stem.count <= limit - longestSuffix - ext.count {
                base = Array(stem)
                return
            }
            let family = familyOf(stem: stem)
            // A family may end within a UTF-8 sequence, a name should not: it takes the rest of the sequence along. That
            // cannot end in a number, so the family stays what it is.
            let rest = stem[family.endIndex...].prefix(3).prefix { $0 & 0xc0 == 0x80 }
            base = Array(family.count == familyLimit ? stem[..<rest.endIndex] : family)
        }

        func name(_ number: Int) -> [UInt8] { base + Array(" (\(number))".utf8) + ext }
    }

    /// The name with a number behind its stem: `x.flac`, 2 → `x (2).flac`. It is of the same family and has at most 255
    /// bytes; a stem that is too long for that is cut to its family.
    ///
    /// - Parameters:
    ///   - name: 1 to 255 bytes, not necessarily UTF-8.
    ///   - number: at least 2.
    package static func numbered(_ name: [UInt8], _ number: Int) -> [UInt8] { NumberPattern(name).name(number) }

    /// The family that a name belongs to: 1 to 180 bytes that need not end where a UTF-8 sequence ends.
    package static func family(_ name: [UInt8]) -> [UInt8] { Array(familyOf(stem: split(name).stem)) }

    /// Cutting may bring to light numbers in the middle of a long stem, so they are taken away before and after it.
    private static func familyOf(stem: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        withoutNumbers(withoutNumbers(stem).prefix(familyLimit))
    }

    private static func withoutNumbers(_ stem: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = stem
        while let shorter = withoutNumber(rest) { rest = shorter }
        return rest
    }

    /// Without one ` (n)` at the end, n at least 2 and without leading zeros; nil where there is none, or nothing else.
    private static func withoutNumber(_ stem: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard stem.last == UInt8(ascii: ")"), let open = stem.lastIndex(of: UInt8(ascii: "(")),
            open > stem.startIndex + 1, stem[open - 1] == UInt8(ascii: " ")
        else { return nil }
        let digits = stem[(open + 1)..<(stem.endIndex - 1)]
        guard let first = digits.first, first != UInt8(ascii: "0"), digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            !digits.elementsEqual([UInt8(ascii: "1")])
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
        var reserved = taken
        for name in wanted { reserved.insert(name) }
        var free = reserved.subtracting(taken)
        // Counted by pattern, which different names have in common once they are cut: so each number is tried once.
        var next: [NumberPattern: Int] = [:]
        return wanted.map { name in
            if free.remove(name) != nil { return name }
            let pattern = NumberPattern(name)
            var number = next[pattern] ?? 2
            while reserved.contains(pattern.name(number)) { number += 1 }
            next[pattern] = number + 1
            return pattern.name(number)
        }
    }
}
