package import MusicFSSystem
import Synchronization

/// What a server asks of its guardian, over a socketpair of packets. One question, one answer.
package enum GuardianRequest: Hashable, Sendable {
    /// The server serves; deaths from now on do not count towards the backoff once a second has passed.
    ///
    /// - thread: one of its threads, other than the first, that ends with the process and not before.
    case serving(thread: Int32)
    /// Registers the accompanying descriptor as a backing file. Answered with its id.
    case openBacking
    case closeBacking(UInt32)
    /// A private, read-only, noatime clone of the mount at this path. Answered with its descriptor.
    case cloneMount(FilePath)
    /// An epoch that is higher than this one and than all that were given out.
    case nextEpoch(UInt64)
    /// The mount is gone: not to be served again.
    case disconnected
    /// A server is to take this one's place, which has read its settings before they were changed.
    case replace

    func encode() -> [UInt8] {
        switch self {
        case .serving(let thread): [1] + bytes(UInt64(UInt32(bitPattern: thread)))
        case .openBacking: [2]
        case .closeBacking(let id): [3] + bytes(UInt64(id))
        case .cloneMount(let path): [4] + path.bytes
        case .nextEpoch(let minimum): [5] + bytes(minimum)
        case .disconnected: [6]
        case .replace: [7]
        }
    }

    package init?(decoding packet: [UInt8]) {
        let rest = packet.dropFirst()
        switch packet.first {
        case 1:
            guard let word = word(rest), let thread = Int32(exactly: word) else { return nil }
            self = .serving(thread: thread)
        case 2 where rest.isEmpty: self = .openBacking
        case 3:
            guard let id = word(rest), let id = UInt32(exactly: id) else { return nil }
            self = .closeBacking(id)
        case 4:
            guard !rest.isEmpty, let path = FilePath(bytes: rest) else { return nil }
            self = .cloneMount(path)
        case 5:
            guard let minimum = word(rest) else { return nil }
            self = .nextEpoch(minimum)
        case 6 where rest.isEmpty: self = .disconnected
        case 7 where rest.isEmpty: self = .replace
        default: return nil
        }
    }
}

/// The guardian's answer: a number, or an errno; a descriptor may come with it.
package struct GuardianReply: Hashable, Sendable {
    package var errno: Errno?
    package var value: UInt64

    package init(value: UInt64 = 0) {
        errno = nil
        self.value = value
    }

    package init(_ errno: Errno) {
        self.errno = errno
        value = 0
    }

    package func encode() -> [UInt8] { bytes(UInt64(UInt32(bitPattern: errno?.rawValue ?? 0))) + bytes(value) }

    init?(decoding packet: [UInt8]) {
        guard packet.count == 16, let code = word(packet.prefix(8)), let value = word(packet.suffix(8)) else {
            return nil
        }
        errno = code == 0 ? nil : Errno(rawValue: CInt(truncatingIfNeeded: code))
        self.value = value
    }
}

/// Little-endian.
private func bytes(_ value: UInt64) -> [UInt8] {
    stride(from: UInt64(0), to: 64, by: 8).map { UInt8(truncatingIfNeeded: value >> $0) }
}

private func word(_ bytes: some Collection<UInt8>) -> UInt64? {
    bytes.count == 8 ? bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } : nil
}

/// The server's end. Calls wait for the answer of the guardian, which never waits for anybody: not for FUSE threads all
/// the same.
package final class GuardianClient: BackingRegistry {
    private let socket: SharedFD
    private let order = Mutex(())
    private let onLoss: @Sendable () -> Void

    /// - Parameter onLoss: called when the guardian is gone. A request that needed it must not be answered then: it is the
    ///   next guardian's.
    package init(_ socket: SharedFD, onLoss: @escaping @Sendable () -> Void) {
        self.socket = socket
        self.onLoss = onLoss
    }

    private func ask(
        _ request: GuardianRequest, fd: CInt? = nil
    ) throws(SystemError) -> (reply: GuardianReply, descriptor: SharedFD?) {
        let result: Result<(GuardianReply, SharedFD?), SystemError> = order.withLock { _ in
            do throws(SystemError) {
                try sendPacket(socket.raw, request.encode(), fds: fd.map { [$0] } ?? [])
                let packet = try receivePacket(socket.raw, limit: 64)
                if packet.bytes.isEmpty { throw SystemError("recvmsg", "guardian", .pipe) }
                guard let reply = GuardianReply(decoding: packet.bytes) else {
                    throw SystemError("recvmsg", "guardian", .invalid)
                }
                return .success((reply, packet.descriptors.first))
            } catch { return .failure(error) }
        }
        if case .failure(let error) = result, error.errno == .pipe || error.errno == .connectionReset { onLoss() }
        let (reply, descriptor) = try result.get()
        if let errno = reply.errno { throw SystemError("guardian", nil, errno) }
        return (reply, descriptor)
    }

    package func serving(thread: Int32) throws(SystemError) { _ = try ask(.serving(thread: thread)) }
    package func disconnected() throws(SystemError) { _ = try ask(.disconnected) }
    package func replace() throws(SystemError) { _ = try ask(.replace) }
    package func nextEpoch(_ minimum: UInt64) throws(SystemError) -> UInt64 { try ask(.nextEpoch(minimum)).reply.value }

    /// - Throws: EPERM without privilege; whatever open_tree(2) or mount_setattr(2) says.
    package func cloneMount(_ path: FilePath) throws(SystemError) -> SharedFD {
        guard let descriptor = try ask(.cloneMount(path)).descriptor else {
            throw SystemError("open_tree", path, .invalid)
        }
        return descriptor
    }

    package func openBacking(_ fd: CInt) throws(BackingError) -> UInt32 {
        do {
            return UInt32(truncatingIfNeeded: try ask(.openBacking, fd: fd).reply.value)
        } catch {
            // The guardian answered, or it did not.
            throw error.call == "guardian" ? .refused : .unavailable
        }
    }

    package func closeBacking(_ id: UInt32) { _ = try? ask(.closeBacking(id)) }
}
