import Foundation
import MusicFSSystem
import Synchronization
import Testing

@testable import MusicFSCore

@Suite struct LogHandlerTests {
    private let directory = FilePath(NSTemporaryDirectory()).appending("musicfs-log-\(UUID().uuidString)")
    private let warnings = Collected<LogEvent>()
    private static let day: Int64 = 86_400_000_000_000

    private func fileHandler(retention: Int = 30, clock: any MonotonicClock = TestClock()) -> FileLogHandler {
        FileLogHandler(
            directory: directory, retention: retention, format: .text(LogTextStyle()),
            fallback: CollectingLogHandler(events: warnings), clock: clock)
    }

    private func event(_ message: String, day: Int64 = 20_000, level: Logger.Level = .info) -> LogEvent {
        LogEvent(time: day * Self.day, level: level, label: "x", message: message)
    }

    private func names() throws -> [String] {
        let fd = try open(directory, [.read, .directory])
        return try listDirectory(fd.raw).map { String(decoding: $0.name, as: UTF8.self) }.sorted()
    }

    @Test func eachDayHasItsFileAndTheOldestGo() throws {
        let handler = fileHandler(retention: 3)
        try createDirectories(directory)
        for foreign in ["musicfs.log", "musicfs.log.2001-01-01.gz", "musicfs.log.old-notes", "a"] {
            try writeFileAtomically(directory.appending(foreign), [])
        }
        for day in Int64(20_000)..<20_005 {
            handler.log(event: event("first", day: day))
            handler.log(event: event("second", day: day))
        }
        #expect(
            try names() == [
                "a", "musicfs.log", "musicfs.log.2001-01-01.gz", "musicfs.log.2024-10-06", "musicfs.log.2024-10-07",
                "musicfs.log.2024-10-08", "musicfs.log.old-notes",
            ])
        let text = try String(decoding: readFile(directory.appending("musicfs.log.2024-10-08")), as: UTF8.self)
        #expect(
            text == """
                2024-10-08T00:00:00.000Z info     x: first
                2024-10-08T00:00:00.000Z info     x: second

                """)
        #expect(warnings.values.isEmpty)
    }

    @Test func aFileIsContinuedAfterARestart() throws {
        fileHandler().log(event: event("one"))
        fileHandler().log(event: event("two"))
        let lines = try readFile(directory.appending("musicfs.log.2024-10-04")).split(separator: UInt8(ascii: "\n"))
        #expect(lines.count == 2)
    }

    @Test func aDirectoryThatFailsIsWarnedOfOnceAndTriedAgain() throws {
        // A file in the directory's place.
        try writeFileAtomically(directory, Array("x".utf8))
        let clock = TestClock()
        let handler = fileHandler(clock: clock)
        for _ in 0..<3 {
            for _ in 0..<10 { handler.log(event: event("lost")) }
            clock.advance(by: .seconds(60))
        }
        #expect(warnings.values.map(\.level) == [.warning])
        #expect(warnings.values.first?.message.contains("log.dir") == true)
        try unlink(directory)
        handler.log(event: event("kept"))
        #expect(try names() == ["musicfs.log.2024-10-04"])
        let text = try String(decoding: readFile(directory.appending("musicfs.log.2024-10-04")), as: UTF8.self)
        #expect(text.hasSuffix("x: kept\n"))
    }

    @Test func linesOfManyThreadsDoNotMix() throws {
        try createDirectories(directory)
        let path = directory.appending("stream")
        let file = try open(path, [.write, .create])
        let raw = file.raw
        let handler = StreamLogHandler(descriptor: raw, format: .text(LogTextStyle(time: false)))
        let done = Collected<Int>()
        let body = String(repeating: "m", count: 3000)
        for index in 0..<4 {
            let line = event("\(index)\(body)")
            try startThread("log-\(index)") {
                for _ in 0..<50 { handler.log(event: line) }
                done.add(index)
            }
        }
        #expect(done.values(4).count == 4)
        let lines = try String(decoding: readFile(path), as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 200)
        #expect(Set(lines) == Set((0..<4).map { "info     x: \($0)\(body)" }[...].map { Substring($0) }))
    }

    @Test func theJournalGetsFields() {
        let sent = Mutex<[[UInt8]]>([])
        let handler = JournaldLogHandler(fallback: CollectingLogHandler(events: warnings)) { fields in
            sent.withLock { $0 = fields }
            return true
        }
        handler.log(
            event: LogEvent(
                time: 0, level: .error, label: "fuse", message: "bad\nPRIORITY=0",
                metadata: ["origin_id": "home", "päth-1": "a\nb"]))
        #expect(
            sent.withLock { $0.map { String(decoding: $0, as: UTF8.self) } } == [
                #"MESSAGE=fuse: bad\nPRIORITY=0 origin_id=home päth-1="a\nb""#, "PRIORITY=3",
                "SYSLOG_IDENTIFIER=musicfs", "MUSICFS_MODULE=fuse", "MUSICFS_ORIGIN_ID=home", #"MUSICFS_P__TH_1=a\nb"#,
            ])
        #expect(warnings.values.isEmpty)
    }

    @Test func whatTheJournalRefusesGoesToTheOtherLog() {
        let handler = JournaldLogHandler(fallback: CollectingLogHandler(events: warnings)) { _ in false }
        handler.log(event: event("m"))
        #expect(warnings.values.map(\.message) == ["m"])
    }

    @Test func theJournalIsRecognisedByItsStream() throws {
        try createDirectories(directory)
        let file = try open(directory.appending("f"), [.write, .create])
        let status = try FileStatus.of(file)
        #expect(isJournal("\(status.device):\(status.inode)", descriptor: file.raw))
        #expect(!isJournal("\(status.device):\(status.inode + 1)", descriptor: file.raw))
        for other in [nil, "", ":", "x:y", "1", "1:2:3"] { #expect(!isJournal(other, descriptor: file.raw)) }
    }

    @Test func theStandardLogWritesWhereTheConfigurationSays() throws {
        let system = LogSystem.standard(
            format: .json, filter: LogFilter(), directory: directory, home: "/home/me", journalStream: nil)
        system.logger("test").info("this line of JSON on stderr is part of a test", metadata: ["path": "/home/me/x"])
        let name = try #require(try names().first)
        let parsed =
            try JSONSerialization.jsonObject(with: Data(readFile(directory.appending(name)))) as? [String: Any]
        #expect(parsed?["module"] as? String == "test")
        #expect(parsed?["metadata"] as? [String: String] == ["path": "~/x"])
    }
}
