import Foundation
import MusicFSSystem
import TestSupport

/// A small ext4 of its own in a file, which can fill up and die.
final class LoopDisk {
    let mount: FilePath
    private var image: FilePath

    static var isPossible: Bool { ThisProcess.isAdministrator }

    /// - Parameter mount: where it is shown; made if it is missing.
    init(_ directory: FilePath, at mount: FilePath, megabytes: Int) throws {
        self.mount = mount
        image = directory.appending("disk-\(UUID().uuidString)")
        try createDirectories(mount)
        let outcome = try shell("truncate -s \(megabytes)M '\(image)' && mkfs.ext4 -q -F -m 0 '\(image)'")
        guard outcome.status == 0 else { throw TestSupportError("no file system: \(outcome.text)") }
        try attach()
    }

    func attach() throws {
        let outcome = try shell("mount -o loop '\(image)' '\(mount)'")
        guard outcome.status == 0 else { throw TestSupportError("the disk cannot be mounted: \(outcome.text)") }
    }

    /// Everything that is asked of it from now on is an error, as of a disk that has died (EXT4_IOC_SHUTDOWN).
    func die() throws {
        let script = """
            import fcntl, os, struct, sys
            fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack("I", 1))
            """
        let outcome = try run("python3", "-c", script, mount.description)
        guard outcome.status == 0 else { throw TestSupportError("the disk does not die: \(outcome.text)") }
    }

    /// Nothing can be written any more, as after an error of the disk; what is there can be read.
    func turnReadOnly() throws {
        let outcome = try run("mount", "-o", "remount,abort", mount.description)
        guard outcome.status == 0 else { throw TestSupportError("the disk stays writable: \(outcome.text)") }
    }

    /// Leaves no block free; `giveSpace` frees them again.
    func fill() throws {
        _ = try shell("cat /dev/zero > '\(mount)/filler' 2>/dev/null; sync -f '\(mount)'; true")
    }

    func giveSpace() throws { try unlink(mount.appending("filler")) }

    /// Takes it away under those who use it.
    func detach() { _ = try? run("umount", "-l", mount.description) }

    /// Puts another disk in its place, with what this one held when it died.
    func replace() throws {
        detach()
        let copy = image.suffixed("-copy")
        // Whoever has files of the dead one open keeps it as it is.
        let outcome = try shell("cp '\(image)' '\(copy)'")
        guard outcome.status == 0 else { throw TestSupportError("no copy of the disk: \(outcome.text)") }
        try? unlink(image)
        image = copy
        try attach()
    }

    deinit {
        detach()
        try? unlink(image)
    }
}
