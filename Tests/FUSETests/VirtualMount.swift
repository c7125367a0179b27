import Foundation
import MusicFSCache
import MusicFSCore
import MusicFSSystem
import Synchronization
import TestSupport
import Testing

@testable import MusicFSFUSE

/// Lists by their names, and how often their tracks were asked for.
final class ScriptedLists: TrackLists {
    struct Failure: Error {}

    let name: String
    let hasPlaylists: Bool
    private let state = Condition(State())

    private struct State: Sendable {
        var lists: [String: [Int64]] = [:]
        var queries = 0
        var isHeld = false
        var fails = false
    }

    init(_ name: String, hasPlaylists: Bool) {
        self.name = name
        self.hasPlaylists = hasPlaylists
    }

    subscript(list: String) -> [Int64]? {
        get { state.withLock { $0.lists[list] } }
        set { state.withLock { $0.lists[list] = newValue } }
    }

    var queries: Int { state.withLock { $0.queries } }
    /// Queries wait until it is let go.
    var isHeld: Bool {
        get { state.withLock { $0.isHeld } }
        set {
            state.withLock { $0.isHeld = newValue }
            state.broadcast()
        }
    }
    var fails: Bool {
        get { state.withLock { $0.fails } }
        set { state.withLock { $0.fails = newValue } }
    }

    func names() throws -> [String] {
        // Those behind the first are none that could be entered.
        state.withLock { Array($0.lists.keys) } + ["a/b", "", "..", ".hidden", "a\u{1}b", "unknown"]
    }
    // As search takes whatever is written, and collections only what there is.
    func accepts(_ name: String) -> Bool { !hasPlaylists || state.withLock { $0.lists[name] != nil } }
    func tracks(of name: String, limit: Int) throws -> [Int64]? {
        state.withLock { $0.queries += 1 }
        return try state.wait { state -> Result<[Int64]?, any Error>? in
            if state.isHeld { return nil }
            return Result {
                if state.fails { throw Failure() }
                return state.lists[name].map { Array($0.prefix(limit)) } ?? (hasPlaylists ? nil : [])
            }
        }.get()
    }
}

final class HintLog: HintReceiver {
    let nodes = Mutex<[Int64]>([])
    func hint(node: Int64) { nodes.withLock { $0.append(node) } }
}

/// A mount with some tracks by one artist.
final class VirtualMount {
    let byHand: MountByHand
    let search = ScriptedLists(".search", hasPlaylists: false)
    let collections = ScriptedLists(".collections", hasPlaylists: true)
    let hints = HintLog()
    private let timer: DeadlineTimer
    private var server: FUSEServer?
    private var added = 0

    init(tracks: Int, deadline: Duration = .seconds(20), isOff: Bool = false) throws {
        byHand = try MountByHand()
        timer = try DeadlineTimer()
        try add(tracks)
        try start(deadline: deadline, isOff: isOff)
    }

    deinit { _ = server?.stop(until: monotonicNanoseconds()) }

    func start(deadline: Duration = .seconds(20), isOff: Bool = false) throws {
        let predecessor = server
        if let predecessor { #expect(predecessor.stop(until: monotonicNanoseconds() + 1_000_000_000)) }
        let virtual = VirtualDirectories(
            lists: [search, collections], hints: hints, timer: timer, deadline: deadline)
        let server = try byHand.makeServer(isOff ? nil : virtual)
        try server.start(threads: 1)
        self.server = server
        // The last that the predecessor's thread answers.
        if predecessor != nil { _ = try shell("ls 'nothing 1' 'nothing 2' 'nothing 3'") }
    }

    func add(_ count: Int) throws {
        _ = try byHand.library.apply(
            (added..<added + count).map { number in
                let tags = Tags(entries: [
                    Tags.Entry(.title, "Song \(number)"), Tags.Entry(.artist, "Artist"),
                    Tags.Entry(.albumArtist, "Artist"), Tags.Entry(.album, "Album"),
                ])
                return .audio(
                    OriginFile(origin: byHand.origin, folder: [], name: Array("\(number).mp3".utf8)),
                    FileStamp(size: 1, modified: 1_000_000_000, inode: UInt64(number + 1)),
                    .report(MediaReport(tags: tags)))
            })
        added += count
    }

    /// The ids of all tracks, by their titles' numbers.
    func tracks() throws -> [Int64] {
        let reader = try byHand.library.makeReader()
        func number(_ title: String?) -> Int { Int(title?.split(separator: " ").last ?? "") ?? 0 }
        return try reader.places(of: reader.allTracks()).sorted {
            number($0.place.title) < number($1.place.title)
        }.map(\.track)
    }

    func changed(_ directory: String? = nil) { server?.listsChanged(in: directory) }
    func namesChanged(_ directory: String) { server?.namesChanged(in: directory) }
    func shell(_ script: String) throws -> [String] { try byHand.shell(script).lines }
}

/// Asks until it is so, or the time is over.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    let end = Date().addingTimeInterval(10 * patience)
    while Date() < end {
        if try condition() { return true }
        usleep(20_000)
    }
    return try condition()
}
