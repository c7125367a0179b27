import MusicFSArguments
import Testing

func parse<T: ParsableCommand>(_ line: String, as type: T.Type = T.self) throws -> T {
    let command = try Jukebox.parseAsRoot(line.split(separator: " ").map(String.init))
    return try #require(command as? T)
}

struct ParsingTests {
    @Test func defaultsHoldWhenNothingIsWritten() throws {
        let play: Play = try parse("play a")
        #expect(play.first == "a")
        #expect(play.rest == [])
        #expect(play.volume == 5)
        #expect(play.from == [])
        #expect(play.skip == nil)
        #expect(!play.again && !play.mix && !play.output.json && !play.backwards)
        #expect(play.globals.config == nil)
        #expect(play.globals.logLevel == .info)
    }

    @Test(arguments: [
        "play a --volume 7", "play --volume 7 a", "play a --volume=7", "play a -v 7", "play a -v7", "play a -v=7",
        "play a -axv 7", "play a -axv7", "play a --volume 3 -v 7", "p a -v 7",
    ])
    func oneValueInEverySpelling(line: String) throws {
        let play: Play = try parse(line)
        #expect(play.first == "a")
        #expect(play.volume == 7)
        #expect(play.again == line.contains("-ax"))
        #expect(play.mix == line.contains("-ax"))
    }

    @Test(arguments: [
        "-c f --log-level debug play a", "play -c f --log-level debug a", "-c f play a --log-level=debug",
        "--log-level error play a -c f --log-level debug", "-c no play a -cf --log-level debug",
    ])
    func globalOptionsBeforeAndAfterTheSubcommand(line: String) throws {
        let play: Play = try parse(line)
        #expect(play.globals.config == "f")
        #expect(play.globals.logLevel == .debug)
    }

    @Test func globalOptionsReachASubcommandThatDoesNotUseThem() throws {
        _ = try parse("clean --log-level debug", as: Clean.self)
        let exit = #expect(throws: CommandExit.self) { try parse("clean --log-level loud", as: Clean.self) }
        #expect(exit?.code == .validationFailure)
        let empty = #expect(throws: CommandExit.self) {
            _ = try Jukebox.parseAsRoot(["--config=", "clean"])
        }
        #expect(empty?.text.contains("needs a name") == true)
    }

    @Test func repeatedOptionsAreGathered() throws {
        let play: Play = try parse("play --from x a -f y b -fz --from=--odd c")
        #expect(play.from == ["x", "y", "z", "--odd"])
        #expect(play.first == "a")
        #expect(play.rest == ["b", "c"])
    }

    @Test func terminatorMakesWordsOfOptions() throws {
        let play: Play = try parse("play -a -- --volume -- -h")
        #expect(play.again)
        #expect(play.first == "--volume")
        #expect(play.rest == ["--", "-h"])
    }

    @Test func dashAndNegativeNumbersAreWords() throws {
        let play: Play = try parse("play - -5 --skip -1.5")
        #expect(play.first == "-")
        #expect(play.rest == ["-5"])
        #expect(play.skip == -1.5)
    }

    @Test func defaultSubcommand() throws {
        #expect(try parse("records abba", as: Records.Find.self).query == "abba")
        #expect(try parse("records find list", as: Records.Find.self).query == "list")
        #expect(try parse("records -- list", as: Records.Find.self).query == "list")
        let find: Records.Find = try parse("-c f records --limit 9000000000 abba --offset=2")
        #expect(find.limit == 9_000_000_000)
        #expect(find.offset == 2)
        #expect(find.globals.config == "f")
        #expect(try parse("records list --kind 33 --json", as: Records.List.self).kind == .long)
    }

    @Test func hiddenPartsParse() throws {
        #expect(try parse("secret --open", as: Secret.self).open)
        #expect(try parse("play a --backwards", as: Play.self).backwards)
    }

    /// Whatever follows `--` comes back word for word, and no order of well-formed options changes the result.
    @Test func everyOrderOfOptionsMeansTheSame() throws {
        let parts = [["--volume", "9"], ["-a"], ["--from=d"], ["--json"], ["-c", "f"], ["word"]]
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let arguments = ["play"] + parts.shuffled(using: &generator).flatMap { $0 }
            let play = try #require(try Jukebox.parseAsRoot(arguments) as? Play)
            #expect(play.volume == 9 && play.again && play.from == ["d"] && play.output.json, "\(arguments)")
            #expect(play.globals.config == "f" && play.first == "word", "\(arguments)")
        }
    }

    /// No words, however odd, end otherwise than in a command or in an exit with code 0 or 64 and some text.
    @Test func anyWordsEndInACommandOrAMessage() {
        let words = [
            "", "-", "--", "---", "=", "--=", "-=", "--volume", "-v", "-v=", "--volume=", "-5", "-.", "-inf", "play",
            "p",
            "records", "list", "find", "help", "--help", "-ah", "-axh", "é", "-é", "--é=ö", "-c", "a", "--json=1",
            "\u{0}",
        ]
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<3000 {
            let arguments = (0..<Int.random(in: 0...6, using: &generator)).compactMap { _ in
                words.randomElement(using: &generator)
            }
            do throws(CommandExit) {
                _ = try Jukebox.parseAsRoot(arguments)
            } catch {
                #expect(error.text.hasSuffix("\n"), "\(arguments)")
                #expect(
                    error.code == (error.stream == .standardOutput ? .success : .validationFailure), "\(arguments)")
            }
        }
    }

    @Test func aCommandMadeByHandHasItsDefaults() {
        var play = Play()
        #expect(play.volume == 5)
        play.volume = 6
        play.first = "a"
        let copy = play
        play.volume = 7
        #expect(copy.volume == 6 && play.volume == 7 && copy.first == "a")
    }
}

