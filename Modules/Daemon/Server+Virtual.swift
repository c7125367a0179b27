import MusicFSCore
import MusicFSFUSE

/// What can be entered in the mount's root beside the tree.
extension Server {
    /// Those that there are; their order is the same in every server.
    static func virtualDirectories(
        _ search: SearchService, _ collections: Collections, _ timer: DeadlineTimer
    ) -> VirtualDirectories {
        VirtualDirectories(
            lists: [SearchLists(search: search), CollectionDirectory(collections: collections)], hints: nil,
            timer: timer)
    }
}
