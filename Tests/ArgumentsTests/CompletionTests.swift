import Foundation
import Testing

/// The scripts asked by real shells, where they are installed.
struct CompletionTests {
    /// What is typed, word for word as the shell splits it, and what is offered for the last word.
    static let cases: [(words: [String], offers: [String])] = [
        (["jukebox", "pl"], ["play"]),
        (["jukebox", ""], ["play", "records", "clean", "help"]),
        (["jukebox", "help", "rec"], ["records"]),
        (["jukebox", "--lo"], ["--log-level"]),
        (["jukebox", "--log-level", ""], ["debug", "info", "error"]),
        (["jukebox", "--log-level", "debug", "cl"], ["clean"]),
        (["jukebox", "-c", "play", "rec"], ["records"]),
        (["jukebox", "play", "--again", "--vol"], ["--volume"]),
        (["jukebox", "play", "--back"], []),
        (["jukebox", "p", "--log-level", "e"], ["error"]),
        (["jukebox", "play", "--volume", ""], []),
        (["jukebox", "play", "o"], ["one.flac", "other"]),
        (["jukebox", "play", "--from", "o"], ["other"]),
        (["jukebox", "play", "a", "b", "on"], ["one.flac"]),
        (["jukebox", "play", "--", "on"], ["one.flac"]),
        (["jukebox", "clean", "o"], ["other"]),
        (["jukebox", "clean", "a", "o"], []),
        (["jukebox", "records", "l"], ["list"]),
        (["jukebox", "records", "--lim"], ["--limit"]),
        (["jukebox", "records", "list", "--kind", ""], ["45", "33"]),
    ]

    @Test func bashReadsIt() throws {
        let result = try run(["bash", "-n", snapshot("completions.bash").path])
        #expect(result.code == 0 && result.errors == "", "\(result.errors)")
    }

    @Test(
        arguments: cases + [
            (["jukebox", "--log-level", "="], ["debug", "info", "error"]),
            (["jukebox", "--log-level", "=", "de"], ["debug"]),
            (["jukebox", "--log-level", "=", "debug", "cl"], ["clean"]),
            (["jukebox", "--config", "=", "s"], ["settings.toml"]),
            (["jukebox", "records", "it"], ["it\\'s\\ \\$new"]),
            (["jukebox", "-c", "my\\ se"], ["my settings.toml"]),
        ])
    func bashOffers(words: [String], offers: [String]) throws {
        try withMusicFolder { folder in
            // What readline does by itself after the function, which works only while it completes.
            let script = """
                compopt() {
                    case "$2" in
                        default) fallback=-f ;;
                        dirnames) fallback=-d ;;
                    esac
                }
                fallback=""; source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _jukebox
                [[ $fallback && ${#COMPREPLY[@]} == 0 ]] && COMPREPLY=($(compgen "$fallback" -- "${!#}"))
                ((${#COMPREPLY[@]})) && printf '%s\\n' "${COMPREPLY[@]}"; true
                """
            let result = try run(
                ["bash", "-u", "-c", script, "bash", snapshot("completions.bash").path] + words, in: folder)
            #expect(result.errors == "")
            #expect(Set(result.output.split(separator: "\n").map(String.init)) == Set(offers))
        }
    }

    @Test(.enabled(if: hasProgram("zsh")))
    func zshReadsIt() throws {
        let result = try run(["zsh", "-n", snapshot("completions.zsh").path])
        #expect(result.code == 0 && result.errors == "", "\(result.errors)")
    }

    @Test(.enabled(if: hasProgram("fish")))
    func fishReadsIt() throws {
        let result = try run(["fish", "-n", snapshot("completions.fish").path])
        #expect(result.code == 0 && result.errors == "", "\(result.errors)")
    }

    @Test(
        .enabled(if: hasProgram("fish")),
        arguments: cases + [
            (["jukebox", "--log-level=de"], ["--log-level=debug"]),
            (["jukebox", "--config=setti"], ["--config=settings.toml"]),
            (["jukebox", "records", "it"], ["it's $new"]),
        ])
    func fishOffers(words: [String], offers: [String]) throws {
        try withMusicFolder { folder in
            let line = words.joined(separator: " ")
            let result = try run(
                ["fish", "-N", "-c", "source $argv[1]; complete -C $argv[2]", snapshot("completions.fish").path, line],
                in: folder)
            #expect(result.errors == "")
            // Each line has the word, a tab and the description; directories end in a slash.
            let words = result.output.split(separator: "\n").compactMap { line in
                line.split(separator: "\t").first.map { $0.hasSuffix("/") ? String($0.dropLast()) : String($0) }
            }
            #expect(Set(words) == Set(offers))
        }
    }

    private func withMusicFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("jukebox-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("other"), withIntermediateDirectories: true)
        for name in ["one.flac", "settings.toml", "setup.txt", "my settings.toml"] {
            try Data().write(to: folder.appendingPathComponent(name))
        }
        try body(folder)
    }
}
