import Foundation
import MusicFSCore
import MusicFSSystem
import Synchronization
import TestSupport
import Testing

@testable import MusicFSOrigins

/// Keeps what is logged.
final class LogRecorder: LogHandler {
    private let lines = Mutex<[String]>([])

    func log(event: LogEvent) {
        let metadata = event.metadata.map { key, value in
            if case .string(let text) = value { "\(key)=\(text)" } else { "\(key)=\(value)" }
        }
        let line = "\(event.level) \(event.message) \(metadata.sorted().joined(separator: " "))"
        lines.withLock { $0.append(line) }
    }

    var all: [String] { lines.withLock { $0 } }
    var warnings: [String] { all.filter { $0.hasPrefix("warning") } }
    /// Of everything, from the lowest level on.
    var log: Logger { LogSystem(handlers: [self], filter: LogFilter(.trace)).logger("origins") }
}

/// Secrets of these tests, whose servers would see it if one were sent where it must not be.
enum TestSecret {
    static let key = "wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY"
    static let token = "FQoGZXIvYXdzEXAMPLETOKEN"
    static let password = "correct-horse-battery"
    static let all = [key, token, password]
}

/// What an operation throws.
///
/// Every error is looked through for secrets by the way.
func failure(_ body: () throws -> Void) -> OriginError? {
    do {
        try body()
        return nil
    } catch let error as OriginError {
        for text in ["\(error)", error.message, String(reflecting: error)] {
            #expect(!TestSecret.all.contains(where: text.contains), "a secret is in an error's text")
        }
        return error
    } catch {
        Issue.record("not an OriginError: \(error)")
        return nil
    }
}

func code(_ body: () throws -> Void) -> OriginError.Code? { failure(body)?.code }

extension LogRecorder {
    func expectNoSecrets() {
        for line in all { #expect(!TestSecret.all.contains(where: line.contains), "a secret was logged") }
    }
}

func makeLane() throws -> IOLane {
    try IOLane(name: "test", deadline: .seconds(5), timer: try DeadlineTimer(clock: SystemClock()))
}

func deadline(_ seconds: Double = 5) -> UInt64 { monotonicNanoseconds() + UInt64(seconds * 1e9) }

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

extension Origin {
    func listing(_ folder: String = "", within seconds: Double = 5) throws -> [OriginEntry] {
        try list(bytes(folder), deadline: deadline(seconds), isWanted: { _ in true })
    }

    func part(
        of path: String, _ stamp: FileStamp, _ range: Range<Int>, within seconds: Double = 5
    ) throws -> [UInt8] {
        var part = [UInt8](repeating: 0xEE, count: range.count)
        try unsafe part.withUnsafeMutableBytes {
            unsafe try read(
                Array(path.utf8), stamp, at: Int64(range.lowerBound), into: $0, deadline: deadline(seconds))
        }
        return part
    }

    /// All files by their paths, folder by folder.
    func walk() throws -> [String: FileStamp] {
        var found: [String: FileStamp] = [:]
        var folders = [""]
        while let folder = folders.popLast() {
            for entry in try listing(folder) {
                let path = (folder.isEmpty ? "" : folder + "/") + String(decoding: entry.name, as: UTF8.self)
                if entry.kind == .folder { folders.append(path) } else { found[path] = entry.stamp }
            }
        }
        return found
    }

    /// All files by their paths, in one pass.
    func listedWhole() throws -> [String: FileStamp] {
        var found: [String: FileStamp] = [:]
        try listAll(below: [], isWanted: { _ in true }, progress: { true }) { folder, entries in
            for entry in entries {
                let path = folder.isEmpty ? entry.name : folder + [UInt8(ascii: "/")] + entry.name
                #expect(found.updateValue(entry.stamp, forKey: String(decoding: path, as: UTF8.self)) == nil)
            }
        }
        return found
    }
}
