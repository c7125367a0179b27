package import MusicFSCore
import MusicFSFUSE
package import MusicFSSystem

/// A mount that the service manager keeps while it has no guardian: the descriptor of /dev/fuse, without which the kernel
/// would end the connection, and the journal (the file descriptor store, sd_pid_notify_with_fds(3)).
///
/// They are stored under a name that says which file system they are of. While a connection stands, its number belongs
/// to no other; so descriptors that are alive and bear the number of what is mounted there are the mount's own.
package struct StoredMount {
    let device: SharedFD
    let journal: Journal
    let name: String

    /// The name that the descriptors of the mount at this place are stored under; nil where nothing of ours is mounted.
    static func name(at mountPoint: FilePath) -> String? {
        guard let entry = try? MountEntry.at(mountPoint), entry.isMusicFS else { return nil }
        return "musicfs-" + entry.device.map { $0 == ":" ? "-" : String($0) }.joined()
    }

    /// Takes what the service manager kept of this mount, which a guardian then goes on with. Everything else that it kept
    /// is of the past: it is closed, and the service manager told to.
    ///
    /// To be called when the locks are taken: then no other guardian is there.
    package static func claim(_ mountPoint: FilePath, log: Logger) -> StoredMount? {
        let stored = ServiceManager.takeStored()
        guard !stored.isEmpty else { return nil }
        let wanted = name(at: mountPoint)
        let own = stored.filter { $0.name == wanted }.map(\.descriptor)
        let mount = wanted.flatMap { make(own, name: $0) }
        for name in Set(stored.map(\.name)) where mount == nil || name != wanted {
            log.notice("letting go of descriptors that belong to no mount of now", metadata: ["name": "\(name)"])
            ServiceManager.forget(name: name)
        }
        if mount == nil, !own.isEmpty {
            // A journal that this program does not know, say. The mount has nobody to answer.
            log.warning("the mount cannot be taken over and is made anew", metadata: ["mount": "\(mountPoint)"])
            try? MountPreparation.takeDown(mountPoint, lazily: true)
        }
        return mount
    }

    private static func make(_ descriptors: [SharedFD], name: String) -> StoredMount? {
        guard let device = descriptors.first(where: { FUSEMount.isConnected($0.raw) }) else { return nil }
        for other in descriptors where other !== device {
            guard let journal = try? Journal.map(other), !journal.initRequest.isEmpty else { continue }
            return StoredMount(device: device, journal: journal, name: name)
        }
        return nil
    }

    /// Has the service manager keep these, where there is one.
    ///
    /// - Returns: the name, to be forgotten when the mount ends.
    static func keep(_ mountPoint: FilePath, device: SharedFD, journal: Journal) -> String? {
        guard let name = name(at: mountPoint), ServiceManager.store([device.raw, journal.fd], name: name) else {
            return nil
        }
        return name
    }
}
