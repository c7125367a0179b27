import MusicFSCore
import MusicFSSystem
import Synchronization

/// Descriptors of files that are being read in ranges, so that not every range costs an open.
///
/// A file that was replaced goes on being the version that it was opened as; one that is rewritten in place is noticed
/// when it has been idle and is opened again.
final class HeldFiles: Sendable {
    private struct Key: Hashable {
        var path: [UInt8]
        var stamp: FileStamp
    }

    private struct Entry {
        var file: SharedFD
        var lastUse: UInt64
    }

    // Times are read before the lock, so that an entry may be later: nothing is subtracted.
    private let entries = Mutex<[Key: Entry]>([:])
    private static let limit = 32
    private static let idle: UInt64 = 5_000_000_000

    func file(_ path: [UInt8], _ stamp: FileStamp) -> SharedFD? {
        let key = Key(path: path, stamp: stamp)
        let now = monotonicNanoseconds()
        return entries.withLock { entries in
            guard let entry = entries[key], now < entry.lastUse &+ Self.idle else { return nil }
            entries[key]?.lastUse = now
            return entry.file
        }
    }

    func keep(_ file: SharedFD, _ path: [UInt8], _ stamp: FileStamp) {
        entries.withLock { entries in
            if entries.count >= Self.limit, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
                entries[oldest.key] = nil
            }
            entries[Key(path: path, stamp: stamp)] = Entry(file: file, lastUse: monotonicNanoseconds())
        }
    }

    func drop(_ path: [UInt8]) { entries.withLock { entries in entries = entries.filter { $0.key.path != path } } }

    func closeIdle() {
        let now = monotonicNanoseconds()
        entries.withLock { entries in entries = entries.filter { now < $0.value.lastUse &+ Self.idle } }
    }
}
