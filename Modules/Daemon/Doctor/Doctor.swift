package import MusicFSControl
package import MusicFSCore
import MusicFSSystem

/// Looks at everything that a user could have wrong. Changes nothing but a trial file in those of the
/// instance's directories that exist.
package struct Doctor {
    /// What is looked at.
    private enum Subject {
        /// A daemon that runs, with what it says of itself.
        case daemon(StatusReport)
        /// What would be mounted.
        case settings(DaemonSettings, Logger)
    }

    private let subject: Subject
    private let name: String
    private let mountPoint: FilePath
    private let disks: DiskDoctor
    private let stateDirectory: FilePath

    package init(_ daemon: StatusReport) {
        subject = .daemon(daemon)
        name = daemon.name
        mountPoint = FilePath(daemon.mountPoint)
        stateDirectory = FilePath(daemon.stateDirectory)
        disks = DiskDoctor(cacheDirectory: FilePath(daemon.cacheDirectory), stateDirectory: stateDirectory)
    }

    package init(_ settings: DaemonSettings, logs: LogSystem) {
        subject = .settings(settings, logs.logger("doctor"))
        name = settings.name
        mountPoint = settings.mountPoint
        stateDirectory = settings.stateDirectory
        disks = DiskDoctor(cacheDirectory: settings.cacheDirectory, stateDirectory: stateDirectory)
    }

    /// What can be said without the configuration of an instance.
    package static func examineSystem(_ environment: [String: String]) -> [Diagnosis] {
        SystemDoctor(environment: environment).examine()
    }

    /// What concerns this instance.
    package func examine() -> [Diagnosis] {
        var found = examineMount() + disks.examine()
        switch subject {
        case .daemon(let daemon): found += examineStores(daemon) + examineOrigins(daemon) + examine(daemon)
        case .settings(let settings, let log):
            found += disks.examineLocks() + examineStores(settings, log) + OriginDoctor(settings, log: log).examine()
            found.append(
                Diagnosis("daemon", .warning, "none runs for \(name)", remedy: "start one with 'musicfs mount'"))
        }
        return found + examineCrashes()
    }

    // MARK: The mount

    private func examineMount() -> [Diagnosis] {
        let name = "mount point"
        let point = mountPoint
        do {
            let entry = try MountEntry.at(point)
            if entry?.isMusicFS == true {
                if case .daemon = subject { return [Diagnosis(name, .ok, "\(point) is mounted")] }
                return [
                    Diagnosis(
                        name, .error, "\(point) is mounted and no daemon answers for it",
                        remedy: "look at the daemon's log; 'musicfs unmount \(point)' takes the mount away")
                ]
            }
            guard try FileStatus.of(point).kind == .directory else {
                return [Diagnosis(name, .error, "\(point) is no directory", remedy: "mount somewhere else")]
            }
        } catch {
            return [Diagnosis(name, .error, "\(point): \(error)", remedy: "create it with 'mkdir -p \(point)'")]
        }
        return [Diagnosis(name, .ok, "\(point) is a directory, and not mounted")]
    }

    // MARK: Stores

    /// They are open and change: the daemon looks after them.
    private func examineStores(_ daemon: StatusReport) -> [Diagnosis] {
        daemon.stores.map { store in
            store.problems.isEmpty
                ? Diagnosis(store.name, .ok, "in order at \(store.checked)")
                : Diagnosis(
                    store.name, .warning, "damaged at \(store.checked): \(store.problems.joined(separator: "; "))",
                    remedy: "it was replaced by itself; look at the disk with smartctl and fsck")
        }
    }

    private func examineStores(_ settings: DaemonSettings, _ log: Logger) -> [Diagnosis] {
        StoreExamination(settings, log: log).examine(isFull: false).map { finding in
            guard let first = finding.problems.first else {
                return Diagnosis(finding.name, .ok, "\(finding.path) is in order")
            }
            return Diagnosis(
                finding.name, .error, "\(finding.path) is damaged: \(first)",
                remedy: finding.name == "curation"
                    ? "mounting takes its last backup; look at the disk with smartctl and fsck"
                    : finding.name == "history"
                        ? "mounting begins it anew; look at the disk with smartctl and fsck"
                        : "'musicfs mount --repair' builds it anew")
        }
    }

    // MARK: The daemon

    private func examineOrigins(_ daemon: StatusReport) -> [Diagnosis] {
        daemon.origins.map { origin in
            let isWell = origin.health == "healthy" && !origin.isSuspect
            return Diagnosis(
                "origin \(origin.id)", isWell ? .ok : .error,
                "\(origin.health), \(origin.replicas) files" + (origin.message.map { ": \($0)" } ?? ""),
                remedy: origin.isSuspect
                    ? "if the files are really gone: 'musicfs origin rescan \(origin.id) --accept-removals'"
                    : isWell ? nil : "see that it can be reached; it is tried again by itself")
        }
    }

    private func examine(_ daemon: StatusReport) -> [Diagnosis] {
        var found = [
            Diagnosis(
                "daemon", ["degraded", "offline"].contains(daemon.state) ? .warning : .ok,
                "\(daemon.state), version \(daemon.version), up \(daemon.uptimeSeconds) s",
                remedy: daemon.version == musicFSVersion ? nil : "'musicfs upgrade' has it become \(musicFSVersion)")
        ]
        found += daemon.degradedBecause.map { Diagnosis("daemon", .warning, $0) }
        if daemon.quarantined > 0 {
            found.append(
                Diagnosis(
                    "quarantine", .warning, "\(daemon.quarantined) files could not be read as audio",
                    remedy: "GET /v1/quarantine of the control socket names them and says why"))
        }
        return found
    }

    private func examineCrashes() -> [Diagnosis] {
        guard let last = CrashHistory(directory: stateDirectory).newest else {
            return [Diagnosis("crashes", .ok, "none is known")]
        }
        let time = Timestamp(nanoseconds: last.time &* 1_000_000_000)
        return [
            Diagnosis(
                "crashes", .warning, "the last at \(time): \(last.summary)",
                remedy: "report it with the crash-*.json files of \(stateDirectory)")
        ]
    }
}
