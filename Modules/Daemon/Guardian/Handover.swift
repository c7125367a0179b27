import FoundationEssentials
import MusicFSFUSE
package import MusicFSSystem

/// What a guardian leaves to the program that replaces it in the same process (`musicfs upgrade`).
package struct Handover: Codable, Hashable, Sendable {
    struct Server: Codable, Hashable, Sendable {
        var pid: Int32
        var channel: Int32
        var heartbeat: Int32
    }

    /// The path's bytes.
    var mountPoint: [UInt8]
    /// Descriptors.
    var device: Int32
    var journal: Int32
    var locks: [Int32]
    var hasPassthrough: Bool
    /// The server that goes on serving meanwhile; nil where there is none at the moment.
    var server: Server?

    private enum CodingKeys: String, CodingKey {
        case device, journal, locks, server
        case mountPoint = "mount_point"
        case hasPassthrough = "passthrough"
    }

    var descriptors: [Int32] {
        [device, journal] + locks + (server.map { [$0.channel, $0.heartbeat] } ?? [])
    }

    func encode() throws -> String { String(decoding: try JSONEncoder().encode(self), as: UTF8.self) }

    /// - Throws: what JSONDecoder says.
    package init(decoding text: String) throws {
        self = try JSONDecoder().decode(Handover.self, from: Data(text.utf8))
    }

    init(
        mountPoint: FilePath, device: Int32, journal: Int32, locks: [Int32], hasPassthrough: Bool, server: Server?
    ) {
        self.mountPoint = mountPoint.bytes
        self.device = device
        self.journal = journal
        self.locks = locks
        self.hasPassthrough = hasPassthrough
        self.server = server
    }

    /// How a program is asked whether it could take over here: it ends with 0 if so, and says why not otherwise.
    static func question(mountPoint: FilePath, arguments: [String]) -> [String] {
        ["mount", "--check-upgrade=\(Journal.layout)", "--check-mount=\(mountPoint)"] + arguments
    }

    /// Answers that question.
    package static func check(layout: String, runningMount: String, mountPoint: FilePath) throws {
        guard UInt64(layout) == Journal.layout else {
            throw MountError(
                "this version cannot take over from the one that runs; stop it with 'musicfs shutdown' and mount again")
        }
        guard mountPoint.description == runningMount else {
            throw MountError(
                "the configuration names the mount point \(mountPoint) by now, and \(runningMount) is mounted; "
                    + "set it back, or stop and mount again")
        }
    }
}
