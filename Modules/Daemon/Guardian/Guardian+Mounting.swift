import MusicFSCore
import MusicFSFUSE
import MusicFSSystem

/// Making the mount, and leaving it to another guardian.
extension Guardian {
    static func mount(_ configuration: GuardianConfiguration) throws -> SharedFD {
        var options = ["ro", "nosuid", "nodev", "default_permissions", "fsname=musicfs", "subtype=musicfs"]
        options.append("max_read=1048576")
        if configuration.allowOther { options.append("allow_other") }
        do {
            return SharedFD(try FUSEMount.mount(configuration.mountPoint, options: options))
        } catch {
            throw MountError("cannot mount on \(configuration.mountPoint); see the message of FUSE above")
        }
    }

    /// Reads the kernel's INIT and answers it: no server ever does (rule 1).
    static func negotiate(_ device: SharedFD, _ journal: Journal, _ configuration: GuardianConfiguration) throws {
        guard pollReadable([device.raw], milliseconds: 10_000)[0].isReadable else {
            throw MountError("the kernel did not begin the FUSE connection within 10 s")
        }
        var request = [UInt8](repeating: 0, count: 16384)
        let length = try unsafe request.withUnsafeMutableBytes { try unsafe readOnce(device.raw, into: $0) }
        request.removeLast(request.count - length)
        let wants = configuration.allowsPassthrough && ThisProcess.isAdministrator
        guard let (reply, _) = InitNegotiation.reply(to: request, wantsPassthrough: wants) else {
            throw MountError("the kernel speaks another FUSE protocol than 7")
        }
        try writeFully(device.raw, reply)
        journal.saveInit(request: request, reply: reply)
    }

    /// Sequential reads of local disks in pieces of 1 MiB rather than 128 KiB (rule 17); without privilege it stays as it
    /// is. What is far away is fetched ahead by the server, and not for a program that only looks at a file's head.
    static func raiseReadAhead(_ configuration: GuardianConfiguration) {
        guard configuration.isAllLocal, ThisProcess.isAdministrator,
            let entry = try? MountEntry.at(configuration.mountPoint)
        else { return }
        let path = FilePath("/sys/class/bdi/\(entry.device)/read_ahead_kb")
        if let fd = try? open(path, [.write]) { try? writeFully(fd.raw, Array("1024".utf8)) }
    }

    /// Ends without unmounting: the service manager keeps the descriptors and starts the next guardian, which answers what
    /// this one's server leaves behind. Where nobody keeps them, this is an ordinary stop.
    func leave() {
        guard storedName != nil, !isStopping else { return beginToStop(Signal.quit) }
        log.notice("leaving the mount to the next guardian")
        ServiceManager.tell(.stopping, .status("leaving the mount to the next guardian"))
        isStopping = true
        isLeaving = true
        killServer()
    }
}
