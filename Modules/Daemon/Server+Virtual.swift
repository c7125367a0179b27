import MusicFSCache
import MusicFSCore
import MusicFSFUSE

/// What can be entered in the mount's root beside the tree.
extension Server {
    /// Those that there are; their order is the same in every server.
    ///
    /// - Parameter prefetcher: takes the hints of `.prefetch`; without it there is none.
    static func virtualDirectories(
        _ search: SearchService, _ curation: Curation, _ collections: Collections, _ prefetcher: Prefetcher?,
        _ timer: DeadlineTimer
    ) -> VirtualDirectories {
        VirtualDirectories(
            lists: [
                SearchLists(search: search, curation: curation), CollectionDirectory(collections: collections),
            ], hints: prefetcher, timer: timer)
    }
}
