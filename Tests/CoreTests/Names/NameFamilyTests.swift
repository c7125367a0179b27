import MusicFSCore
import TestSupport
import Testing

/// What the cache relies on when it asks its sorted table for the names that can get into each other's way.
@Suite struct NameFamilyTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// Names around the lengths at which something is cut, as text and as bytes that are no text.
    private func name(using random: inout SeededGenerator) -> [UInt8] {
        let pieces = ["a", "é", "漢", "😀", " (2)", " (37)", " (1)", " (02)", ".", " ", "(", ")", "e\u{301}", ".flac"]
        let length =
            [Int.random(in: 1...20, using: &random), Int.random(in: 165...255, using: &random)]
            .randomElement(using: &random) ?? 1
        let isText = Bool.random(using: &random)
        var name: [UInt8] = []
        while name.count < length {
            if isText || Int.random(in: 0..<8, using: &random) == 0 {
                name += bytes(pieces.randomElement(using: &random) ?? "a")
            } else {
                let byte = UInt8.random(in: 1...255, using: &random)
                name.append(byte == UInt8(ascii: "/") ? UInt8(ascii: "_") : byte)
            }
        }
        return Names.truncated(name)
    }

    /// The ranges that the cache asks for; see `LibraryWriter.members(of:)`.
    private func isFound(_ name: [UInt8], by family: [UInt8]) -> Bool {
        if family.count >= Names.familyLimit { return name.starts(with: family) }
        return name == family || name.starts(with: family + bytes(".")) || name.starts(with: family + bytes(" ("))
    }

    @Test(arguments: 0..<8) func everyMemberIsFoundByItsFamily(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<3000 {
            let name = name(using: &random)
            let family = Names.family(name)
            #expect((1...Names.familyLimit).contains(family.count))
            let number = [2, 10, 99_999, 1_000_000_000, .max].randomElement(using: &random) ?? 2
            let numbered = Names.numbered(name, number)
            #expect((1...255).contains(numbered.count))
            #expect(numbered != name)
            #expect(Names.family(numbered) == family, "\(name) numbered \(number)")
            #expect(isFound(name, by: family), "\(name) is not found by \(family)")
            #expect(isFound(numbered, by: family), "\(numbered) is not found by \(family)")
            #expect(Names.fileExtension(numbered) == Names.fileExtension(name))
            if String(validating: name, as: UTF8.self) != nil {
                #expect(String(validating: numbered, as: UTF8.self) != nil, "\(numbered) is no text any more")
            }
        }
    }

    @Test(arguments: 0..<8) func splitNamesAddUp(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let name = name(using: &random)
            let (stem, ext) = Names.split(name)
            #expect(Array(stem) + Array(ext) == name)
            #expect(!stem.isEmpty)
            #expect(ext.isEmpty || ext.first == UInt8(ascii: "."))
            #expect(Names.truncated(name) == name)
        }
    }

    /// Assigning is a function of the order alone and takes nothing that is wanted or taken.
    @Test(arguments: 0..<8) func assignedNamesAreFree(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let long = String(repeating: "漢", count: 83)
        let pool = ["x.mp3", "x (2).mp3", "x (3).mp3", "x.flac", "x", long + ".flac", long + "字.flac"].map(bytes)
        for _ in 0..<200 {
            let wanted = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                pool.randomElement(using: &random) ?? []
            }
            let taken = Set(pool.filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
            let names = Names.assign(wanted: wanted, taken: taken)
            #expect(names.count == wanted.count)
            #expect(Set(names).count == names.count)
            #expect(taken.isDisjoint(with: names))
            var seen: Set<[UInt8]> = []
            for (want, name) in zip(wanted, names) {
                if seen.insert(want).inserted, !taken.contains(want) {
                    #expect(name == want)
                } else {
                    #expect(!wanted.contains(name))
                    #expect(Names.family(name) == Names.family(want))
                }
            }
        }
    }

    /// Long names that differ only behind the cut share their numbers; each is tried once all the same.
    @Test(.timeLimit(.minutes(1))) func longNamesThatShareACutAreAssignedInLinearTime() {
        let wanted = (0..<10_000).map { bytes(String(repeating: "x", count: 245) + "\(10_000 + $0 / 2)") }
        let names = Names.assign(wanted: wanted, taken: [])
        #expect(Set(names).count == wanted.count)
    }

    @Test func whatIsAudioAndWhatIsNot() {
        let extensions = [
            "flac", "mp3", "ogg", "oga", "opus", "spx", "m4a", "m4b", "mp4", "aac", "wav", "aif", "aiff", "aifc", "wma",
            "asf", "wv", "ape", "mpc", "tta", "dsf", "dff",
        ]
        for ext in extensions {
            #expect(Names.isAudio(bytes("x.\(ext)")) && Names.isAudio(bytes("x.\(ext.uppercased())")))
        }
        for name in ["flac", ".flac", "x.jpg", "x.flac.txt", "x.", ""] {
            #expect(!Names.isAudio(bytes(name)), "\(name)")
        }
        #expect(Names.isAudio([0xff, 0xfe] + bytes(".mp3")))
        for name in [".x", "._x.flac", "Thumbs.db", "desktop.ini"] { #expect(Names.isIgnored(bytes(name)), "\(name)") }
        for name in ["x.flac", "thumbs.jpg", "a.db"] { #expect(!Names.isIgnored(bytes(name)), "\(name)") }
    }

    /// No length, not even none or one that no file system has, may trap.
    @Test func degenerateNames() {
        for name in ["", ".", "..", " (2)", "(2)", ")", " (", "x."].map(bytes) + [
            [0xff], Array(repeating: 0x80, count: 300),
        ] {
            #expect(Names.truncated(name).count <= 255)
            #expect(Names.numbered(name, 2).count <= 255)
            #expect(Names.family(name).count <= Names.familyLimit)
            #expect(!Names.isAudio(name))
        }
    }
}
