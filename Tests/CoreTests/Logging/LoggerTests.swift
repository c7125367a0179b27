import Foundation
import MusicFSSystem
import Testing

@testable import MusicFSCore

@Suite struct LoggerTests {
    private let events = Collected<LogEvent>()

    private func system(_ filter: LogFilter = LogFilter(), home: String? = nil) -> LogSystem {
        LogSystem(handlers: [CollectingLogHandler(events: events)], filter: filter, home: home)
    }

    @Test func aMessageBelowTheLevelIsNotEvenBuilt() {
        let built = Counter()
        func build() -> String {
            built.increment()
            return "x"
        }
        let logger = system().logger("fuse")
        logger.debug("\(build())", metadata: ["a": "\(build())"])
        #expect(built.value == 0)
        Logger.disabled.critical("\(build())")
        #expect(events.values.isEmpty)
        logger.info("\(build())", metadata: ["a": "\(build())"])
        #expect(events.values.map(\.summaryForTests) == ["x a=x"])
    }

    @Test func theFilterChangesForLoggersThatExist() throws {
        let system = system()
        let fuse = system.logger("fuse")
        let sync = Logger(label: "sync", system: system)
        fuse.debug("1")
        system.filter = try LogFilter(parsing: "error,fuse=trace")
        fuse.trace("2")
        sync.warning("3")
        sync.error("4")
        #expect(events.values.map(\.message) == ["2", "4"])
        #expect(fuse.isEnabled(.trace) && !sync.isEnabled(.warning))
        #expect(system.filter.description == "error,fuse=trace")
    }

    @Test func everyLevelHasItsCall() {
        let logger = system(LogFilter(.trace)).logger("x")
        logger.trace("m")
        logger.debug("m")
        logger.info("m")
        logger.notice("m")
        logger.warning("m")
        logger.error("m")
        logger.critical("m")
        #expect(events.values.map(\.level) == Logger.Level.allCases)
    }

    @Test func metadataOfTheLoggerGoesAlongAndTheCallWins() {
        var logger = system().logger("x")
        logger[metadataKey: "request_id"] = "7"
        logger[metadataKey: "path"] = "old"
        logger.info("m", metadata: ["path": "new", "size": 3])
        #expect(events.values.map(\.summaryForTests) == ["m path=new request_id=7 size=3"])
    }

    @Test func homeIsATildeEverywhereAndOnlyWhereItIsHome() {
        let logger = system(home: "/home/me/").logger("x")
        logger.info(
            "cannot open /home/me/Music, /home/me or /home/me.",
            metadata: [
                "a": "/home/me", "b": "/home/me2/x", "c": "/data/home/me/x", "d": ["/home/me/1", ["k": "/home/me/2"]],
                "e": "/home/me-old", "f": "/home/me.bak", "g": .stringConvertible(FilePath("/home/me/x")),
                "h": "path=/home/me/a:/home/me/b", "i": "/home/méthode", "/home/me": "key",
            ])
        let event = events.values.first
        #expect(event?.message == "cannot open ~/Music, ~ or ~.")
        let texts = event?.metadata.mapValues(\.text)
        #expect(
            texts == [
                "a": "~", "b": "/home/me2/x", "c": "/data/home/me/x", "d": "[~/1, {k: ~/2}]", "e": "/home/me-old",
                "f": "/home/me.bak", "g": "~/x", "h": "path=~/a:~/b", "i": "/home/méthode", "~": "key",
            ])
    }

    @Test(arguments: [nil, "", "/"])
    func withoutAHomeNothingIsReplaced(home: String?) {
        system(home: home).logger("x").info("/a/b //")
        #expect(events.values.map(\.message) == ["/a/b //"])
    }

    @Test func aSecretIsNeverShown() {
        let secret = Secret("hunter2")
        struct Credentials: Sendable { let user = "me", password = Secret("hunter2") }
        system().logger("x").info("with \(secret)", metadata: ["a": .stringConvertible(secret), "b": "\(secret)"])
        var dumped = ""
        dump(secret, to: &dumped)
        dump(Credentials(), to: &dumped)
        let shown = events.values.map(\.summaryForTests) + [dumped, "\(Credentials())", String(reflecting: secret)]
        #expect(shown.first == "with *** a=*** b=***")
        #expect(!shown.joined().contains("hunter2"))
        #expect(secret.exposed == "hunter2")
    }

    @Test func lengthsAreBoundedOnCharacters() throws {
        let long = String(repeating: "é🎵", count: 100_000)
        var nested: Logger.MetadataValue = "deep"
        for _ in 0..<1000 { nested = [nested] }
        system().logger("x").info(
            "\(long)",
            metadata: [
                "a": nested, "b": "\(long)", "c": .array(Array(repeating: "", count: 100_000)), "d": "\(long)",
            ])
        let event = try #require(events.values.first)
        #expect(event.message.utf8.count <= 4096 + 3)
        #expect(event.message.hasSuffix("…"))
        #expect(!event.message.contains("\u{fffd}"))
        #expect(event.line(LogTextStyle()).utf8.count < 32768)
        #expect(event.json.utf8.count < 32768)
    }
}
