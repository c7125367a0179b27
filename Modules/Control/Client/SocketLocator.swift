package import MusicFSSystem

/// Finds the control socket of the daemon that a command means.
package struct SocketLocator: Sendable {
    /// How a user names a daemon.
    package enum Selector: Hashable, Sendable {
        case socket(FilePath)
        /// The instance's name (D22).
        case name(String)
        /// Exactly this mount point.
        case mountPoint(FilePath)
        /// A file or directory on the mount; of nested mounts the innermost.
        case containing(FilePath)
        /// The only one that answers.
        case only
    }

    /// Where daemons put their sockets, as `<name>.sock`.
    package let directories: [FilePath]
    /// How long a socket may take to answer.
    package let probeTimeout: Duration

    package init(directories: [FilePath], probeTimeout: Duration = .seconds(2)) {
        self.directories = directories
        self.probeTimeout = probeTimeout
    }

    /// The directories of the system's daemons and of this user's.
    ///
    /// - Parameter runtimeDirectory: the value of `XDG_RUNTIME_DIR`.
    package static func standardDirectories(runtimeDirectory: String?) -> [FilePath] {
        let system = FilePath("/run/musicfs")
        guard let runtimeDirectory, runtimeDirectory.hasPrefix("/") else { return [system] }
        return [system, FilePath(runtimeDirectory).appending("musicfs")]
    }

    /// The socket of the daemon that `selector` names. A socket given by path is not asked whether anyone answers.
    ///
    /// - Throws: `noDaemon` when none answers, `ambiguous` when several do, `notPermitted` when the only candidates
    ///   belong to others, `badRequest` for a name that cannot be one.
    package func locate(_ selector: Selector) throws(ControlError) -> FilePath {
        switch selector {
        case .socket(let path):
            return path
        case .name(let name):
            guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "/")), !name.utf8.contains(0) else {
                throw ControlError(.badRequest, "\(name) cannot be the name of a daemon", remedy: "see musicfs status")
            }
            let candidates = directories.map { $0.appending(name + ".sock") }
            return try single(probe(candidates), "no daemon named \(name) answers").socket
        case .mountPoint(let path):
            let matching = Self.match(probe(sockets()), path) { place, mount in place == mount }
            return try single(matching, "no daemon of a mount at \(path) answers").socket
        case .containing(let path):
            let matching = Self.match(probe(sockets()), path) { place, mount in place.isWithin(mount) }
            let depth = matching.found.map(\.mountPoint.components.count).max() ?? 0
            let innermost = matching.filtered { $0.components.count == depth }
            return try single(innermost, "no daemon of a mount that holds \(path) answers").socket
        case .only:
            return try single(probe(sockets()), "no daemon answers").socket
        }
    }

    // MARK: Asking

    private struct Found {
        var socket: FilePath
        var name: String
        var mountPoint: FilePath
    }

    private struct Answers {
        var found: [Found] = []
        /// The first refusal that was not "nobody there": it explains an empty result better.
        var refusal: ControlError?

        func filtered(_ isWanted: (FilePath) -> Bool) -> Answers {
            Answers(found: found.filter { isWanted($0.mountPoint) }, refusal: refusal)
        }
    }

    /// All sockets in the directories, in the order of directories and names.
    private func sockets() -> [FilePath] {
        let suffix = Array(".sock".utf8)
        return directories.flatMap { directory -> [FilePath] in
            // A directory that is missing or closed to us holds no daemon of ours.
            guard let fd = try? open(directory, [.read, .directory]),
                let entries = try? listDirectory(fd.raw, path: directory)
            else { return [] }
            let names = entries.map(\.name).filter { $0.count > suffix.count && $0.suffix(suffix.count) == suffix[...] }
            return names.sorted { $0.lexicographicallyPrecedes($1) }.map { directory.appending($0) }
        }
    }

    private func probe(_ sockets: [FilePath]) -> Answers {
        var answers = Answers()
        for socket in sockets {
            do throws(ControlError) {
                // Of many most are what daemons left that were killed.
                let client = ControlClient(
                    socketPath: socket, timeout: probeTimeout, patience: sockets.count == 1 ? .seconds(1) : .zero)
                let identity = try client.value(DaemonIdentity.self, .get, "/v1/status")
                answers.found.append(
                    Found(socket: socket, name: identity.name, mountPoint: FilePath(identity.mountPoint)))
            } catch {
                if error.code != .noDaemon, answers.refusal == nil { answers.refusal = error }
            }
        }
        return answers
    }

    private func single(_ answers: Answers, _ absence: String) throws(ControlError) -> Found {
        guard let first = answers.found.first else {
            if let refusal = answers.refusal { throw refusal }
            let places = directories.map(\.description).joined(separator: " and ")
            throw ControlError(
                .noDaemon, absence,
                remedy: "start one with 'musicfs mount', or name its socket with --socket (looked in \(places))")
        }
        if answers.found.count > 1 {
            let names = answers.found.map { "\($0.name) (\($0.socket))" }.joined(separator: ", ")
            throw ControlError(
                .ambiguous, "several daemons answer: \(names)",
                remedy: "choose one with --name, --socket or its mount point")
        }
        return first
    }

    /// The answers whose mount point fits `path`: as it stands, else with the links above its last component resolved,
    /// else resolved as a whole. The last asks the mount itself, which can hang with its daemon.
    private static func match(
        _ answers: Answers, _ path: FilePath, _ fits: (_ place: FilePath, _ mount: FilePath) -> Bool
    ) -> Answers {
        guard let absolute = try? path.absolute() else { return Answers(refusal: answers.refusal) }
        let spellings: [() -> FilePath?] = [
            { withoutTrailingSlashes(absolute) },
            { (try? absolute.parent.resolved())?.appending(absolute.lastComponent) },
            { try? absolute.resolved() },
        ]
        for spelling in spellings {
            guard let place = spelling() else { continue }
            let matching = answers.filtered { fits(place, $0) }
            if !matching.found.isEmpty { return matching }
        }
        return Answers(refusal: answers.refusal)
    }

    private static func withoutTrailingSlashes(_ path: FilePath) -> FilePath {
        path.components.reduce(FilePath("/")) { $0.appending($1) }
    }
}

/// The part of a status that tells daemons apart; it alone is decoded, so that other versions are found too.
private struct DaemonIdentity: Decodable {
    var name: String
    var mountPoint: String

    private enum CodingKeys: String, CodingKey {
        case name
        case mountPoint = "mount_point"
    }
}
