import FoundationEssentials
import MusicFSFUSE
import MusicFSSystem

/// What a guardian leaves to the program that replaces it in the same process (`musicfs upgrade`).
package struct Handover: Codable, Hashable, Sendable {
    struct Server: Codable, Hashable, Sendable {
        var pid: Int32
        var channel: Int32
        var heartbeat: Int32
    }

    /// Descriptors.
    var device: Int32
    var journal: Int32
    var locks: [Int32]
    /// What the service manager keeps them under; nil where it does not.
    var storedName: String?
    /// The server that goes on serving meanwhile; nil where there is none at the moment.
    var server: Server?

    private enum CodingKeys: String, CodingKey {
        case device, journal, locks, server
        case storedName = "stored"
    }

    var descriptors: [Int32] {
        [device, journal] + locks + (server.map { [$0.channel, $0.heartbeat] } ?? [])
    }

    func encode() throws -> String { String(decoding: try JSONEncoder().encode(self), as: UTF8.self) }

    /// - Throws: what JSONDecoder says.
    package init(decoding text: String) throws {
        self = try JSONDecoder().decode(Handover.self, from: Data(text.utf8))
    }

    init(device: Int32, journal: Int32, locks: [Int32], storedName: String?, server: Server?) {
        self.device = device
        self.journal = journal
        self.locks = locks
        self.storedName = storedName
        self.server = server
    }

    /// How long the program on disk may take to answer, in nanoseconds: it only reads the configuration. Less than whoever
    /// asks through the socket waits (10 s).
    package static let patience: UInt64 = 8_000_000_000

    /// How a program is asked whether it could take over here: it ends with 0 if so, and says why not otherwise.
    ///
    /// - Parameter arguments: those that say what is mounted.
    static func question(_ arguments: [String]) -> [String] {
        ["mount", "--check-upgrade=\(Journal.layout)"] + arguments
    }

    /// Answers that question, once the configuration was read.
    package static func check(layout: String) throws {
        guard UInt64(layout) == Journal.layout else {
            throw MountError(
                "this version cannot take over from the one that runs; stop it with 'musicfs shutdown' and mount again")
        }
    }
}
