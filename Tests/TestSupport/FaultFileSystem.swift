import Foundation
package import MusicFSSystem
import Synchronization

/// A failure of a test's own machinery.
package struct TestSupportError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// A mounted, read-only, uncached view of a directory that fails on command: it stands for a NAS, since MusicFS takes
/// FUSE for a network file system. `Tests/FaultFileSystem/main.cpp` tells what the faults do.
///
/// Unmounts, and ends its process, when it goes.
package final class FaultFileSystem: Sendable {
    /// What an operation can be; faults without one hit all.
    package enum Operation: String, Codable, CodingKeyRepresentable, Hashable, Sendable {
        case getattr, readdir, readlink, open, read, statfs
    }

    /// One thing that goes wrong. Several can be on at once.
    package enum Fault: Hashable, Sendable {
        /// Operations take so long.
        case delay(Duration, Operation? = nil)
        /// Operations wait until the faults are cleared; an interruptible one until its caller gets a signal.
        case hang(Operation? = nil, isInterruptible: Bool = false)
        /// Operations fail: `EIO`, `ESTALE`, `ENOTCONN`, `EACCES` and a few more.
        case error(String, Operation? = nil)
        /// Reads give so many bytes less than there are.
        case short(Int)
        /// The share is an empty directory.
        case empty
    }

    /// What was asked for since the mount or the last `resetStatistics`.
    package struct Statistics: Decodable, Sendable {
        package struct File: Decodable, Hashable, Sendable {
            package var opens: Int
            package var reads: Int
            package var bytes: Int
        }
        package var operations: [Operation: Int]
        /// Bytes that reads gave.
        package var bytes: Int
        /// Operations that a fault hit.
        package var faulty: Int
        /// Operations that are being held up now.
        package var waiting: Int
        /// By path from the root of the mount, `/Artist/song.flac`.
        package var paths: [String: File]
    }

    package let mount: FilePath
    private let process: ChildProcess
    private let channel: Mutex<Channel>

    /// Shows `directory` at `mount`, which is made if it is missing.
    package init(_ directory: FilePath, at mount: FilePath) throws {
        try createDirectories(mount)
        self.mount = mount
        // No other child process gets an end, so that closing ours is seen at the other.
        var ends: [CInt] = [-1, -1]
        let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw TestSupportError("socketpair: errno \(errno)")
        }
        let ours = SharedFD(OwnedFD(owning: ends[0]))
        let theirs = OwnedFD(owning: ends[1])
        process = try ChildProcess.start(
            BuiltPrograms.directory.appending("musicfs-faultfs"),
            arguments: ["musicfs-faultfs", directory.description, mount.description],
            descriptors: [(from: theirs.raw, to: 0), (from: theirs.raw, to: 1)])
        channel = Mutex(Channel(ours))
        try? theirs.close()
        let greeting = try channel.withLock { try $0.line(within: .seconds(30)) }
        guard greeting == "ready" else { throw TestSupportError("musicfs-faultfs says \(greeting)") }
    }

    /// Switches a fault on, in addition to those that are.
    ///
    /// - Parameters:
    ///   - every: only each so-many-th operation suffers; holds for all faults, until `clear`.
    ///   - prefix: only what is at or below a path (`/Artist`) suffers; likewise.
    package func set(_ fault: Fault, every: Int? = nil, below prefix: String? = nil) throws {
        if let every { try command("every \(every)") }
        if let prefix { try command("prefix \(prefix)") }
        try command(fault.command)
    }

    /// Ends all faults; what waits goes on.
    package func clear() throws { try command("ok") }

    package func statistics() throws -> Statistics {
        let text = try channel.withLock { try $0.ask("stats") }
        return try JSONDecoder().decode(Statistics.self, from: Data(text.utf8))
    }

    package func resetStatistics() throws { try command("reset") }

    /// Stops the whole process (SIGSTOP): nothing answers any more, not even commands.
    package func freeze() { process.send(SIGSTOP) }

    package func thaw() { process.send(SIGCONT) }

    /// Kills the process: the mount stays and answers ENOTCONN.
    package func crash() {
        process.send(SIGKILL)
        awaitEnd(within: 10)
    }

    /// Takes the mount away, lazily, even while it is used; what hangs is let go.
    package func unmount() {
        thaw()
        try? MusicFSSystem.unmount(mount, lazily: true)
        // The end of its input ends it.
        channel.withLock { $0.close() }
        if !awaitEnd(within: 5) { crash() }
    }

    @discardableResult
    private func awaitEnd(within seconds: UInt64) -> Bool {
        channel.withLock { channel in
            if !channel.hasEnded {
                channel.hasEnded = process.wait(until: monotonicNanoseconds() + seconds * 1_000_000_000) != nil
            }
            return channel.hasEnded
        }
    }

    deinit { unmount() }

    private func command(_ line: String) throws {
        let answer = try channel.withLock { try $0.ask(line) }
        guard answer == "done" else { throw TestSupportError("musicfs-faultfs says \(answer)") }
    }
}

extension FaultFileSystem.Fault {
    fileprivate var command: String {
        switch self {
        case .delay(let time, let operation): "delay \(operation.word)\(Int64(time / .milliseconds(1)))"
        case .hang(let operation, let isInterruptible):
            "hang \(operation.word)\(isInterruptible ? "interruptible" : "")"
        case .error(let name, let operation): "error \(operation.word)\(name)"
        case .short(let count): "short \(count)"
        case .empty: "empty"
        }
    }
}

extension FaultFileSystem.Operation? {
    fileprivate var word: String { map { "\($0.rawValue) " } ?? "" }
}

/// Lines to the process and from it, on a socket whose closing ends the process.
private struct Channel {
    /// nil once it was closed.
    private var socket: SharedFD?
    private var received: [UInt8] = []
    /// Whether the end of the process was taken from the kernel.
    var hasEnded = false

    init(_ socket: SharedFD) { self.socket = socket }

    mutating func close() { socket = nil }

    mutating func ask(_ line: String) throws -> String {
        guard let fd = socket?.raw else { throw TestSupportError("musicfs-faultfs was unmounted") }
        let bytes = Array("\(line)\n".utf8)
        guard unsafe send(fd, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count else {
            throw TestSupportError("musicfs-faultfs takes no commands: errno \(errno)")
        }
        return try self.line(within: .seconds(10))
    }

    mutating func line(within time: Duration) throws -> String {
        guard let fd = socket?.raw else { throw TestSupportError("musicfs-faultfs was unmounted") }
        let deadline = ContinuousClock.now + time
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                defer { received.removeSubrange(...end) }
                return String(decoding: received[..<end], as: UTF8.self)
            }
            let rest = (deadline - .now) / .milliseconds(1)
            guard rest > 0 else { throw TestSupportError("musicfs-faultfs does not answer") }
            var event = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&event, 1, CInt(rest) + 1) > 0 else { continue }
            var chunk = [UInt8](repeating: 0, count: 65536)
            let count = unsafe recv(fd, &chunk, chunk.count, 0)
            guard count > 0 else { throw TestSupportError("musicfs-faultfs has ended") }
            received += chunk[..<count]
        }
    }
}
