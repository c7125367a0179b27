import MusicFSCAS
import MusicFSCache
import MusicFSCore
import MusicFSOrigins
import MusicFSSync
import MusicFSSystem

/// What becomes of the bytes that were fetched for reading tags: they are kept in the cache, and where a file has
/// changed, its audio is kept too if it is provably the same (D24).
final class RemoteContentSink: RemoteContent {
    private let router: ContentRouter
    private let identifiesContent: Bool
    private let queue = Condition<[RemoteFile]>([])
    private let isStopped = Condition(false)

    /// Files that may wait; beyond, what was fetched is dropped and fetched again when it is read.
    private static let limit = 64

    init(router: ContentRouter, identifiesContent: Bool) throws(SystemError) {
        self.router = router
        self.identifiesContent = identifiesContent
        try startThread("content-sink") { [weak self] in
            while let file = self?.next() { if let file { self?.keep(file) } }
        }
    }

    func stop() {
        isStopped.withLock { $0 = true }
        queue.broadcast()
    }

    func source(origin: Int64, path: [UInt8], stamp: FileStamp) -> (any RangeSource)? {
        guard let path = FilePath(bytes: path), let replica = router.location(origin, path, stamp) else { return nil }
        return router.makeSource(replica)
    }

    func noteRead(_ file: RemoteFile) {
        guard router.cache.store != nil, router.member(file.origin)?.isKept == true else { return }
        queue.withLock { if $0.count < Self.limit { $0.append(file) } }
        queue.signal()
    }

    /// The next file; `.some(nil)` when none came for a while; nil when all is over.
    private func next() -> RemoteFile?? {
        if isStopped.withLock({ $0 }) { return nil }
        return .some(
            queue.wait(until: monotonicNanoseconds() &+ 1_000_000_000) { $0.isEmpty ? nil : $0.removeFirst() })
    }

    private func keep(_ file: RemoteFile) {
        guard let origin = router.member(file.origin)?.setting.id else { return }
        let place = ContentKey(origin: origin, path: file.path, stamp: file.stamp)
        let identified = file.report.identity.map { ContentKey(size: file.stamp.size, identity: $0) }
        let payload = file.report.layout.flatMap { $0.audioStart <= $0.audioEnd ? $0.audioStart..<$0.audioEnd : nil }
        let info = VersionInfo(
            key: identifiesContent ? identified ?? place : place, size: file.stamp.size, payload: payload,
            origin: origin)
        router.cache.keep(info, file.ranges)
        guard identifiesContent, let before = file.before, before.key != info.key, let payload else { return }
        do {
            guard try isSameAudio(file, payload, before) else { return }
            try router.cache.adopt(before.key, payloadStart: before.payload.lowerBound, for: info)
            router.log.info(
                "only the tags of a file changed; its audio stays cached", metadata: ["origin": "\(origin)"])
        } catch {
            router.log.debug("the audio of a changed file could not be kept", metadata: ["error": "\(error)"])
        }
    }

    // MARK: D24

    /// Equal length, and an equal stored checksum, or equal samples where the format has none.
    private func isSameAudio(_ file: RemoteFile, _ payload: Range<Int64>, _ before: PriorVersion) throws -> Bool {
        guard payload.count == before.payload.count, !payload.isEmpty else { return false }
        let checksum = file.report.layout?.checksum
        if checksum != nil || before.checksum != nil { return checksum == before.checksum }
        return samplesAgree(file, payload, before)
    }

    /// Sixteen blocks of 4 KiB at places that follow from the path, among those that are stored of the old version.
    private func samplesAgree(_ file: RemoteFile, _ payload: Range<Int64>, _ before: PriorVersion) -> Bool {
        let block: Int64 = 4096
        let room = Int64(payload.count) - block
        guard room > 0, let source = source(origin: file.origin, path: file.path, stamp: file.stamp) else {
            return false
        }
        var seed = ContentHash.xxh3(file.path)
        var agreed = 0
        for _ in 0..<256 where agreed < 16 {
            seed = ContentHash.xxh3(seed)
            let number = seed[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let offset = Int64(number % UInt64(room))
            let old = before.payload.lowerBound + offset
            guard let known = router.cache.storedBytes(before.key, old..<(old + block)) else { continue }
            let new = payload.lowerBound + offset
            guard let fetched = fetch(source, new..<(new + block)), fetched == known else { return false }
            agreed += 1
        }
        return agreed == 16
    }

    private func fetch(_ source: any RangeSource, _ range: Range<Int64>) -> [UInt8]? {
        let answer = Condition<[UInt8]??>(nil)
        source.fetch(range) { result in
            let bytes = (try? result.get()).map { unsafe Array($0.buffer) }
            answer.withLock { $0 = .some(bytes) }
            answer.signal()
        }
        return answer.wait { $0 }
    }
}
