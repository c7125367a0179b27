import Foundation
import Testing

@testable import MusicFSCore

@Suite struct LogLineTests {
    private static let event = LogEvent(
        time: 1_795_202_562_123_456_789, level: .warning, label: "fuse", message: "read failed",
        metadata: ["path": "a b", "errno": "EIO", "empty": "", "quote": "x\"y"])

    @Test func textIsOneReadableLine() {
        #expect(
            Self.event.line(LogTextStyle())
                == #"2026-11-20T19:22:42.123Z warning  fuse: read failed empty="" errno=EIO path="a b" quote="x\"y""#)
        #expect(
            Self.event.line(LogTextStyle(time: false, color: true))
                .hasPrefix("\u{1b}[33mwarning \u{1b}[0m fuse: read failed"))
    }

    @Test func jsonIsOneObjectALine() throws {
        #expect(
            Self.event.json
                == #"{"time":"2026-11-20T19:22:42.123Z","level":"warning","module":"fuse","message":"read failed","#
                + #""metadata":{"empty":"","errno":"EIO","path":"a b","quote":"x\"y"}}"#)
    }

    @Test func noValueForgesALineOrReachesTheTerminal() {
        for _ in 0..<1000 {
            let (message, key, value) = (randomText(), randomText(), randomText())
            let event = LogEvent(
                time: 0, level: .info, label: "x", message: message,
                metadata: [key: .string(value), "z": [.string(value)]])
            for line in [event.line(LogTextStyle()), event.json] {
                #expect(!line.unicodeScalars.contains { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) })
                #expect(!line.unicodeScalars.contains { "\u{2028}\u{2029}\u{202e}".unicodeScalars.contains($0) })
            }
        }
    }

    @Test func jsonGivesBackWhatWentIn() throws {
        for _ in 0..<1000 {
            let (message, value) = (randomText(), randomText())
            let event = LogEvent(
                time: 0, level: .info, label: "x", message: message,
                metadata: ["v": .string(value), "list": [.string(value), ["k": .string(value)]]])
            let parsed = try JSONSerialization.jsonObject(with: Data(event.json.utf8)) as? [String: Any]
            #expect((parsed?["message"] as? String).map { Array($0.utf8) } == Array(message.utf8))
            let metadata = parsed?["metadata"] as? [String: Any]
            #expect((metadata?["v"] as? String).map { Array($0.utf8) } == Array(value.utf8))
            let list = metadata?["list"] as? [Any]
            #expect(((list?.last as? [String: String])?["k"]).map { Array($0.utf8) } == Array(value.utf8))
        }
    }

    @Test func aValueWithSpacesCannotPoseAsAnotherField() {
        let event = LogEvent(time: 0, level: .info, label: "x", message: "m", metadata: ["a": "1 b=2", "c": "\"\\"])
        #expect(event.summary == #"x: m a="1 b=2" c="\"\\""#)
    }
}
