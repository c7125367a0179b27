import MusicFSCache
import MusicFSCore
import MusicFSFUSE
import MusicFSOrigins
import MusicFSSystem
import Synchronization

/// Opens content versions on the local origins they lie on.
final class LocalContent: ContentProvider {
    private let library: Library
    private let log: Logger
    private let allowsPassthrough: Bool
    private let state = Mutex(State())

    private struct State {
        var origins: [Int64: LocalOrigin] = [:]
        /// Origins whose files the kernel reads by itself.
        var passthrough: Set<Int64> = []
    }

    init(library: Library, allowsPassthrough: Bool, log: Logger) {
        self.library = library
        self.allowsPassthrough = allowsPassthrough
        self.log = log
    }

    func add(_ origin: LocalOrigin) {
        // Through anything but the private clone the kernel would write access times (rule 22).
        let isPassthrough = allowsPassthrough && origin.kind == .local && origin.isCloned
        state.withLock { state in
            state.origins[origin.id] = origin
            if isPassthrough { state.passthrough.insert(origin.id) }
        }
    }

    func plan(origin: Int64) -> ReadPlan {
        state.withLock { $0.passthrough.contains(origin) } ? .passthrough : .direct
    }

    func abandonPassthrough(origin: Int64) { _ = state.withLock { $0.passthrough.remove(origin) } }

    func quarantine(_ version: ContentVersion) {
        do throws(CacheError) {
            try library.quarantine(replica: version.replica, reason: "a request for it killed the server twice")
        } catch { log.error("cannot quarantine a file", metadata: ["error": "\(error)"]) }
    }

    func open(
        _ version: ContentVersion,
        completion: @escaping @Sendable (Result<any OpenContent, ContentError>) -> Void
    ) {
        guard let path = version.path else { return completion(.failure(.changed)) }
        guard let origin = state.withLock({ $0.origins[version.origin] }) else {
            return completion(.failure(.unreachable))
        }
        origin.lane.submit(deadline: origin.timeout) { [self] () throws(ContentError) -> LocalFile in
            try openNow(version, path, origin)
        } completion: { result in
            switch result {
            case .success(let file): completion(.success(file))
            case .failure(.failed(let error)): completion(.failure(error))
            case .failure: completion(.failure(.unreachable))
            }
        }
    }

    /// On the origin's lane.
    private func openNow(
        _ version: ContentVersion, _ path: FilePath, _ origin: LocalOrigin
    ) throws(ContentError) -> LocalFile {
        let fd: SharedFD
        let status: FileStatus
        do throws(SystemError) {
            fd = SharedFD(try origin.open(path))
            status = try FileStatus.of(raw: fd.raw)
        } catch {
            // ELOOP, EXDEV: somebody put a link there that leads out of the origin.
            throw error.errno == .loop || error.errno == .crossDevice ? .failed(.access) : .failed(error.errno)
        }
        guard status.kind == .regular else { throw .failed(.noEntry) }
        let isSame =
            status.size == version.size && status.modified == version.modified
            && (version.stamp.inode == 0 || origin.kind == .remote || status.inode == version.stamp.inode)
        guard isSame else {
            // Rewritten since the last look (rule 21): the name gets a new version, and the kernel asks again.
            do throws(CacheError) {
                try library.renewVersion(version.id, stamp: FileStamp(status))
            } catch {
                log.error("cannot renew a version", metadata: ["error": "\(error)"])
                throw .failed(.io)
            }
            throw .changed
        }
        return LocalFile(fd, origin)
    }
}

/// An open file of a local origin.
final class LocalFile: OpenContent {
    let descriptor: SharedFD
    private let origin: LocalOrigin

    init(_ descriptor: SharedFD, _ origin: LocalOrigin) {
        self.descriptor = descriptor
        self.origin = origin
    }

    func readNow(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int? {
        guard origin.kind == .local else { return nil }
        return unsafe readWithoutWaiting(descriptor.raw, into: buffer, at: offset)
    }

    func read(
        at offset: Int64, count: Int,
        completion: @escaping @Sendable (Result<ContentBytes, ContentError>) -> Void
    ) {
        origin.lane.submit(deadline: origin.timeout) { [descriptor] () throws(SystemError) -> ContentBytes in
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
            do throws(SystemError) {
                let got = try unsafe readFully(descriptor.raw, into: buffer, at: offset)
                return unsafe ContentBytes(owning: UnsafeMutableRawBufferPointer(rebasing: buffer[..<got]))
            } catch {
                unsafe buffer.deallocate()
                throw error
            }
        } completion: { result in
            switch result {
            case .success(let bytes): completion(.success(bytes))
            case .failure(.failed(let error)): completion(.failure(.failed(error.errno)))
            case .failure: completion(.failure(.unreachable))
            }
        }
    }
}
