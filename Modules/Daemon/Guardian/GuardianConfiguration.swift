package import MusicFSSystem

/// All that a guardian must know; everything in it has been checked.
package struct GuardianConfiguration: Sendable {
    /// Absolute, without symbolic links.
    package var mountPoint: FilePath
    /// Directories that only one daemon may use at a time: cache and state of the instance. They exist.
    package var lockedDirectories: [FilePath]
    package var allowOther: Bool
    /// Whether the kernel may read local files by itself, where it can (`fuse.passthrough`).
    package var allowsPassthrough: Bool
    /// Whether all origins are local disks.
    package var isAllLocal: Bool
    /// The arguments of `mount` and `serve` that say what is mounted.
    package var arguments: [String]
    /// Whether the terminal is to be left alone.
    package var isDetached: Bool
    package var heartbeatTimeout: Duration
    /// How many servers may die before they have served for a second.
    package var maxRestarts: Int
    /// How often this mount was made anew in a row, since the kernel had aborted its connection.
    package var remounts: Int
    /// Goes with the mount.
    package var memoryLibrary: MemoryLibrary

    package init(
        mountPoint: FilePath, lockedDirectories: [FilePath], allowOther: Bool, allowsPassthrough: Bool,
        isAllLocal: Bool, arguments: [String], isDetached: Bool,
        heartbeatTimeout: Duration, maxRestarts: Int,
        remounts: Int, memoryLibrary: MemoryLibrary
    ) {
        self.mountPoint = mountPoint
        self.lockedDirectories = lockedDirectories
        self.allowOther = allowOther
        self.allowsPassthrough = allowsPassthrough
        self.isAllLocal = isAllLocal
        self.arguments = arguments
        self.isDetached = isDetached
        self.heartbeatTimeout = heartbeatTimeout
        self.maxRestarts = maxRestarts
        self.remounts = remounts
        self.memoryLibrary = memoryLibrary
    }

    /// How another process of this mount is started: all of its arguments, the program's name first.
    func arguments(of command: String, _ option: String? = nil) -> [String] {
        ["musicfs", command] + (isDetached ? ["--detached"] : []) + (option.map { [$0] } ?? []) + arguments
    }
}

/// Descriptors that a server inherits, by number.
package enum ServerDescriptor {
    package static let device: CInt = 3
    package static let journal: CInt = 4
    package static let channel: CInt = 5
    /// Written to once a second while all is well.
    package static let heartbeat: CInt = 6
}

/// Why a mount could not be made, in one line, with what to do about it.
package struct MountError: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}
