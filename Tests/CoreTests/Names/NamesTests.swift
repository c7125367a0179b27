import MusicFSCore
import TestSupport
import Testing

@Suite struct NamesTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test(arguments: [
        ("x.flac", 2, "x (2).flac"), ("README", 3, "README (3)"), ("a.b.mp3", 10, "a.b (10).mp3"),
        (".hidden", 2, ".hidden (2)"), ("x (2).flac", 2, "x (2) (2).flac"),
    ]) func numbers(name: String, number: Int, expected: String) {
        #expect(Names.numbered(bytes(name), number) == bytes(expected))
    }

    @Test(arguments: [
        ("x.flac", "x"), ("x (2).flac", "x"), ("x (2) (3).flac", "x"), ("x (1).flac", "x (1)"),
        ("x (02).flac", "x (02)"), ("x(2).flac", "x(2)"), ("(2).flac", "(2)"), (" (2).flac", " (2)"),
        ("README", "README"),
    ]) func families(name: String, expected: String) {
        #expect(Names.family(bytes(name)) == bytes(expected))
    }

    @Test func audioAndIgnoredNames() {
        #expect(Names.isAudio(bytes("A.FLAC")) && Names.isAudio(bytes("x.dff")) && !Names.isAudio(bytes("flac")))
        #expect(Names.isIgnored(bytes("._x.mp3")) && Names.isIgnored(bytes(".x")) && !Names.isIgnored(bytes("x")))
    }

    /// A numbered name is found where its family is looked for, however long or broken the name is.
    @Test(arguments: 0..<10) func numberedNamesStayInTheirFamily(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let length = Int.random(in: 1...255, using: &random)
            let isText = Bool.random(using: &random)
            var name: [UInt8] = []
            while name.count < length {
                if isText {
                    let pieces = ["a", "é", "漢", " (2)", " (3)", ".", " ", "(", ")", "😀", "e\u{301}"]
                    name += Array((pieces.randomElement(using: &random) ?? "a").utf8)
                } else {
                    name.append(UInt8.random(in: 1...255, using: &random))
                }
            }
            name = Names.truncated(name.map { $0 == 0x2f ? 0x5f : $0 })
            let number = Int.random(in: 2...100_000, using: &random)
            let numbered = Names.numbered(name, number)
            let family = Names.family(name)
            #expect(numbered.count <= 255)
            #expect(Names.family(numbered) == family)
            for member in [name, numbered] {
                let isFound =
                    member == family || member.starts(with: family + bytes("."))
                    || member.starts(with: family + bytes(" ("))
                    || (family.count > Names.familyLimit - 4 && member.starts(with: family))
                #expect(isFound, "\(member) is not found by \(family)")
            }
        }
    }

    @Test func truncationKeepsTheExtensionAndWholeCharacters() {
        let name = String(repeating: "e\u{301}", count: 120) + ".flac"
        let cut = Names.truncated(bytes(name))
        #expect(cut.count <= 255)
        #expect(String(validating: cut, as: UTF8.self)?.hasSuffix("e\u{301}.flac") == true)
    }

    @Test func equalNamesAreNumberedInOrder() {
        let wanted = ["x.mp3", "x.mp3", "x (2).mp3", "x.mp3"].map(bytes)
        #expect(Names.assign(wanted: wanted, taken: []) == ["x.mp3", "x (3).mp3", "x (2).mp3", "x (4).mp3"].map(bytes))
        #expect(Names.assign(wanted: [bytes("x")], taken: [bytes("x")]) == [bytes("x (2)")])
    }

    @Test func aHundredThousandEqualNamesAreDistinct() {
        let names = Names.assign(wanted: Array(repeating: bytes("Track.mp3"), count: 100_000), taken: [])
        #expect(Set(names).count == 100_000)
        #expect(names.last == bytes("Track (100000).mp3"))
    }
}
