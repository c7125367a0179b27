import MusicFSCore
import MusicFSFUSE

/// What can be entered in the mount's root beside the tree.
extension Server {
    /// Those that there are; their order is the same in every server.
    static func virtualDirectories(_ timer: DeadlineTimer) -> VirtualDirectories {
        VirtualDirectories(lists: [], hints: nil, timer: timer)
    }
}
