package import MusicFSSystem

/// Something that happened and that other programs may follow.
package enum Event: Hashable, Sendable {
    /// Of the mount, like the following. `file` is the track's id; covers and the like have none.
    case fileAdded(path: FilePath, origin: String, file: Int64?)
    case fileRemoved(path: FilePath, origin: String, file: Int64?)
    case fileModified(path: FilePath, origin: String, file: Int64?)
    /// Once for each open (D17); `size` is the file's, in bytes.
    case fileAccessed(file: Int64?, path: FilePath, origin: String, offset: Int64, size: Int64)
    case syncStarted(origin: String)
    case syncCompleted(origin: String, filesChanged: Int)
    case originConnected(origin: String)
    case originDisconnected(origin: String)
    /// An origin's health as its checks see it.
    case originHealthChanged(origin: String, isHealthy: Bool)
    case allOriginsUnhealthy(origins: Int)
    /// The cache made room.
    case cacheEviction(bytesFreed: Int64)
    /// Keys that are in force by now, and those that are from the next mount on.
    case configReloaded(changed: [String], needsRestart: [String])
    case mountStateChanged(from: MountState, to: MountState, because: String)
}

/// The value of an event's field as other programs read it.
package enum EventValue: Hashable, Sendable {
    case text(String)
    case number(Int64)
    case flag(Bool)
}

extension Event {
    /// The name on the wire.
    package var name: String {
        switch self {
        case .fileAdded: "file_added"
        case .fileRemoved: "file_removed"
        case .fileModified: "file_modified"
        case .fileAccessed: "file_accessed"
        case .syncStarted: "sync_started"
        case .syncCompleted: "sync_completed"
        case .originConnected: "origin_connected"
        case .originDisconnected: "origin_disconnected"
        case .originHealthChanged: "origin_health_changed"
        case .allOriginsUnhealthy: "all_origins_unhealthy"
        case .cacheEviction: "cache_eviction"
        case .configReloaded: "config_reloaded"
        case .mountStateChanged: "mount_state_changed"
        }
    }

    /// The names that `name` can have, for checking what a subscriber asks for.
    package static let names = [
        "file_added", "file_removed", "file_modified", "file_accessed", "sync_started", "sync_completed",
        "origin_connected", "origin_disconnected", "origin_health_changed", "all_origins_unhealthy", "cache_eviction",
        "config_reloaded", "mount_state_changed",
    ]

    /// The fields on the wire, in their order; an optional field that is not known is left out.
    package var fields: [(name: String, value: EventValue)] {
        switch self {
        case .fileAdded(let path, let origin, let file), .fileRemoved(let path, let origin, let file),
            .fileModified(let path, let origin, let file):
            Self.fields(path, origin, file)
        case .fileAccessed(let file, let path, let origin, let offset, let size):
            Self.fields(path, origin, file) + [("offset", .number(offset)), ("size", .number(size))]
        case .syncStarted(let origin), .originConnected(let origin), .originDisconnected(let origin):
            [("origin_id", .text(origin))]
        case .syncCompleted(let origin, let filesChanged):
            [("origin_id", .text(origin)), ("files_changed", .number(Int64(filesChanged)))]
        case .originHealthChanged(let origin, let isHealthy):
            [("origin_id", .text(origin)), ("healthy", .flag(isHealthy))]
        case .allOriginsUnhealthy(let origins):
            [("candidate_count", .number(Int64(origins)))]
        case .cacheEviction(let bytesFreed):
            [("bytes_freed", .number(bytesFreed))]
        case .configReloaded(let changed, let needsRestart):
            [
                ("changed", .text(changed.joined(separator: " "))),
                ("needs_restart", .text(needsRestart.joined(separator: " "))),
            ]
        case .mountStateChanged(let from, let to, let because):
            [("from", .text(from.rawValue)), ("to", .text(to.rawValue)), ("because", .text(because))]
        }
    }

    private static func fields(
        _ path: FilePath, _ origin: String, _ file: Int64?
    ) -> [(name: String, value: EventValue)] {
        [("path", .text(path.description)), ("origin_id", .text(origin))]
            + (file.map { [("file_id", .number($0))] } ?? [])
    }

    /// The origin that the event is about, for subscribers that follow one.
    package var origin: String? {
        switch self {
        case .fileAdded(_, let origin, _), .fileRemoved(_, let origin, _), .fileModified(_, let origin, _),
            .fileAccessed(_, _, let origin, _, _), .syncStarted(let origin),
            .syncCompleted(let origin, _), .originConnected(let origin), .originDisconnected(let origin),
            .originHealthChanged(let origin, _):
            origin
        case .allOriginsUnhealthy, .cacheEviction, .configReloaded, .mountStateChanged: nil
        }
    }
}
