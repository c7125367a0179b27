import MusicFSCore
import TestSupport
import Testing

@Suite struct FamilyTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test(arguments: [
        ("x.flac", 2, "x (2).flac"), ("README", 3, "README (3)"), ("a.b.mp3", 10, "a.b (10).mp3"),
        (".hidden", 2, ".hidden (2)"), ("x (2).flac", 2, "x (2) (2).flac"), ("x.", 2, "x. (2)"),
        ("Vol. 2", 2, "Vol. 2 (2)"), ("..", 2, ".. (2)"),
    ]) func numbers(name: String, number: Int, expected: String) {
        #expect(Names.numbered(bytes(name), number) == bytes(expected))
    }

    @Test(arguments: [
        ("x.flac", "x"), ("x (2).flac", "x"), ("x (2) (3).flac", "x"), ("x (1).flac", "x (1)"), ("x (0)", "x (0)"),
        ("x (02).flac", "x (02)"), ("x(2).flac", "x(2)"), ("(2).flac", "(2)"), (" (2).flac", " (2)"),
        ("x (2) .flac", "x (2) "), ("x ( 2)", "x ( 2)"), ("x ()", "x ()"), ("x (2", "x (2"), ("x (12345678901)", "x"),
        ("README", "README"), ("x.", "x."), ("", ""),
    ]) func families(name: String, expected: String) {
        #expect(Names.family(bytes(name)) == bytes(expected))
    }

    /// The ranges in which a tree looks for the members of a family.
    private func isFound(_ member: [UInt8], by family: [UInt8]) -> Bool {
        if family.count >= Names.familyLimit { return member.starts(with: family) }
        return member == family || member.starts(with: family + bytes(".")) || member.starts(with: family + bytes(" ("))
    }

    private func check(_ name: [UInt8], _ number: Int) {
        let numbered = Names.numbered(name, number)
        let family = Names.family(name)
        #expect((1...255).contains(numbered.count))
        #expect((1...Names.familyLimit).contains(family.count))
        #expect(Names.family(numbered) == family, "\(name), \(number)")
        #expect(numbered.suffix(Names.split(name).ext.count).elementsEqual(Names.split(name).ext))
        #expect(isFound(name, by: family), "\(name) is not found by \(family)")
        #expect(isFound(numbered, by: family), "\(numbered) is not found by \(family)")
        if String(validating: name, as: UTF8.self) != nil {
            #expect(String(validating: numbered, as: UTF8.self) != nil, "\(name) is cut in the middle of a character")
        }
    }

    private func name(ofLength length: Int, from pieces: [[UInt8]], _ random: inout SeededGenerator) -> [UInt8] {
        var name: [UInt8] = []
        while let piece = pieces.randomElement(using: &random), name.count + piece.count <= length { name += piece }
        return name.isEmpty ? [0x78] : name
    }

    /// A numbered name is found where its family is looked for, however long or broken the name is.
    @Test(arguments: 0..<10) func numberedNamesStayInTheirFamily(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let text = ["a", "é", "漢", " (2)", " (31)", " (1)", ".", " ", "(", ")", "2", "😀", "e\u{301}", ".mp3"].map(bytes)
        let raw = (1...255).map { [UInt8($0)] } + [bytes(" (2)"), bytes(" (3)"), [0xc3], [0x80], [0x80, 0x80]]
        let numbers = [bytes(" (2)"), bytes(" (3)"), bytes("é"), bytes("x")]
        for pieces in [text, raw, numbers, [bytes("漢")], [bytes("😀"), bytes("a")]] {
            for _ in 0..<400 {
                // Half of them near the lengths at which something is cut.
                let lengths =
                    Bool.random(using: &random) ? 1...255 : (Bool.random(using: &random) ? 175...190 : 210...255)
                var name = name(ofLength: Int.random(in: lengths, using: &random), from: pieces, &random)
                if Bool.random(using: &random) { name = Names.truncated(name + bytes(".flac")) }
                check(name, Int.random(in: 2...(Bool.random(using: &random) ? 20 : .max), using: &random))
            }
        }
    }

    /// Every length and every alignment of characters, with and without an extension.
    @Test func longNamesStayInTheirFamily() {
        for length in 1...255 {
            for character in ["x", "é", "漢", "😀", " (2)"] {
                for shift in ["", "y", "yy", "yyy"] {
                    for ending in ["", ".flac", ".abcdefghijklmnop", " (2)", "."] {
                        let room = length - shift.utf8.count - ending.utf8.count
                        guard room > 0 else { continue }
                        let body = String(repeating: character, count: room / character.utf8.count)
                        let name = bytes(shift + body + ending)
                        if !name.isEmpty { check(name, 12) }
                    }
                }
            }
        }
    }

    @Test func equalNamesAreNumberedInOrder() {
        let wanted = ["x.mp3", "x.mp3", "x (2).mp3", "x.mp3"].map(bytes)
        #expect(Names.assign(wanted: wanted, taken: []) == ["x.mp3", "x (3).mp3", "x (2).mp3", "x (4).mp3"].map(bytes))
        #expect(Names.assign(wanted: [bytes("x")], taken: [bytes("x")]) == [bytes("x (2)")])
        #expect(Names.assign(wanted: [], taken: [bytes("x")]).isEmpty)
        // A name that is put forward later keeps itself too, and one that is taken is nobody's.
        #expect(
            Names.assign(wanted: ["x", "x", "x (2)", "x (2)"].map(bytes), taken: [bytes("x (3)")])
                == ["x", "x (4)", "x (2)", "x (2) (2)"].map(bytes))
    }

    /// What must hold of an assignment: names differ, are free, and are wanted or numbered.
    @Test(arguments: 0..<10) func assignedNamesAreDistinctAndFree(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let long = String(repeating: "漢", count: Int.random(in: 60...80, using: &random))
            let names = [
                "x", "x.mp3", "x (2).mp3", "x (3).mp3", "x (2) (2).mp3", "x (2)", "x.ogg", long, long + "a.mp3",
                long + "b.mp3",
            ].map { Names.truncated(bytes($0)) }
            let wanted = (0..<Int.random(in: 0...30, using: &random)).map { _ in
                names.randomElement(using: &random) ?? []
            }
            let taken = Set(names.filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
            let given = Names.assign(wanted: wanted, taken: taken)
            #expect(given.count == wanted.count)
            #expect(Set(given).count == given.count)
            #expect(taken.isDisjoint(with: given))
            var seen = taken
            for (name, want) in zip(given, wanted) {
                if seen.insert(want).inserted {
                    #expect(name == want)
                } else {
                    #expect(!wanted.contains(name) && Names.family(name) == Names.family(want))
                }
            }
            #expect(Names.assign(wanted: wanted, taken: taken) == given)
        }
    }

    /// Were each name to try every number, these would be hundreds of millions of tries.
    @Test(.timeLimit(.minutes(5))) func aHundredThousandNamesTakeAsManyTries() {
        let equal = Names.assign(wanted: Array(repeating: bytes("Track.mp3"), count: 100_000), taken: [])
        #expect(Set(equal).count == 100_000)
        #expect(equal.last == bytes("Track (100000).mp3"))
        // Names that differ where they are cut, so that all their numbers are of one row.
        let long = String(repeating: "x", count: 230)
        let cut = (0..<20_000).flatMap { Array(repeating: bytes("\(long)\($0).mp3"), count: 2) }
        let given = Names.assign(wanted: cut, taken: [])
        #expect(Set(given).count == 40_000)
        #expect(given.last == bytes(String(repeating: "x", count: 180) + " (20001).mp3"))
    }
}
