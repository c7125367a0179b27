import MusicFSCAS
import MusicFSCore
import MusicFSSystem
import TestSupport

// Changes the store in a directory in all ways there are, with known content, until it is killed.
// Arguments: the directory, the store's limit in bytes, and a seed.

extension StressVersion {
    fileprivate var info: VersionInfo { VersionInfo(key: key, size: size, payload: payload, origin: "o") }
}

private func content(_ bytes: ArraySlice<UInt8>) -> ContentBytes {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
    unsafe buffer.copyBytes(from: bytes)
    return unsafe ContentBytes(owning: buffer)
}

private func fill(_ directory: FilePath, limit: Int64, seed: UInt64) throws {
    let store = try ChunkStore(directory: directory, limit: limit, log: .disabled)
    let cache = try ContentCache(
        store: store, budget: BufferBudget(limit: 64 << 20), settings: ContentCache.Settings(readAhead: 0),
        timer: try DeadlineTimer())
    var random = SeededGenerator(seed: seed)
    // Whoever should kill it may be gone.
    let end = monotonicNanoseconds() + 30_000_000_000
    while monotonicNanoseconds() < end {
        let version = StressVersion(Int.random(in: 0..<StressVersion.count, using: &random))
        switch Int.random(in: 0..<20, using: &random) {
        case 0: try cache.forget(version.key)
        case 1: try cache.setPinned([version.key], version.number < 2)
        case 2, 3, 4:
            try cache.adopt(version.twin.key, payloadStart: version.twin.payload.lowerBound, for: version.info)
        case 5 where Int.random(in: 0..<20, using: &random) == 0: _ = try cache.clear(origin: nil)
        default:
            let bytes = version.bytes
            let start = Bool.random(using: &random) ? 0 : Int.random(in: 0..<bytes.count, using: &random)
            let end =
                Bool.random(using: &random) ? bytes.count : Int.random(in: start..<bytes.count, using: &random) + 1
            store.noteAccess(version.key)
            cache.keep(version.info, [(Int64(start), content(bytes[start..<end]))])
        }
        if Int.random(in: 0..<12, using: &random) == 0 { try cache.flush() }
    }
}

private let arguments = CommandLine.arguments
guard arguments.count == 4, let limit = Int64(arguments[2]), let seed = UInt64(arguments[3]) else {
    fatalError("usage: musicfs-cachefiller DIRECTORY LIMIT SEED")
}
try fill(FilePath(arguments[1]), limit: limit, seed: seed)
