package import MusicFSCore

/// A directory of lists of tracks in the root of the mount, as `.search` and `.collections`.
package protocol TrackLists: Sendable {
    /// The directory's name in the root.
    var name: String { get }
    /// What a listing of it shows. May wait; called on a lane.
    func names() throws -> [String]
    /// Whether a list of this name may be entered. Constant time, no I/O, no query: look-ups wait for it.
    func accepts(_ name: String) -> Bool
    /// The tracks of a list, in its order, at most `limit`; nil when there is none of this name. May wait; called on a lane.
    func tracks(of name: String, limit: Int) throws -> [Int64]?
    /// Whether each list is also shown as a file NAME.m3u8 with relative paths.
    var hasPlaylists: Bool { get }
}

/// Takes notice of the files that programs look up below `.prefetch`.
package protocol HintReceiver: Sendable {
    /// A program looked up a file below `.prefetch`. Queues only; constant time, no I/O.
    func hint(node: Int64)
}

/// The directories of the root that are no part of the tree: they can be entered by their names, and no listing shows them.
package struct VirtualDirectories: Sendable {
    /// At most 16. The place of each is part of node ids: servers of one layout of the journal give the same in the same order.
    package var lists: [any TrackLists]
    /// nil for no `.prefetch`.
    package var hints: (any HintReceiver)?
    package var timer: DeadlineTimer
    /// How long a program waits for a query, at most.
    package var deadline: Duration

    package init(
        lists: [any TrackLists], hints: (any HintReceiver)?, timer: DeadlineTimer, deadline: Duration = .seconds(5)
    ) {
        self.lists = lists
        self.hints = hints
        self.timer = timer
        self.deadline = deadline
    }
}
