import Foundation
import MusicFSCore
import TestSupport
import Testing

/// Against Foundation, which has tables of its own.
@Suite struct UnicodeTextTests {
    /// Below U+10000: above it the two know different versions of Unicode.
    private static let scalars = (0..<0x10000).compactMap(Unicode.Scalar.init)

    private func same(_ left: String, _ right: String) -> Bool {
        left.unicodeScalars.elementsEqual(right.unicodeScalars)
    }

    @Test func everyScalarIsComposed() {
        for scalar in UnicodeTextTests.scalars {
            let text = String(scalar)
            let isSame = same(UnicodeText.composed(text), text.precomposedStringWithCanonicalMapping)
            if !isSame { Issue.record("U+\(String(scalar.value, radix: 16))") }
        }
    }

    /// Foundation leaves these as they are, against UAX 15 (Unicode 15.0, 3.12): hence no such letters below.
    @Test func trailingConsonantsCompose() {
        #expect(same(UnicodeText.composed("\u{ac54}\u{11c2}"), "\u{ac6f}"))
        #expect(same(UnicodeText.composed("\u{1112}\u{1161}\u{11ab}"), "\u{d55c}"))
    }

    @Test(arguments: 0..<5) func textsAreComposed(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let pool: [ClosedRange<UInt32>] = [
            0x20...0x7e, 0xa0...0x2ff, 0x300...0x36f, 0x370...0x52f, 0x5b0...0x5ff, 0x900...0x97f, 0x1100...0x11a7,
            0x1e00...0x1fff, 0x2000...0x2070, 0x3040...0x30ff, 0x4e00...0x4eff, 0xac00...0xadff,
        ]
        for _ in 0..<2000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                guard let range = pool.randomElement(using: &random),
                    let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random))
                else { continue }
                text.append(scalar)
            }
            let composed = UnicodeText.composed(String(text))
            let expected = String(text).precomposedStringWithCanonicalMapping
            if !same(composed, expected) { Issue.record("\(text.map { String($0.value, radix: 16) })") }
            #expect(same(UnicodeText.composed(composed), composed))
        }
    }

    @Test(arguments: [
        ("Motörhead ß ǆ", "MOTÖRHEAD SS Ǆ", "motörhead ß ǆ"), ("ΟΔΥΣΣΕΥΣ", "ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
        ("plain Text 1", "PLAIN TEXT 1", "plain text 1"), ("", "", ""), ("日本 ﬁ", "日本 FI", "日本 ﬁ"),
    ]) func cases(text: String, upper: String, lower: String) {
        #expect(UnicodeText.uppercased(text) == upper)
        #expect(UnicodeText.lowercased(text) == lower)
    }

    @Test(arguments: [
        ("the dark SIDE of the moon", "The Dark Side Of The Moon"), ("it's (LIVE)", "It's (Live)"),
        ("  two  spaces ", "  Two  Spaces "), ("20th rock-n-roll", "20th Rock-n-roll"), ("élan ǆ ΟΔΟΣ", "Élan ǅ Οδος"),
        ("a\0b", "A\0B"), ("- & -", "- & -"), ("", ""), ("日本", "日本"),
    ]) func titles(text: String, expected: String) { #expect(UnicodeText.titlecased(text) == expected) }

    @Test(arguments: [
        ("Motörhead", "Motorhead"), ("Sigur Rós – Ágætis byrjun", "Sigur Ros - Agaetis byrjun"),
        ("Łódź Straße Đorđe þú ısı", "Lodz Strasse Dorde thu isi"), ("“Don’t…”", "\"Don't...\""),
        ("½ ﬁ № ２", "1/2 fi No 2"),
        ("日本", "??"), ("👩‍👩‍👧", "???"), ("plain", "plain"), ("ẞ e\u{301}", "SS e"),
    ]) func ascii(text: String, expected: String) { #expect(UnicodeText.asciified(text) == expected) }
}
