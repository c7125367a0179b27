import MusicFSCache
import MusicFSCore
import MusicFSOrigins
import MusicFSSystem
import Synchronization

/// Having the tags of files read.
extension OriginScan {
    /// - Parameter replica: where the file is known, and has changed.
    func readTags(
        _ file: OriginFile, _ stamp: FileStamp, replica: Int64?, _ reader: LibraryReader, _ writer: BatchWriter
    ) throws {
        writer.begin()
        let complete = { @Sendable (content: AudioContent) in writer.complete(.audio(file, stamp, content)) }
        let path = joined(file.folder, file.name)
        if let local = origin as? LocalOrigin, !local.isRemote {
            do throws(SystemError) {
                media.read(
                    try local.open(FilePath(bytes: path) ?? "/"), name: file.name,
                    wantsIdentity: wantsIdentity, completion: complete)
            } catch { complete(.postponed(reason: "cannot be opened: \(error.errno)")) }
        } else {
            try readRanges(path, stamp, name: file.name, replica: replica, reader, complete)
        }
    }

    /// What is doubted is known by its content from then on, so that what is cached of it is not taken for the new bytes.
    private var wantsIdentity: Bool { settings.wantsIdentity || !doubtful.isEmpty }

    private func readRanges(
        _ path: [UInt8], _ stamp: FileStamp, name: [UInt8], replica: Int64?, _ reader: LibraryReader,
        _ complete: @escaping @Sendable (AudioContent) -> Void
    ) throws {
        guard let remote, let source = remote.source(origin: origin.id, path: path, stamp: stamp) else {
            return complete(.postponed(reason: "its origin is not ready"))
        }
        let before = try replica.flatMap { try reader.prior(replica: $0) }
        let fetched = FetchedRanges()
        let id = origin.id
        media.read(
            source, size: stamp.size, name: name, wantsIdentity: wantsIdentity,
            onBytes: { fetched.add($0, $1) }
        ) { content in
            if case .report(let report) = content {
                remote.noteRead(
                    RemoteFile(
                        origin: id, path: path, stamp: stamp, report: report, ranges: fetched.take(), before: before))
            }
            complete(content)
        }
    }

    /// Tells equal companions of several discs or origins from different ones: XXH3 over the size and the first and the
    /// last 64 KiB, so that few bytes of a remote one are fetched.
    func companionIdentity(_ file: OriginFile, _ stamp: FileStamp) -> [UInt8]? {
        let isDisc = DiscFolder.matches(Array(file.folder.split(separator: UInt8(ascii: "/")).last ?? []))
        guard isDisc || settings.wantsIdentity, stamp.size >= 0 else { return nil }
        let part: Int64 = 64 << 10
        let path = joined(file.folder, file.name)
        var writer = ByteWriter(reserving: 2 * Int(part) + 16)
        writer.write(stamp.size)
        let head = 0..<min(stamp.size, part)
        let tail = max(head.upperBound, stamp.size - part)..<stamp.size
        for range in [head, tail] {
            guard
                let bytes = try? origin.answering({ (origin, deadline) throws(OriginError) in
                    try origin.bytes(path, stamp, range, deadline: deadline)
                })
            else { return nil }
            writer.write(bytes)
        }
        return ContentHash.xxh3(writer.bytes)
    }

    func joined(_ folder: [UInt8], _ name: [UInt8]) -> [UInt8] {
        folder.isEmpty ? name : folder + [UInt8(ascii: "/")] + name
    }
}

/// What was fetched of one file while its tags were read.
private final class FetchedRanges: Sendable {
    private let ranges = Mutex<[(offset: Int64, bytes: ContentBytes)]>([])

    func add(_ offset: Int64, _ bytes: ContentBytes) { ranges.withLock { $0.append((offset, bytes)) } }

    func take() -> [(offset: Int64, bytes: ContentBytes)] {
        ranges.withLock { ranges in
            defer { ranges = [] }
            return ranges
        }
    }
}

extension Origin {
    fileprivate func bytes(
        _ path: [UInt8], _ stamp: FileStamp, _ range: Range<Int64>, deadline: UInt64
    ) throws(OriginError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        if range.isEmpty { return bytes }
        let result: Result<Void, OriginError> = unsafe bytes.withUnsafeMutableBytes { buffer in
            do throws(OriginError) {
                return .success(
                    unsafe try read(path, stamp, at: range.lowerBound, into: buffer, deadline: deadline))
            } catch { return .failure(error) }
        }
        try result.get()
        return bytes
    }
}
