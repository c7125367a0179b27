import CLinux
import MusicFSCache
import MusicFSSystem
import Synchronization

/// The threads that read requests from the kernel and hand them to libfuse, through the journal.
final class RequestLoop: Sendable {
    private let session: FUSESession
    private let journal: Journal
    private let makeReader: @Sendable () throws -> TreeReader
    private let state: Mutex<State>
    // Written once by `start`, before any thread that reads it.
    private nonisolated(unsafe) var poisoned: Set<UInt64> = []
    /// The connection is gone: unmounted, or aborted.
    private let onDisconnect: @Sendable () -> Void

    private struct State {
        var isStopping = false
        var isDisconnected = false
    }

    init(
        session: FUSESession, makeReader: @escaping @Sendable () throws -> TreeReader,
        onDisconnect: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        self.session = session
        journal = session.journal
        self.makeReader = makeReader
        self.onDisconnect = onDisconnect
        state = Mutex(State())
    }

    /// Replays INIT and what the predecessor left, on the calling thread, then starts the threads.
    func start(threads: Int) throws {
        session.replayInit()
        let inherited = journal.takeOver()
        for request in inherited where request.isCulprit && request.attempts >= 2 { journal.addPoison(request.nodeID) }
        unsafe poisoned = journal.poisonedNodes
        let first = LoopThread(index: 0, reader: try makeReader(), session: session)
        unsafe CrashReports.setMark(journal.mark(0))
        for request in inherited { serve(request, first) }
        for index in 0..<min(threads, Journal.landingCount) {
            let reader = try makeReader()
            // Made here and used only by the new thread.
            nonisolated(unsafe) let thread = LoopThread(index: index, reader: reader, session: session)
            try startThread("fuse-\(index)", stackBytes: 1 << 20) { [self] in
                unsafe run(thread)
            }
        }
    }

    /// Takes no further requests; a thread that waits for one already takes that, and it is served.
    ///
    /// The threads end with the process. They wait in read(2) rather than in poll(2): there the kernel wakes one of them
    /// for a request and not all, which halved the cost of a look-up with two threads. What is read and not answered
    /// when the process ends is in the journal.
    func stop() { state.withLock { $0.isStopping = true } }

    private var isStopping: Bool { state.withLock { $0.isStopping } }

    // MARK: Requests of the past

    private func serve(_ request: Journal.Inherited, _ thread: LoopThread) {
        if request.attempts >= 2 {
            session.fileSystem.poisoned(request.nodeID, thread)
            refuse(request.unique)
            return
        }
        guard var bytes = request.bytes else { return refuse(request.unique) }
        let count = bytes.count
        handOver(thread, unique: request.unique) {
            unsafe bytes.withUnsafeMutableBytes { unsafe session.process($0, length: count) }
        }
    }

    /// EIO, without libfuse.
    private func refuse(_ unique: UInt64) {
        var header: [UInt32] = [
            16, UInt32(bitPattern: -Errno.io.rawValue), UInt32(truncatingIfNeeded: unique), UInt32(unique >> 32),
        ]
        _ = unsafe header.withUnsafeMutableBytes { unsafe write(session.device, $0.baseAddress, 16) }
        journal.release(unique)
    }

    // MARK: Requests of the present

    private func run(_ thread: LoopThread) {
        let landing = unsafe journal.landing(thread.index)
        unsafe CrashReports.setMark(journal.mark(thread.index))
        while !isStopping {
            journal.clearLanding(thread.index)
            let length: Int
            do throws(SystemError) {
                length = try unsafe readOnce(session.device, into: landing)
            } catch {
                switch error.errno {
                case .noEntry, .again:
                    // The request was interrupted before it could be read.
                    continue
                default:
                    // ENODEV: unmounted. Anything else is no better.
                    disconnect()
                    return
                }
            }
            guard length >= 40 else { continue }
            unsafe receive(thread, landing, length)
        }
    }

    private func receive(_ thread: LoopThread, _ landing: UnsafeMutableRawBufferPointer, _ length: Int) {
        // struct fuse_in_header: len u32, opcode u32, unique u64, nodeid u64, … (linux/fuse.h).
        let opcode = unsafe landing.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
        let unique = unsafe landing.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        if Journal.isJournaled(opcode) {
            while !journal.admit(landing: thread.index, length: length, unique: unique) {
                // 16,384 requests are under way: until one is answered nothing more is taken on.
                _ = pollReadable([], milliseconds: 5)
            }
        }
        if unsafe !poisoned.isEmpty, Self.isOpenOrRead(opcode),
            unsafe poisoned.contains(landing.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        {
            return refuse(unique)
        }
        handOver(thread, unique: unique) { unsafe session.process(landing, length: length) }
    }

    private static func isOpenOrRead(_ opcode: UInt32) -> Bool { opcode == 14 || opcode == 15 }

    private func handOver(_ thread: LoopThread, unique: UInt64, _ body: () -> Void) {
        thread.unique = unique
        journal.setHandling(thread.index, unique)
        let statistics = session.fileSystem.statistics
        statistics.mark(thread: thread.index, isBusy: true)
        unsafe clinux_set_thread_context(Unmanaged.passUnretained(thread).toOpaque())
        body()
        clinux_set_thread_context(nil)
        journal.setHandling(thread.index, 0)
        statistics.mark(thread: thread.index, isBusy: false)
    }

    private func disconnect() {
        let isFirst = state.withLock { state in
            defer { state.isDisconnected = true }
            return !state.isDisconnected && !state.isStopping
        }
        if isFirst { onDisconnect() }
    }
}
