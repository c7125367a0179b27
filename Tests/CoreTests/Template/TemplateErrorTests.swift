import MusicFSCore
import TestSupport
import Testing

@Suite struct TemplateErrorTests {
    private func failure(_ template: String) -> TemplateError? {
        do throws(TemplateError) {
            _ = try PathTemplate(parsing: template)
            return nil
        } catch { return error }
    }

    @Test(arguments: [
        ("", 1), ("$artst", 1), ("x $", 3), ("%nope{a}", 1), ("%upper", 1), ("%upper{a", 1), ("%if{a}", 1),
        ("a/%left{$title}", 3), ("${artist", 1), ("${art ist}", 1), ("50% off", 3), ("é\u{301}$x", 2),
        ("%left{$title,x}", 14), ("%right{$title,-1}", 15), ("%upper{%the{$x}}", 13), ("a\nb", 2), ("%the{a,b}", 1),
        ("%if{a,b,c,d}", 1), ("$\u{661}", 1), ("%%%", 3), ("$}$", 3), ("%IF{a,b}", 1),
    ]) func errorsNameTheColumn(template: String, column: Int) { #expect(failure(template)?.column == column) }

    @Test(arguments: [
        ("$albumartst", "$albumartist"), ("$Title", "$title"), ("%uper{x}", "%upper"), ("%iff{x,y}", "%if"),
        ("$track_totl", "$track_total"),
    ]) func errorsSuggestTheNearestName(template: String, suggestion: String) {
        #expect(failure(template)?.description.contains("did you mean \(suggestion)?") == true)
    }

    @Test func farNamesAreNotSuggested() {
        #expect(failure("$qqqqqqqqqq")?.message == "there is no variable $qqqqqqqqqq")
    }

    @Test func limits() {
        func nested(_ depth: Int) -> String {
            String(repeating: "%upper{", count: depth) + "x" + String(repeating: "}", count: depth)
        }
        #expect(failure(nested(32)) == nil)
        #expect(failure(nested(33))?.column == 32 * 7 + 1)
        #expect(failure(String(repeating: "%upper{", count: 500)) != nil)
        #expect(failure(String(repeating: "x", count: 4096)) == nil)
        #expect(failure(String(repeating: "é", count: 2049))?.column == 1)
    }

    /// A parser that traps would take the daemon down with a configuration file.
    @Test(arguments: 0..<5) func mutatedTemplatesEndInAnErrorWithAColumn(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let alphabet = Array("$%{},/ab _artistif()09\u{e9}\u{301}\u{1F1E9}\n\0")
        for _ in 0..<3000 {
            var text = Array(PathTemplate.standard.source + "%left{%the{$title},3}").flatMap(\.unicodeScalars)
            for _ in 0..<Int.random(in: 1...8, using: &random) where !text.isEmpty {
                let index = Int.random(in: 0..<text.count, using: &random)
                let scalar = alphabet.randomElement(using: &random)?.unicodeScalars.first ?? "$"
                switch Int.random(in: 0..<4, using: &random) {
                case 0: text.remove(at: index)
                case 1: text.insert(scalar, at: index)
                case 2: text.removeSubrange(index...)
                default: text[index] = scalar
                }
            }
            let template = String(String.UnicodeScalarView(text))
            if let error = failure(template) {
                #expect((1...(template.count + 1)).contains(error.column))
                #expect(!error.message.isEmpty)
            }
        }
    }
}
