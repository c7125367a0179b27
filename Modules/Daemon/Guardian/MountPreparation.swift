package import MusicFSCore
package import MusicFSSystem

/// What has to be in order before anything is mounted: locks, the mount point, FUSE itself.
package enum MountPreparation {
    /// Makes an instance's directories where they are missing, and takes their locks. They are held as long as the
    /// result lives, by this process alone.
    ///
    /// - Parameters:
    ///   - optional: the one of them that the instance can do without, if need be.
    ///   - onUnusable: takes what is wrong with that.
    package static func lock(
        _ directories: [FilePath], optional: FilePath? = nil, onUnusable: (any Error) -> Void = { _ in }
    ) throws -> [SharedFD] {
        try directories.compactMap { directory in
            let file: SharedFD
            do { file = SharedFD(try openLock(directory)) } catch {
                guard directory == optional else { throw error }
                onUnusable(error)
                return nil
            }
            try lock(file, of: directory)
            return file
        }
    }

    /// - Throws: `MountError` where the directory cannot be made or written.
    private static func openLock(_ directory: FilePath) throws -> OwnedFD {
        do throws(SystemError) {
            try createDirectories(directory, mode: 0o700)
        } catch {
            throw MountError(
                """
                cannot create \(directory): \(error.errno); choose another directory with --cache-dir or --state-dir
                """)
        }
        do throws(SystemError) {
            // Never truncated before it is locked: the number in it is the holder's.
            return try open(directory.appending("lock"), [.readWrite, .create], mode: 0o644)
        } catch {
            throw MountError(
                """
                cannot write to \(directory): \(error.errno); make it writable, or choose another directory with \
                --cache-dir or --state-dir
                """)
        }
    }

    /// The number of the process that has locked a file, as people read it.
    static func holder(of lock: CInt) -> String {
        let text = (try? readFully(lock, at: 0, count: 20)) ?? []
        return String(decoding: text, as: UTF8.self).filter(\.isNumber)
    }

    private static func lock(_ file: SharedFD, of directory: FilePath) throws {
        do {
            try lockExclusively(file.raw)
        } catch {
            let holder = holder(of: file.raw)
            throw MountError(
                """
                already running: process \(holder) uses \(directory); stop it with 'musicfs shutdown', or choose \
                another --name
                """)
        }
        // The number is for people; a disk that takes it no more is found out by who needs it.
        guard (try? truncate(file.raw, to: 0)) != nil else { return }
        try? writeFully(file.raw, Array("\(ThisProcess.pid)\n".utf8))
    }

    /// Raises the limit of open files as far as it may be, for all processes of the mount, and refuses to go on where too
    /// few are allowed to serve with.
    ///
    /// - Parameter threads: of the request loop, each of which has a connection to the library.
    package static func checkDescriptors(threads: Int, origins: Int) throws {
        let limit = ThisProcess.raiseDescriptorLimit()
        let least = max(128, 64 + 4 * threads + 8 * origins)
        guard limit < least else { return }
        throw MountError(
            """
            only \(limit) files may be open, and at least \(least) are needed; raise the limit with 'ulimit -n 65536', or \
            LimitNOFILE= of the unit
            """)
    }

    /// Clears what a daemon that died left mounted, and checks that the directory can be mounted on.
    package static func prepare(_ mountPoint: FilePath, origins: [FilePath], log: Logger) throws {
        if let entry = try MountEntry.at(mountPoint), entry.isMusicFS {
            guard isDead(mountPoint) else {
                throw MountError(
                    "\(mountPoint) is mounted already; unmount it with 'musicfs unmount \(mountPoint)'")
            }
            log.notice("clearing a mount whose daemon is gone", metadata: ["mount": "\(mountPoint)"])
            try clear(mountPoint)
        }
        let status: FileStatus
        do throws(SystemError) {
            status = try FileStatus.of(mountPoint)
        } catch {
            throw MountError(
                "the mount point \(mountPoint) cannot be used: \(error.errno); create it with 'mkdir -p \(mountPoint)'")
        }
        guard status.kind == .directory else { throw MountError("the mount point \(mountPoint) is not a directory") }
        for origin in origins where mountPoint.isWithin(origin) {
            throw MountError(
                "the mount point \(mountPoint) lies inside the origin \(origin); mount it somewhere else")
        }
        let directory = try open(mountPoint, [.read, .directory])
        guard try listDirectory(directory.raw, path: mountPoint).isEmpty else {
            throw MountError("the mount point \(mountPoint) is not empty; mount on an empty directory")
        }
    }

    /// Whether FUSE is there at all.
    package static func checkFUSE(allowOther: Bool) throws {
        do throws(SystemError) {
            _ = try open("/dev/fuse", [.readWrite])
        } catch {
            switch error.errno {
            case .noEntry, .noDevice:
                throw MountError("/dev/fuse is missing; load the kernel module with 'modprobe fuse'")
            default:
                throw MountError(
                    "/dev/fuse cannot be opened: \(error.errno); it should be readable and writable for everybody: "
                        + "'chmod 0666 /dev/fuse'")
            }
        }
        guard !ThisProcess.isAdministrator else { return }
        guard fusermount != nil else {
            throw MountError("fusermount3 is missing; install it with 'apt-get install fuse3'")
        }
        if allowOther, !userMayAllowOther {
            throw MountError(
                "allow_other needs the line 'user_allow_other' in /etc/fuse.conf; add it, or leave out --allow-other")
        }
    }

    /// The set-user-ID helper that mounts for ordinary users.
    package static var fusermount: FilePath? {
        for directory: FilePath in ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/sbin"] {
            let path = directory.appending("fusermount3")
            if (try? FileStatus.of(path)) != nil { return path }
        }
        return nil
    }

    private static var userMayAllowOther: Bool {
        guard let text = try? readFile("/etc/fuse.conf", limit: 65536) else { return false }
        return String(decoding: text, as: UTF8.self).split(separator: "\n")
            .contains { $0.filter { !$0.isWhitespace } == "user_allow_other" }
    }

    /// Whether the daemon behind a mount is gone, or gives no answer within 5 s. Asked on a thread of its own, since a
    /// hung daemon would never let it go.
    private static func isDead(_ mountPoint: FilePath) -> Bool {
        let answer = Condition<Bool?>(nil)
        do throws(SystemError) {
            try startThread("probe") {
                var isDead = false
                do throws(SystemError) {
                    // Unlike attributes, this is never answered from what the kernel has kept.
                    _ = try FileSystemStatus.of(mountPoint)
                } catch { isDead = [.notConnected, .connectionAborted, .io].contains(error.errno) }
                answer.withLock { $0 = isDead }
                answer.signal()
            }
        } catch { return false }
        return answer.wait(until: monotonicNanoseconds() + 5_000_000_000) { $0 } ?? true
    }

    private static func clear(_ mountPoint: FilePath) throws {
        do {
            try takeDown(mountPoint, lazily: false)
        } catch {
            try takeDown(mountPoint, lazily: true)
        }
    }

    /// Unmounts, with privilege or through fusermount3.
    package static func takeDown(_ mountPoint: FilePath, lazily: Bool) throws {
        if ThisProcess.isAdministrator {
            try MusicFSSystem.unmount(mountPoint, lazily: lazily)
            return
        }
        guard let fusermount else {
            throw MountError("fusermount3 is missing; install it with 'apt-get install fuse3'")
        }
        let child = try ChildProcess.start(
            fusermount, arguments: ["fusermount3", lazily ? "-uzq" : "-uq", "--", mountPoint.description])
        guard child.wait(until: monotonicNanoseconds() + 5_000_000_000) == .code(0) else {
            throw MountError("fusermount3 could not unmount \(mountPoint)")
        }
    }
}
