import CSSH2
package import MusicFSCore
import MusicFSSystem
import Synchronization

/// A folder of an SSH server, read over SFTP (draft-ietf-secsh-filexfer-02, as OpenSSH speaks it).
package final class SFTPOrigin: Origin {
    package let id: Int64
    package let name: String
    package let lane: IOLane
    package let timeout: Duration
    let settings: SFTPSettings
    private let log: Logger
    private let pool = Mutex<[SSHSession]>([])
    let addresses = LastAddresses()

    package init(id: Int64, name: String, settings: SFTPSettings, lane: IOLane, timeout: Duration, log: Logger) {
        self.id = id
        self.name = name
        self.settings = settings
        self.lane = lane
        self.timeout = timeout
        self.log = log
    }

    // MARK: Sessions

    /// Runs `body` on a session of the pool. One that fails on a connection that had been idle is tried once more on a
    /// fresh one, since the server may have closed it long ago; one that passed its deadline is thrown away.
    func withSession<R>(
        _ deadline: UInt64, allowsLastAddress: Bool = true, _ body: (SSHSession) throws(OriginError) -> R
    ) throws(OriginError) -> R {
        if let known = pool.withLock({ $0.popLast() }) {
            do throws(OriginError) { return try use(known, deadline, body) } catch {
                guard error.code == .transient, monotonicNanoseconds() < deadline else { throw error }
            }
        }
        return try use(try connect(deadline, allowsLastAddress), deadline, body)
    }

    private func use<R>(
        _ session: SSHSession, _ deadline: UInt64, _ body: (SSHSession) throws(OriginError) -> R
    ) throws(OriginError) -> R {
        session.allow(until: deadline)
        do throws(OriginError) {
            let result = try body(session)
            giveBack(session)
            return result
        } catch {
            // What the server said in good order does not make the session worse.
            if [.notFound, .permission, .changed, .invalid].contains(error.code) {
                giveBack(session)
            } else {
                session.isBroken = true
            }
            throw error
        }
    }

    private func giveBack(_ session: SSHSession) {
        session.lastUse = monotonicNanoseconds()
        pool.withLock { pool in
            if pool.count < settings.connections { pool.append(session) }
        }
    }

    private func connect(_ deadline: UInt64, _ allowsLastAddress: Bool) throws(OriginError) -> SSHSession {
        do throws(OriginError) {
            let (session, found) = try SSHSession.connect(settings, address: settings.host, deadline: deadline)
            addresses.note(settings.host, found)
            return session
        } catch {
            guard error.code == .nameResolution, allowsLastAddress, let known = addresses.address(of: settings.host)
            else { throw error }
            if known.isFirstUse {
                log.warning(
                    "the host's name cannot be resolved; its last address is used",
                    metadata: ["origin": "\(name)", "address": "\(known.address)"])
            }
            return try SSHSession.connect(settings, address: known.address, deadline: deadline).session
        }
    }

    /// Closes sessions that nobody has used for a minute.
    package func closeIdle() {
        let now = monotonicNanoseconds()
        let old = pool.withLock { pool in
            // Used since `now` was read, its time may be later: nothing is subtracted.
            let old = pool.filter { now >= $0.lastUse &+ 60_000_000_000 }
            pool.removeAll { now >= $0.lastUse &+ 60_000_000_000 }
            return old
        }
        withExtendedLifetime(old) {}
    }

    // MARK: Asking

    func absolute(_ path: [UInt8], _ session: SSHSession) -> [UInt8] {
        path.isEmpty ? session.root : session.root + [UInt8(ascii: "/")] + path
    }

    package func check(deadline: UInt64) throws(OriginError) {
        try withSession(deadline, allowsLastAddress: false) { session throws(OriginError) in
            guard try session.attributes(session.root, follows: true).kind == .folder else {
                throw OriginError(.invalid, "\(settings.path) is no folder of the server; check path")
            }
        }
    }

    package func status(_ path: [UInt8], deadline: UInt64) throws(OriginError) -> OriginEntry {
        try withSession(deadline) { session throws(OriginError) in
            let found = try session.attributes(absolute(path, session), follows: true)
            let name = Array(path.split(separator: UInt8(ascii: "/")).last ?? [])
            guard let kind = found.kind else { throw OriginError(.invalid, "it is neither a file nor a folder") }
            return OriginEntry(name: name, kind: kind, stamp: found.stamp)
        }
    }

    /// Host, port and folder: a server's folder is not told from what is mounted there.
    package func marker(deadline: UInt64) throws(OriginError) -> UInt64 {
        try withSession(deadline) { session throws(OriginError) in
            _ = try session.attributes(session.root, follows: true)
            let text = Array("\(settings.host):\(settings.port)".utf8) + session.root
            return ContentHash.xxh3(text)[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    package func list(
        _ folder: [UInt8], deadline: UInt64, isWanted: (_ name: [UInt8]) -> Bool
    ) throws(OriginError) -> [OriginEntry] {
        try withSession(deadline) { session throws(OriginError) in
            var entries: [OriginEntry] = []
            var leftOut = LeftOutNames()
            let path = absolute(folder, session)
            for (name, found) in try session.list(path, deadline) {
                // Every folder has these two.
                if name == [UInt8(ascii: ".")] || name == [UInt8(ascii: "."), UInt8(ascii: ".")] { continue }
                guard leftOut.accepts(name), isWanted(name) else { continue }
                if found.isLink {
                    if let entry = try follow(name, path, session, deadline) { entries.append(entry) }
                } else if let kind = found.kind {
                    entries.append(OriginEntry(name: name, kind: kind, stamp: found.stamp))
                }
            }
            leftOut.tell(log, self.name)
            return entries
        }
    }

    /// What a link leads to, while that lies inside the folder; nil for what does not, and for loops.
    private func follow(
        _ name: [UInt8], _ folder: [UInt8], _ session: SSHSession, _ deadline: UInt64
    ) throws(OriginError) -> OriginEntry? {
        let link = folder + [UInt8(ascii: "/")] + name
        do throws(OriginError) {
            let target = try session.realPath(link, deadline)
            let inside = session.root + [UInt8(ascii: "/")]
            let isLoop = (folder + [UInt8(ascii: "/")]).starts(with: target + [UInt8(ascii: "/")])
            guard target.starts(with: inside), !isLoop else { return nil }
            let found = try session.attributes(target, follows: true)
            return found.kind.map { OriginEntry(name: name, kind: $0, stamp: found.stamp, isLink: true) }
        } catch {
            if error.code == .notFound || error.code == .permission { return nil }
            throw error
        }
    }

    package func read(
        _ path: [UInt8], _ stamp: FileStamp, at offset: Int64, into buffers: ReadBuffers, deadline: UInt64
    ) throws(OriginError) {
        // Where another session has to be taken, it goes on where the first one ended.
        try withSession(deadline) { session throws(OriginError) in
            try session.read(absolute(path, session), stamp, at: offset, into: buffers, deadline)
        }
    }
}
