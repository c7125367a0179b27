import MusicFSCore
import TestSupport
import Testing

@Suite struct TemplatePropertyTests {
    private static let scalars: [Unicode.Scalar] = [
        "a", "B", "/", ".", " ", "\u{0}", "\u{1}", "\n", "\u{7f}", "\u{85}", "é", "e", "\u{301}", "\u{323}", "ש",
        "\u{202e}",
        "\u{2066}", "\u{200f}", "漢", "😀", "\u{1F1E9}", "\u{200d}", "\\", "\u{2028}", "\u{2029}", "$", "%", "{", "}",
        ",", ";",
        "\u{ff0f}", "\u{ff0e}", "ß", "İ", "ﬁ", "\u{fdfa}", "½", "\u{3000}", "0", "\u{1100}", "\u{1161}", "\u{feff}",
    ]

    private func text(_ random: inout SeededGenerator) -> String {
        let length = [0, 1, 3, 40, 400].randomElement(using: &random) ?? 1
        let pool = Bool.random(using: &random) ? Self.scalars[...] : Self.scalars.shuffled(using: &random).prefix(3)
        var text = String.UnicodeScalarView()
        for _ in 0..<length { text.append(pool.randomElement(using: &random) ?? "a") }
        return String(text)
    }

    private func tags(_ random: inout SeededGenerator) -> Tags {
        Tags(
            entries: TagField.allCases.filter { _ in Bool.random(using: &random) }.map { Tags.Entry($0, text(&random)) }
        )
    }

    private func template(_ random: inout SeededGenerator, depth: Int = 0, slash: String = "/") -> String {
        let variables =
            TagField.allCases.map(\.rawValue) + ["albumartist", "multidisc", "year", "format", "format_upper"]
        func part() -> String { template(&random, depth: depth + 1, slash: slash) }
        return (0..<Int.random(in: 1...4, using: &random)).map { _ in
            switch Int.random(in: 0..<(depth > 3 ? 5 : 14), using: &random) {
            case 0, 1, 2: "${\(variables.randomElement(using: &random) ?? "title")}"
            case 3: slash
            case 4:
                ["é", "\u{301}", ".", "..", " ", "x", "$,", "$$", "%%", "\u{85}", ":", "["].randomElement(
                    using: &random) ?? "x"
            case 5: "%if{\(part()),\(part()),\(part())}"
            case 6: "%if{\(part()),\(part())}"
            case 7: "%upper{\(part())}"
            case 8: "%lower{\(part())}"
            case 9: "%title{\(part())}"
            case 10: "%left{\(part()),\(Int.random(in: 0...300, using: &random))}"
            case 11: "%right{\(part()),\(Int.random(in: 0...300, using: &random))}"
            case 12: "%first{\(part())}"
            default: Bool.random(using: &random) ? "%asciify{\(part())}" : "%the{\(part())}"
            }
        }.joined()
    }

    /// What is wrong with a component, if anything.
    private func fault(_ component: String) -> String? {
        if !(1...255).contains(component.utf8.count) { return "length" }
        if component.utf8.first == UInt8(ascii: ".") { return "hidden" }
        for scalar in component.unicodeScalars {
            switch scalar.value {
            case 0..<0x20, 0x7f..<0xa0, 0x2f, 0x2028, 0x2029: return "control"
            case 0x202a...0x202e, 0x2066...0x2069: return "direction"
            default: continue
            }
        }
        let ends = [component.unicodeScalars.first, component.unicodeScalars.last]
        if ends.contains(where: { $0?.properties.isWhitespace == true }) { return "white space" }
        let composed = UnicodeText.composed(component)
        return composed.unicodeScalars.elementsEqual(component.unicodeScalars) ? nil : "not composed"
    }

    /// Whatever the tags and the template, every component can be a name, and the file keeps its extension.
    @Test(arguments: 0..<20) func componentsAreAlwaysSafe(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let source = template(&random)
            guard source.utf8.count <= 4096 else { continue }
            let parsed = try PathTemplate(parsing: source)
            for _ in 0..<3 {
                let input = TemplateInput(
                    tags: tags(&random), multidisc: Bool.random(using: &random), fileName: text(&random),
                    format: "flac")
                let components = parsed.path(for: input)
                for component in components {
                    if let fault = fault(component) {
                        Issue.record("\(fault): \(component.debugDescription) of \(source.debugDescription)")
                    }
                }
                let ext = components.last.map { Names.fileExtension(Array($0.utf8)) }
                #expect(ext == "flac", "\(components) of \(source)")
                #expect(components == parsed.path(for: input))
            }
        }
    }

    /// Only the template makes components: tags decide which text of it is used, and nothing more.
    @Test(arguments: 0..<10) func valuesMakeNoComponents(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let flat = template(&random, slash: "-")
            guard flat.utf8.count <= 4000 else { continue }
            let input = TemplateInput(tags: tags(&random), multidisc: true, fileName: text(&random), format: "mp3")
            #expect(try PathTemplate(parsing: flat).path(for: input).count == 1)
            #expect(try PathTemplate(parsing: "$artist/%asciify{$album/$genre}/$title").path(for: input).count == 4)
        }
    }
}
