import MusicFSCore
import MusicFSOrigins
import MusicFSSystem

/// An open file of a local disk.
final class LocalFile: OpenContent {
    let file: SharedFD
    private let origin: LocalOrigin

    init(_ file: SharedFD, _ origin: LocalOrigin) {
        self.file = file
        self.origin = origin
    }

    var descriptor: SharedFD? { file }

    func readNow(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int? {
        guard origin.kind == .local else { return nil }
        return unsafe readWithoutWaiting(file.raw, into: buffer, at: offset)
    }

    func read(
        at offset: Int64, count: Int,
        completion: @escaping @Sendable (Result<ContentBytes, ContentError>) -> Void
    ) {
        origin.lane.submit(deadline: origin.timeout) { [file] () throws(SystemError) -> ContentBytes in
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
            do throws(SystemError) {
                let got = try unsafe readFully(file.raw, into: buffer, at: offset)
                if got == count { return unsafe ContentBytes(owning: buffer) }
                defer { unsafe buffer.deallocate() }
                let short = UnsafeMutableRawBufferPointer.allocate(byteCount: got, alignment: 16)
                unsafe short.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[..<got]))
                return unsafe ContentBytes(owning: short)
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
