import MusicFSControl
import MusicFSFUSE

/// `.collections` in the root of the mount.
struct CollectionDirectory: TrackLists {
    let collections: Collections

    static let name = ".collections"

    var name: String { Self.name }
    var hasPlaylists: Bool { true }

    func names() throws -> [String] { try collections.list().map(\.name) }

    func accepts(_ name: String) -> Bool { collections.accepts(name) }

    func tracks(of name: String, limit: Int) throws -> [Int64]? {
        do { return try collections.tracks(of: name, limit: limit) } catch let error as ControlError {
            switch error.code {
            case .notFound: return nil
            // What it holds cannot be read by this version: an empty directory rather than an error for who lists them all.
            case .badRequest, .conflict: return []
            default: throw error
            }
        }
    }
}
