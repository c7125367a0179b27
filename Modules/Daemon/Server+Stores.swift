import MusicFSCAS
import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSFUSE
import MusicFSSystem

/// Looking after what is kept on disks.
extension Server {
    var cacheFiles: CacheFiles {
        CacheFiles(library: library, content: content, curation: curation, mountPoint: settings.mountPoint)
    }

    /// Backs up what people made as soon as it has changed, learns what collections there are, and tells the cache what is
    /// pinned when the library or the cache's index has changed; a supervised task.
    func followCuration(_ context: TaskContext) throws -> TaskExit {
        var known: (change: Int64, index: UInt64)?
        var nextBackup: UInt64 = 0
        // What was said last: it is said again only when it is something else.
        var backupFailure: String?
        var pinFailure: String?
        var nameFailure: String?
        repeat {
            context.beat()
            curation.followFile()
            do {
                try collections.refresh(lastChange: library.lastChange)
                nameFailure = nil
            } catch {
                if nameFailure != "\(error)" {
                    log.warning("collections may have other names by now", metadata: ["error": "\(error)"])
                }
                nameFailure = "\(error)"
            }
            let begin = monotonicNanoseconds()
            if begin >= nextBackup {
                let failure = backUp()
                if let failure, failure != backupFailure {
                    log.error("what was curated cannot be backed up", metadata: ["error": "\(failure)"])
                }
                backupFailure = failure
                // A twentieth of the time at most, however large it is.
                let pause = (monotonicNanoseconds() - begin) * 20
                nextBackup = monotonicNanoseconds() + (failure == nil ? pause : 60_000_000_000)
            }
            let now = (library.lastChange, content.cache.indexSerial)
            if known == nil || known?.change != now.0 || known?.index != now.1 {
                do {
                    try cacheFiles.keepPins()
                    known = now
                    pinFailure = nil
                } catch {
                    if pinFailure != "\(error)" {
                        log.warning("the cache does not know what is pinned", metadata: ["error": "\(error)"])
                    }
                    pinFailure = "\(error)"
                }
            }
        } while context.wait(for: .seconds(2))
        return .stopped
    }

    /// - Returns: why it cannot be backed up.
    private func backUp() -> String? {
        do throws(CacheError) {
            if let backup = try curation.backUpIfChanged() {
                log.info("backed up what was curated", metadata: ["path": "\(backup)"])
            }
            return nil
        } catch { return "\(error)" }
    }

    /// Has a successor open what `musicfs restore` has put beside the stores.
    func takeRestored() throws(ControlError) -> RestoreReport {
        let isThere = [settings.restoredLibrary, settings.stateDirectory.appending(Curation.restoreName)].contains {
            (try? FileStatus.of($0)) != nil
        }
        guard isThere else {
            throw ControlError(.failed, "there is nothing to restore", remedy: "use 'musicfs restore FILE'")
        }
        try beReplaced()
        return RestoreReport(restoring: true)
    }

    /// Looks the databases through every day, and soon after a start that follows an end which was not orderly (D28); a
    /// supervised task.
    func followIntegrity(_ context: TaskContext) throws -> TaskExit {
        if wasInterrupted, context.wait(for: Pace.of(.seconds(5))) {
            if journal.checkDeaths < Self.mostCheckDeaths {
                log.info("the end before was not orderly: the stores are looked through")
                lookThrough {
                    checks.checkDatabases()
                    checks.scrub(context)
                }
            } else {
                checks.noteDeaths()
            }
        }
        while context.wait(for: .seconds(86_400)) { lookThrough { checks.checkDatabases() } }
        return .stopped
    }

    /// Servers that may die while they look the stores through at their start: every further one would do the same.
    private static let mostCheckDeaths = 2

    private func lookThrough(_ body: () -> Void) {
        journal.checkDeaths = min(journal.checkDeaths, 1000) + 1
        body()
        journal.checkDeaths = 0
    }

    /// Looks some chunks through, each `cache.scrub_interval`; a supervised task.
    func scrub(_ context: TaskContext) throws -> TaskExit {
        while context.wait(for: settings.cache.scrubInterval) { lookThrough { checks.scrub(context) } }
        return .stopped
    }

    /// Whether the process before this one, or the daemon before this mount, ended without having been told to.
    ///
    /// While a mount is served there is a file that says so; whoever finds it at the start of a mount follows one that
    /// came to no end.
    static func noteStart(_ settings: DaemonSettings, _ journal: Journal, log: Logger) -> Bool {
        if journal.generation > 1 { return journal.hasBlame }
        let wasInterrupted = (try? FileStatus.of(settings.runningMark)) != nil
        do throws(SystemError) { try writeFileAtomically(settings.runningMark, []) } catch {
            log.warning("cannot note that the mount is served", metadata: ["error": "\(error)"])
        }
        return wasInterrupted
    }
}
