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
        do throws(SystemError) {
            _ = try FileStatus.of(path)
        } catch  where error.errno == .noEntry { return [examineMissing(name, path, remedy)] } catch {}
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
        let inodes = percentage(disk.availableInodes, of: disk.inodes)
        let isNearlyFull = min(percentage(disk.availableBlocks, of: disk.blocks), inodes) < 10
        let megabytes = UInt64(clamped: Double(disk.availableBlocks) * Double(disk.blockSize) / 1_048_576)
        found.append(
            Diagnosis(
                name, isNearlyFull ? .warning : .ok, "\(path): \(megabytes) MiB and \(inodes) % of the inodes are free",
                remedy: isNearlyFull
                    ? "free some space: above 90 % the cache gives room, above 99 % it keeps nothing" : nil))
        return found
    }

    /// A file system may say anything.
    private func percentage(_ part: UInt64, of whole: UInt64) -> UInt64 {
        whole == 0 ? 100 : UInt64(clamped: min(100, Double(part) / Double(whole) * 100))
    }

    /// It is made by the first mount.
    private func examineMissing(_ name: String, _ path: FilePath, _ remedy: String) -> Diagnosis {
        var parent = path.parent
        while (try? FileStatus.of(parent)) == nil, parent != parent.parent, parent != FilePath(".") {
            parent = parent.parent
        }
        if isWritable(parent) {
            return Diagnosis(name, .ok, "\(path) does not exist yet, and can be made in \(parent)")
        }
        return Diagnosis(
            name, .error, "\(path) does not exist, and \(parent) cannot be written",
            remedy: "make it, or \(remedy)")
    }

    /// Where no daemon answers, nobody should have the directories.
    func examineLocks() -> [Diagnosis] {
        let path = stateDirectory.appending("lock")
        do throws(SystemError) {
            let file = try open(path, [.read])
            do throws(SystemError) { try lockExclusively(file.raw) } catch  where error.errno == .again {
                let holder = MountPreparation.holder(of: file.raw)
                return [
                    Diagnosis(
                        "locks", .error, "process \(holder) uses \(stateDirectory)",
                        remedy: "the daemon does not answer; see its log")
                ]
            }
        } catch  where error.errno != .noEntry {
            return [Diagnosis("locks", .error, "\(error)", remedy: "see that \(path) can be read")]
        } catch {}
        return [Diagnosis("locks", .ok, "nobody uses the directories")]
    }
}

extension UInt64 {
    fileprivate init(clamped value: Double) { self = value > 0 ? UInt64(exactly: value.rounded(.down)) ?? .max : 0 }
}
