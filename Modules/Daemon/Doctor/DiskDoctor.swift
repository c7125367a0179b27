import MusicFSControl
import MusicFSSystem

/// The instance's directories and the disks that they lie on.
struct DiskDoctor {
    let cacheDirectory: FilePath
    let stateDirectory: FilePath

    func examine() -> [Diagnosis] {
        examine("state directory", stateDirectory, "choose another with --state-dir: it holds what you made")
            + examine("cache directory", cacheDirectory, "choose another with --cache-dir")
    }

    private func examine(_ name: String, _ path: FilePath, _ remedy: String) -> [Diagnosis] {
        do {
            try probeDirectory(path)
        } catch {
            return [
                Diagnosis(name, .error, "\(path) cannot be used: \(error)", remedy: "make it writable, or \(remedy)")
            ]
        }
        guard let status = try? FileStatus.of(path), let disk = try? FileSystemStatus.of(path) else { return [] }
        var found: [Diagnosis] = []
        if status.mode & 0o022 != 0 {
            found.append(
                Diagnosis(name, .warning, "\(path) can be written by others", remedy: "'chmod go-w \(path)'"))
        }
        let free = disk.blocks == 0 ? 100 : disk.availableBlocks * 100 / disk.blocks
        let inodes = disk.inodes == 0 ? 100 : disk.availableInodes * 100 / disk.inodes
        let isNearlyFull = min(free, inodes) < 10
        let megabytes = disk.availableBlocks.multipliedFullWidth(by: disk.blockSize).low >> 20
        found.append(
            Diagnosis(
                name, isNearlyFull ? .warning : .ok, "\(path): \(megabytes) MiB and \(inodes) % of the inodes are free",
                remedy: isNearlyFull
                    ? "free some space: above 90 % the cache gives room, above 99 % it keeps nothing" : nil))
        return found
    }

    /// Where no daemon answers, nobody should have the directories.
    func examineLocks() -> [Diagnosis] {
        do {
            _ = try MountPreparation.lock([stateDirectory])
            return [Diagnosis("locks", .ok, "nobody uses the directories")]
        } catch {
            return [Diagnosis("locks", .error, "\(error)", remedy: "the daemon does not answer; see its log")]
        }
    }
}
