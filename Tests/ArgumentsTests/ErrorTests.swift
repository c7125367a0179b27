import MusicFSArguments
import Testing

struct ErrorTests {
    private func exit(_ line: String) throws -> CommandExit {
        let arguments = line.split(separator: " ").map(String.init)
        return try #require(#expect(throws: CommandExit.self) { _ = try Jukebox.parseAsRoot(arguments) })
    }

    @Test(arguments: [
        ("play a --volum 3", "Unknown option '--volum'. Did you mean '--volume'?"),
        ("play a -volume 3", "The value 'olume' is invalid for '--volume <volume>'"),
        ("play a -gain", "Unknown option '-g'. Did you mean '--again'?"),
        ("play a --colour", "Unknown option '--colour'"),
        ("--json play a", "The option '--json' belongs after a subcommand, as in 'jukebox play --json'"),
        ("play a --backward", "Unknown option '--backward'"),
        ("plya a", "Unknown command 'plya'. Did you mean 'play'?"),
        ("rec list", "Unknown command 'rec'. Did you mean 'records'?"),
        ("secre", "Unknown command 'secre'"),
        ("help paly", "Unknown command 'paly'. Did you mean 'play'?"),
        ("-- play", "Unexpected argument 'play'"),
        ("play", "Missing expected argument '<first>'"),
        ("records list", "Missing expected argument '--kind <kind>'"),
        ("records", "Missing expected argument '<query>'"),
        (
            "records list --kind 78",
            "The value '78' is invalid for '--kind <kind>'. Please provide one of '45' and '33'"
        ),
        ("play a --volume loud", "The value 'loud' is invalid for '--volume <volume>'"),
        ("play a --volume", "Missing value for '--volume <volume>'"),
        ("play a --volume --", "Missing value for '--volume <volume>'"),
        ("play a --from -a", "Missing value for '--from <dir>'. If '-a' is the value, write '--from=-a'"),
        ("play a --again=yes", "The option '--again' takes no value, but 'yes' was given"),
        ("play a -a=yes", "The option '-a' takes no value, but 'yes' was given"),
        ("clean a b", "Unexpected argument 'b'"),
        ("clean a b c", "2 unexpected arguments: 'b', 'c'"),
        ("play a --volume 12", "No jukebox goes above 11"),
        (
            "play a --log-level loud",
            "The value 'loud' is invalid for '--log-level <log-level>'. "
                + "Please provide one of 'debug', 'info' and 'error'"
        ),
    ])
    func wrongUsage(line: String, message: String) throws {
        let exit = try exit(line)
        #expect(exit.text.split(separator: "\n").first.map(String.init) == "Error: \(message)")
        #expect(exit.stream == .standardError)
        #expect(exit.code == .validationFailure)
        #expect(exit.code.rawValue == 64)
    }

    @Test func theWholeMessage() throws {
        #expect(
            try exit("play a --volume loud").text == """
                Error: The value 'loud' is invalid for '--volume <volume>'
                Help:  --volume <volume>  How loud, from 1 to 11. (default: 5)
                Usage: jukebox play [<options>] <first> [<rest> ...]
                  See 'jukebox play --help' for more information.

                """)
    }

    @Test(arguments: [
        ("--help", "OVERVIEW: Plays records."), ("-h", "OVERVIEW: Plays records."),
        ("help", "OVERVIEW: Plays records."),
        ("play -h", "OVERVIEW: Play files"), ("play -ah", "OVERVIEW: Play files"),
        ("help play", "OVERVIEW: Play files"),
        ("help p", "OVERVIEW: Play files"), ("play --nonsense --help", "OVERVIEW: Play files"),
        ("help records list", "OVERVIEW: List all"), ("records --help", "OVERVIEW: Look after"),
        ("--version", "jukebox 1.2"),
    ])
    func helpAndVersion(line: String, beginning: String) throws {
        let exit = try exit(line)
        #expect(exit.text.hasPrefix(beginning), "\(exit.text)")
        #expect(exit.stream == .standardOutput)
        #expect(exit.code == .success)
    }

    @Test func helpOfASubcommandByType() throws {
        #expect(Jukebox.helpMessage(for: Play.self) == (try exit("play --help").text))
        #expect(Jukebox.helpMessage() == (try exit("--help").text))
    }

    @Test(arguments: [
        ("play a", 0, nil, nil),
        ("play quiet", 7, nil, nil),
        ("play lost", 1, "Error: the record is lost\n", CommandExit.Stream.standardError),
        ("play done", 0, "That was all.\n", .standardOutput),
        (
            "play broken", 64,
            """
            Error: The record is broken
            Usage: jukebox play [<options>] <first> [<rest> ...]
              See 'jukebox play --help' for more information.

            """, .standardError
        ),
        ("", 0, Jukebox.helpMessage(), .standardOutput),
    ])
    func running(line: String, code: Int32, text: String?, stream: CommandExit.Stream?) {
        var written: [CommandExit] = []
        let result = Jukebox.execute(line.split(separator: " ").map(String.init)) { written.append($0) }
        #expect(result == ExitCode(code))
        #expect(written.map(\.text) == (text.map { [$0] } ?? []))
        #expect(written.map(\.stream) == (stream.map { [$0] } ?? []))
    }
}
