package import MusicFSCore
package import MusicFSSystem
import Synchronization

/// A directory of this machine, read and never written.
///
/// Every path given to it is relative to its root and is resolved beneath it: a symbolic link that leads out, whether
/// it was there at the scan or was put there since, is refused with EXDEV.
package final class LocalOrigin: Origin {
    /// `origins.id` of the library.
    package let id: Int64
    package let name: String
    package let root: FilePath
    package let kind: FileSystemKind
    /// Whether it is to be treated as behind a network: by its file system's type, or because it was configured so.
    package let isRemote: Bool
    package let lane: IOLane
    /// The longest that one operation may take.
    package let timeout: Duration
    private let makeClone: @Sendable (FilePath) -> SharedFD?
    private let state: Mutex<Root>
    let held = HeldFiles()

    private struct Root {
        /// The root, opened through a private read-only mount where that was possible.
        var directory: SharedFD
        /// Whether it is such a mount: then reading leaves access times alone.
        var isCloned: Bool
        /// The mounts at, above and below the root when it was opened.
        var mounts: [MountEntry]
    }

    /// - Parameters:
    ///   - isNetwork: it was configured as `nfs` or `smb`.
    ///   - makeClone: gives the root of a private, read-only, noatime clone of the mount at a path; nil where there is no
    ///     privilege to make one.
    package init(
        id: Int64, name: String, root: FilePath, lane: IOLane, timeout: Duration,
        isNetwork: Bool = false, makeClone: @escaping @Sendable (FilePath) -> SharedFD?
    ) throws(SystemError) {
        self.id = id
        self.name = name
        self.root = try root.resolved()
        self.lane = lane
        self.timeout = timeout
        self.makeClone = makeClone
        kind = try FileSystemKind.of(self.root)
        isRemote = isNetwork || kind == .remote
        state = Mutex(try LocalOrigin.openRoot(self.root, makeClone))
    }

    private static func openRoot(
        _ root: FilePath, _ makeClone: @Sendable (FilePath) -> SharedFD?
    ) throws(SystemError) -> Root {
        let mounts = try relevantMounts(root)
        if let clone = makeClone(root) { return Root(directory: clone, isCloned: true, mounts: mounts) }
        let directory = SharedFD(try MusicFSSystem.open(root, [.read, .directory]))
        return Root(directory: directory, isCloned: false, mounts: mounts)
    }

    private static func relevantMounts(_ root: FilePath) throws(SystemError) -> [MountEntry] {
        try MountEntry.all().filter { $0.mountPoint.isWithin(root) || root.isWithin($0.mountPoint) }
    }

    /// Opens the root again where another directory has taken its place, or something was mounted or unmounted at, above
    /// or below it: a private clone does not follow such changes, and would keep an unmounted file system busy.
    ///
    /// - Returns: whether there was a change.
    @discardableResult
    package func refresh() throws(SystemError) -> Bool {
        let mounts = try LocalOrigin.relevantMounts(root)
        let now = try FileStatus.of(root)
        let (directory, known) = state.withLock { ($0.directory, $0.mounts) }
        let held = try FileStatus.of(raw: directory.raw)
        if known == mounts, held.device == now.device, held.inode == now.inode { return false }
        let fresh = try LocalOrigin.openRoot(root, makeClone)
        state.withLock { $0 = fresh }
        return true
    }

    /// Whether the root is a private read-only mount.
    package var isCloned: Bool { state.withLock { $0.isCloned } }

    /// Opens a file for reading. Blocks: call it on the lane.
    package func open(_ path: FilePath) throws(SystemError) -> OwnedFD {
        let (directory, isCloned) = state.withLock { ($0.directory, $0.isCloned) }
        if !isCloned {
            // O_NOATIME is for owners only (open(2)); EPERM means that somebody else's file is read as usual.
            do throws(SystemError) {
                return try openBeneath(directory, path, [.read, .noAccessTime, .nonBlocking])
            } catch {
                if error.errno != .perm { throw error }
            }
        }
        return try openBeneath(directory, path, [.read, .nonBlocking])
    }

    /// Opens a folder for listing; the empty path is the root.
    package func openFolder(_ path: [UInt8]) throws(SystemError) -> OwnedFD {
        guard let path = FilePath(bytes: path.isEmpty ? [UInt8(ascii: ".")] : path) else {
            throw SystemError("open", nil, .invalid)
        }
        return try openBeneath(state.withLock { $0.directory }, path, [.read, .directory])
    }

    private func openBeneath(
        _ directory: SharedFD, _ path: FilePath, _ flags: OpenFlags
    ) throws(SystemError) -> OwnedFD {
        do throws(SystemError) {
            return try MusicFSSystem.openBeneath(directory.raw, path, flags)
        } catch {
            if error.errno != .crossDevice { throw error }
        }
        // An absolute link may still lead to a place inside.
        return try MusicFSSystem.openBeneath(directory.raw, try contained(path), flags)
    }

    /// The path, relative to the root, of what a path with symbolic links leads to.
    /// - Throws: EXDEV when that is outside the root.
    package func contained(_ path: FilePath) throws(SystemError) -> FilePath {
        let real = try root.appending(path.bytes).resolved()
        guard real.isWithin(root) else { throw SystemError("open", path, .crossDevice) }
        let inside = Array(
            real.components.dropFirst(root.components.count).joined(separator: [UInt8(ascii: "/")]))
        return inside.isEmpty ? "." : FilePath(bytes: inside) ?? "."
    }
}