struct DefinitionTests {
    @Test func theSampleIsSound() {
        #expect(Jukebox.definitionProblems() == [])
    }

    @Test func mistakesAreFound() {
        let problems = Twice.definitionProblems()
        let expected = [
            "twice: two options are named --same", "twice: -h is the name of the help option",
            "twice: 'nameless' has no name", "twice: <last> comes after <all>, which takes all words",
            "twice: <last> is required, but comes after the optional <all>", "twice: two subcommands are named play",
            "twice: two subcommands are named p", "twice: the default subcommand clean is none of the subcommands",
        ]
        #expect(Set(problems) == Set(expected))
    }

    @Test func aPropertyWithoutWrapperIsReported() {
        let exit = #expect(throws: CommandExit.self) { try Bare.parseAsRoot([]) }
        #expect(exit?.text.contains("plain") == true)
    }

    @Test func namesComeFromTypesAndProperties() throws {
        #expect(FetchURLNow.commandName == "fetch-url-now")
        let command = try #require(
            try FetchURLNow.parseAsRoot(["--cache-dir", "x", "-u", "--only2-of", "true"]) as? FetchURLNow)
        #expect(command.cacheDir == "x" && command.useIt && command.only2Of == true)
    }

    /// A parsed command is a plain value, which may go to another task.
    @Test func commandsAreSendable() async throws {
        let play: Play = try parse("play a -v 3")
        let volume = await Task.detached { play.volume }.value
        #expect(volume == 3)
    }
}

private struct Twice: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommands: [Play.self], groupedSubcommands: [CommandGroup(name: "g", subcommands: [Play.self])],
        defaultSubcommand: Clean.self)
    @Option(name: [.customLong("same"), .customShort("h")]) var one: String?
    @Option(name: .customLong("same")) var other: String?
    @Flag(name: []) var nameless = false
    @Argument var all: [String] = []
    @Argument() var last: String
}

private struct Bare: ParsableCommand {
    var plain = 1
}

private struct FetchURLNow: ParsableCommand {
    @Option() var cacheDir: String?
    @Flag(name: .short) var useIt = false
    @Option() var only2Of: Bool?
}
