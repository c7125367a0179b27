import MusicFSCore
import Testing

@Suite struct LogFilterTests {
    @Test func levelsAreReadByModule() throws {
        let filter = try LogFilter(parsing: "warn, fuse=debug,s3=TRACE,fuse.session=error")
        #expect(filter.level(of: "sync") == .warning)
        #expect(filter.level(of: "fuse") == .debug)
        #expect(filter.level(of: "fuse.read") == .debug)
        #expect(filter.level(of: "fuse.session.init") == .error)
        #expect(filter.level(of: "fuseless") == .warning)
        #expect(filter.level(of: "s3") == .trace)
        #expect(try LogFilter(parsing: "s3=trace").level(of: "x") == .info)
    }

    @Test func whatIsWrittenIsReadBack() throws {
        let labels = ["fuse", "s3", "sync.watcher", "a-b", "A_1"]
        for _ in 0..<200 {
            var filter = LogFilter(Logger.Level.allCases.randomElement() ?? .info)
            for label in labels where Bool.random() { filter.modules[label] = Logger.Level.allCases.randomElement() }
            #expect(try LogFilter(parsing: filter.description) == filter)
        }
    }

    @Test(arguments: [
        "", "loud", "info,", "info,debug", "fuse=", "=debug", "fuse=debug,fuse=info", "a b=info", "a=b=info",
    ])
    func whatCannotBeReadIsRefusedByName(text: String) {
        let error = #expect(throws: LogFilterError.self) { try LogFilter(parsing: text) }
        #expect(error?.description.contains("\"\(text)\"") == true)
        #expect(error?.description.contains("fuse=debug") == true, "the remedy")
    }
}
