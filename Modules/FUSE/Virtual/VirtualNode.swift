/// What the kernel knows something in a virtual directory by: a node id whose plan is 4, which no file has (`NodeID`).
///
///     63..60  59..56  55..0
///     4       kind    place | hash of directory and name | epoch (45..36) and id (35..0)
///
/// A list is known by a hash of what it is called, so that it has the same id however often it was forgotten; `ListTable`
/// knows the name. A link is known by its track alone, so that it can be read without its list.
enum VirtualNode: Hashable, Sendable {
    /// A directory of lists, by its place among them.
    case directory(Int)
    /// A list, by `ListTable`'s id.
    case list(UInt64)
    /// A list as a file with certain bytes, by `ListTable`'s id.
    case playlist(UInt64)
    /// A symbolic link to a track, in whatever list.
    case link(epoch: UInt64, track: Int64)
    /// What stands for a directory of the tree below `.prefetch`; the root for that itself.
    case hintDirectory(epoch: UInt64, node: Int64)
    /// What stands for a file of the tree there.
    case hintLink(epoch: UInt64, node: Int64)

    private static let plan: UInt64 = 4
    static let hashMask: UInt64 = (1 << 56) - 1
    private static let idMask: UInt64 = (1 << 36) - 1
    private static let epochMask: UInt64 = (1 << 10) - 1

    /// - Returns: nil for a number that is no virtual node's.
    init?(raw: UInt64) {
        guard raw >> 60 == Self.plan else { return nil }
        let rest = raw & Self.hashMask
        let epoch = rest >> 36 & Self.epochMask
        let id = Int64(rest & Self.idMask)
        let hasIDs = rest >> 46 == 0 && id > 0
        switch raw >> 56 & 0xf {
        case 0 where rest < UInt64(ListTable.directories): self = .directory(Int(rest))
        case 1: self = .list(rest)
        case 2: self = .playlist(rest)
        case 3 where hasIDs: self = .link(epoch: epoch, track: id)
        case 4 where hasIDs: self = .hintDirectory(epoch: epoch, node: id)
        case 5 where hasIDs: self = .hintLink(epoch: epoch, node: id)
        default: return nil
        }
    }

    /// The node id, and `st_ino` too: it differs from those of the tree.
    var raw: UInt64 {
        switch self {
        case .directory(let place): Self.raw(0, UInt64(truncatingIfNeeded: place))
        case .list(let id): Self.raw(1, id)
        case .playlist(let id): Self.raw(2, id)
        case .link(let epoch, let track): Self.raw(3, Self.pair(epoch, track))
        case .hintDirectory(let epoch, let node): Self.raw(4, Self.pair(epoch, node))
        case .hintLink(let epoch, let node): Self.raw(5, Self.pair(epoch, node))
        }
    }

    private static func raw(_ kind: UInt64, _ rest: UInt64) -> UInt64 { plan << 60 | kind << 56 | rest & hashMask }

    private static func pair(_ epoch: UInt64, _ id: Int64) -> UInt64 {
        (epoch & epochMask) << 36 | UInt64(bitPattern: id) & idMask
    }

    /// `.prefetch` itself, whichever library is served.
    static let hints = VirtualNode.hintDirectory(epoch: 0, node: 1)

    /// Whether it belongs to a library of this epoch, or to none.
    func isOf(epoch: UInt64) -> Bool {
        switch self {
        case .directory, .list, .playlist, .hints: true
        case .link(let own, _), .hintDirectory(let own, _), .hintLink(let own, _): own == epoch & Self.epochMask
        }
    }

    /// File type and permissions, as in `st_mode`.
    var mode: UInt32 {
        switch self {
        case .directory, .list, .hintDirectory: 0o040555
        case .playlist: 0o100444
        case .link, .hintLink: 0o120777
        }
    }

    var isDirectory: Bool { mode == 0o040555 }
}
