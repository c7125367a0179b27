import MusicFSControl
import MusicFSMetadata
import MusicFSSystem

/// FUSE, the kernel, limits and the clock.
struct SystemDoctor {
    let environment: [String: String]

    func examine() -> [Diagnosis] { [fuse, kernel, worker, descriptors, watches, clock] }

    private var fuse: Diagnosis {
        do {
            try MountPreparation.checkFUSE(allowOther: false)
            return Diagnosis("FUSE", .ok, "/dev/fuse can be opened")
        } catch {
            // The message ends with what to do.
            let text = "\(error)".split(separator: ";", maxSplits: 1).map(String.init)
            return Diagnosis("FUSE", .error, text.first ?? "", remedy: text.count > 1 ? text[1].trimmed : nil)
        }
    }

    private var kernel: Diagnosis {
        let release = ((try? readFile("/proc/sys/kernel/osrelease", limit: 256)) ?? []).text
        let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        guard numbers.count == 2 else { return Diagnosis("kernel", .warning, "its version is unknown") }
        let version = (numbers[0], numbers[1])
        if version < (5, 10) {
            return Diagnosis("kernel", .error, "\(release) is too old", remedy: "use Linux 5.10 or later")
        }
        if version < (6, 9) {
            return Diagnosis(
                "kernel", .warning, "\(release) cannot read local files by itself (FUSE passthrough)",
                remedy: "Linux 6.9 or later reads them at the disk's own speed")
        }
        guard ThisProcess.isAdministrator else {
            return Diagnosis(
                "kernel", .warning, "\(release) reads local files itself only for a privileged daemon",
                remedy: "run it as the system service, which keeps the privilege for the mount alone")
        }
        return Diagnosis("kernel", .ok, "\(release) reads local files itself")
    }

    private var worker: Diagnosis {
        do {
            return Diagnosis("tag reader", .ok, "\(try MediaWorkerLocator.find(environment: environment))")
        } catch { return Diagnosis("tag reader", .error, "\(error)", remedy: "install musicfs-media beside musicfs") }
    }

    private var descriptors: Diagnosis {
        let limit = ThisProcess.raiseDescriptorLimit()
        if limit >= 8192 { return Diagnosis("open files", .ok, "the limit is \(limit)") }
        return Diagnosis(
            "open files", .warning, "the limit is \(limit): so many files can be open at a time",
            remedy: "raise it: LimitNOFILE=65536 in the unit, or 'ulimit -n'")
    }

    private var watches: Diagnosis {
        let path: FilePath = "/proc/sys/fs/inotify/max_user_watches"
        let limit = Int(((try? readFile(path, limit: 64)) ?? []).text) ?? 0
        if limit >= 524_288 { return Diagnosis("watched directories", .ok, "the limit is \(limit)") }
        return Diagnosis(
            "watched directories", .warning,
            "the limit is \(limit); those beyond it are looked at every few minutes only",
            remedy: "'sysctl fs.inotify.max_user_watches=524288', and the same in /etc/sysctl.d")
    }

    private var clock: Diagnosis {
        let isSet = ThisProcess.isClockSynchronised
        if isSet { return Diagnosis("clock", .ok, "synchronised") }
        return Diagnosis(
            "clock", .warning, "not synchronised: S3 refuses requests that are more than 15 minutes off",
            remedy: "'timedatectl set-ntp true', or another time service")
    }
}

extension [UInt8] {
    fileprivate var text: String { String(decoding: self, as: UTF8.self).trimmed }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
