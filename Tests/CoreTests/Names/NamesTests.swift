import MusicFSCore
import TestSupport
import Testing

@Suite struct NamesTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test(arguments: [
        ("x.flac", "x", ".flac"), ("a.b.mp3", "a.b", ".mp3"), ("README", "README", ""), (".flac", ".flac", ""),
        ("x.", "x.", ""), ("Vol. 2", "Vol. 2", ""), ("x.é", "x.é", ""), ("..a", ".", ".a"), ("", "", ""),
        ("x.abcdefghijklmnop", "x", ".abcdefghijklmnop"), ("x.abcdefghijklmnopq", "x.abcdefghijklmnopq", ""),
    ]) func split(name: String, stem: String, ext: String) {
        #expect(Names.split(bytes(name)).stem.elementsEqual(stem.utf8))
        #expect(Names.split(bytes(name)).ext.elementsEqual(ext.utf8))
    }

    @Test func everyListedExtensionIsAudioInAnyCase() {
        let extensions = "flac mp3 ogg oga opus spx m4a m4b mp4 aac wav aif aiff aifc wma asf wv ape mpc tta dsf dff"
        for ext in extensions.split(separator: " ") {
            #expect(Names.isAudio(bytes("x.\(ext)")) && Names.isAudio(bytes("X.Y.\(ext.uppercased())")))
            #expect(Names.fileExtension(bytes("x.\(ext.uppercased())")) == ext)
        }
        for name in ["flac", ".flac", "x.flac.txt", "x.jpg", "x.", ""] { #expect(!Names.isAudio(bytes(name))) }
        #expect(Names.isAudio([0xff, 0xfe] + bytes(".mp3")))
    }

    @Test func ignoredNames() {
        for name in ["._x.mp3", ".x", "..", "Thumbs.db"] { #expect(Names.isIgnored(bytes(name))) }
        for name in ["x", "x.", "_.mp3", "cover.jpg"] { #expect(!Names.isIgnored(bytes(name))) }
    }

    @Test(arguments: [
        ("plain text", "plain text"), ("", ""), ("/\\:*?\"<>|", "_________"), ("a\u{7f}b\u{9f}c\u{2028}", "a_b_c_"),
        ("\u{feff}\u{200f}א\u{2067}ב", "אב"), ("e\u{202a}\u{301}", "é"), ("A\u{30a}", "Å"),
        ("👩‍👩‍👧", "👩‍👩‍👧"), ("می‌خواهم", "می‌خواهم"),
    ]) func sanitises(text: String, expected: String) {
        #expect(Array(Names.sanitised(text).unicodeScalars) == Array(expected.unicodeScalars))
    }

    @Test func truncationKeepsTheExtensionAndWholeCharacters() {
        // 1 + 3 bytes a character: 250 bytes have room for 62 of them.
        let name = String(repeating: "e\u{327}\u{323}", count: 120) + ".flac"
        #expect(
            Names.truncated(bytes(name))
                == bytes(String(repeating: "e\u{327}\u{323}", count: 50) + ".flac"))
        let short = bytes(String(repeating: "x", count: 250) + ".flac")
        #expect(Names.truncated(short) == short)
    }

    @Test func truncationOfWhatHasNoExtensionOrNoCharacters() {
        #expect(Names.truncated(bytes(String(repeating: "漢", count: 100))).count == 255)
        #expect(Names.truncated([UInt8](repeating: 0xff, count: 300)).count == 255)
        let absurd = bytes("x." + String(repeating: "y", count: 300))
        #expect(Names.truncated(absurd) == Array(absurd.prefix(255)))
        let pile = "a" + String(repeating: "\u{301}", count: 300)
        let cut = Names.truncated(bytes(pile + ".mp3"))
        #expect(cut.count <= 255 && cut.suffix(4).elementsEqual(".mp3".utf8))
        #expect(String(validating: cut, as: UTF8.self) != nil)
    }

    @Test(arguments: 0..<5) func truncatedNamesAreValidPrefixes(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let pieces = ["a", "é", "漢", ".", " ", "😀", "🇩🇪", "e\u{301}", "👩‍👩‍👧", "\u{301}"]
        for _ in 0..<500 {
            let text = (0..<Int.random(in: 0...200, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? "a"
            }.joined()
            let name = bytes(text + ".ogg")
            let cut = Names.truncated(name)
            #expect(cut.count <= 255)
            #expect(Names.split(cut).ext == bytes(".ogg")[...] || cut == bytes(".ogg"))
            let stem = Names.split(cut).stem
            #expect(name.starts(with: stem))
            let characters = String(validating: stem, as: UTF8.self).map(Array.init)
            #expect(characters == Array(Array(text).prefix(characters?.count ?? 0)) || cut == bytes(".ogg"))
        }
    }
}
