import MusicFSCache
import MusicFSCore
import MusicFSFUSE
import MusicFSSystem
import Synchronization

/// Decides what becomes of a library that gives errors while it is served.
///
/// There is one way out of all of them: a successor opens another library, in another place or built anew
/// (`LibraryOpening`), and answers the requests that failed here, which wait in the journal until then. So no part of the
/// server ever has to do with two libraries.
final class LibraryRecovery: Sendable {
    private let settings: DaemonSettings
    private let journal: Journal
    private let log: Logger
    private let replace: @Sendable () throws -> Void
    private let state: Mutex<State>

    private struct State {
        /// Whether a successor was asked for.
        var isReplacing = false
        var failedWrites = FailureWindow()
        /// Why the cache directory is not used, as its last trial said.
        var reason: String?
        /// Nobody waits here for the library to be opened.
        var library: Library?
        var isFull = false
    }

    private static let minute: UInt64 = 60_000_000_000
    /// Successors that are asked for within a minute of each other.
    private static let mostRecoveries: UInt32 = 10
    private let begin = monotonicNanoseconds()
    /// Whether the predecessor was replaced for an error of its library.
    private let followsRecovery: Bool

    /// To be made before the library is opened; `set` it then.
    ///
    /// - Parameter replace: asks for a successor.
    init(_ settings: DaemonSettings, journal: Journal, log: Logger, replace: @escaping @Sendable () throws -> Void) {
        self.settings = settings
        self.journal = journal
        self.log = log
        self.replace = replace
        followsRecovery = journal.place != .disk
        state = Mutex(State())
    }

    /// Whether this server has the library in memory.
    var isInMemory: Bool { state.withLock { $0.library }.map { $0.path != settings.libraryPath } ?? false }

    func set(_ library: Library) { state.withLock { $0.library = library } }

    /// What is wrong at the moment; nil when nothing is.
    var problem: String? {
        let (reason, isFull) = state.withLock { ($0.reason, $0.isFull) }
        guard isInMemory else { return nil }
        let size = MemoryLibrary.limit >> 20
        return "library: kept in memory, since \(settings.cacheDirectory) cannot be used"
            + (reason.map { ": \($0)" } ?? "") + (isFull ? "; it has reached its limit of \(size) MiB" : "")
    }

    /// Takes an error of the library.
    ///
    /// - Returns: whether a successor is on its way that does not have it.
    @discardableResult
    func failed(_ error: CacheError, isWrite: Bool) -> Bool {
        guard error.code == .damaged || error.code == .disk else { return false }
        let now = monotonicNanoseconds()
        return state.withLock { state in
            // What is found while it is opened, whoever opens it deals with.
            guard state.library != nil else { return false }
            if state.isReplacing { return true }
            // Deleted, or its directory: what is open here can be written once more.
            if error.code == .disk, let library = state.library, !library.isInPlace, journal.place == .disk {
                state.isReplacing = beginToMove(library)
                return state.isReplacing
            }
            // What was made anew just now is bad again: the next try would be no better.
            let isHopeless = followsRecovery && now - begin < Self.minute
            switch (error.code, journal.place) {
            case (.damaged, .disk) where !isHopeless: return move(to: .rebuild, error, &state)
            case (.damaged, .memory) where !isHopeless:
                MemoryLibrary(settings).remove()
                return move(to: .memory, error, &state)
            case (_, .memory):
                if isWrite { state.isFull = true }
                return false
            case (.disk, _) where isWrite:
                if state.failedWrites.note(at: now) { beginToLeave(error, &state) }
                return false
            default: return move(to: .memory, error, &state)
            }
        }
    }

    /// Asks for a successor that opens the library in another place.
    ///
    /// - Returns: false where that cannot be, or was done so often lately that it does not help.
    private func move(to place: LibraryPlace, _ because: any Error, _ state: inout State) -> Bool {
        let now = monotonicNanoseconds()
        let (last, count) = journal.recoveries
        let isSoon = last != 0 && now &- last < Self.minute
        guard !isSoon || count < Self.mostRecoveries else { return false }
        let old = journal.place
        journal.place = place
        journal.recoveries = (now, isSoon ? count + 1 : 1)
        do {
            try replace()
        } catch {
            journal.place = old
            log.error("the guardian does not replace the server", metadata: ["error": "\(error)"])
            return false
        }
        state.isReplacing = true
        log.warning(
            "another server goes on with another library", metadata: ["place": "\(place)", "because": "\(because)"])
        return true
    }

    // MARK: Leaving a disk that takes nothing more

    /// What it holds can still be read: it is taken along, on a thread of its own.
    private func beginToLeave(_ because: CacheError, _ state: inout State) {
        guard let library = state.library else { return }
        state.failedWrites.clear()
        do throws(SystemError) {
            try startThread("library-copy") { [self] in leave(library, because) }
        } catch { log.error("no thread to copy the library", metadata: ["error": "\(error)"]) }
    }

    private func leave(_ library: Library, _ because: CacheError) {
        do {
            try MemoryLibrary(settings).withDirectory(log: log) { try library.move(to: $0) }
            journal.movedEpoch = UInt64(clamping: library.epoch)
        } catch { log.warning("the library is not taken along to memory", metadata: ["error": "\(error)"]) }
        state.withLock { state in
            if !state.isReplacing { _ = move(to: .memory, because, &state) }
        }
    }

    // MARK: Looking after it

    /// Looks every few seconds whether the library is where it was, or, while it is in memory, every minute whether it can
    /// be brought back; a supervised task.
    func follow(_ context: TaskContext) throws -> TaskExit {
        while context.wait(for: Pace.of(isInMemory ? .seconds(60) : .seconds(10))) {
            context.beat()
            if isInMemory { tryToReturn() } else { checkPlace() }
        }
        return .stopped
    }

    /// Writes the library to the cache directory, where it goes on, or leaves it for the one there that knows more. Only when
    /// that is done another server is asked for.
    private func tryToReturn() {
        guard let library = state.withLock({ $0.isReplacing ? nil : $0.library }) else { return }
        do {
            try probeDirectory(settings.cacheDirectory)
            if try !isBetter(settings.libraryPath, than: library) {
                try library.move(to: settings.libraryPath)
                journal.movedEpoch = 0
                log.notice(
                    "the library was brought back to the cache directory", metadata: ["path": "\(settings.libraryPath)"]
                )
            }
        } catch {
            return state.withLock { $0.reason = "\(error)" }
        }
        state.withLock { state in
            state.reason = nil
            _ = move(to: .disk, Returned(), &state)
        }
    }

    private struct Returned: Error, CustomStringConvertible {
        var description: String { "the cache directory can be used again" }
    }

    /// Whether only the library of the disk has seen all origins.
    private func isBetter(_ path: FilePath, than library: Library) throws -> Bool {
        guard library.isRebuilding, let theirs = try LibraryFile.examine(path, isFull: false) else { return false }
        return theirs.problems.isEmpty && theirs.isOfThisVersion && theirs.isComplete
    }

    private func checkPlace() {
        state.withLock { state in
            guard let library = state.library, !state.isReplacing, !library.isInPlace else { return }
            state.isReplacing = beginToMove(library)
        }
    }

    /// Somebody deleted the file, or put another in its place: what is open here is written there once more, on a thread
    /// of its own, and another server opens that.
    private func beginToMove(_ library: Library) -> Bool {
        log.warning("the library's file is gone; it is written anew", metadata: ["path": "\(settings.libraryPath)"])
        do throws(SystemError) {
            try startThread("library-copy") { [self] in
                do {
                    try createDirectories(settings.cacheDirectory, mode: 0o700)
                    try library.move(to: settings.libraryPath)
                } catch { log.error("the library cannot be written anew", metadata: ["error": "\(error)"]) }
                state.withLock { state in
                    state.isReplacing = move(to: .disk, CacheError(.disk, "library: its file was gone"), &state)
                }
            }
            return true
        } catch {
            log.error("no thread to copy the library", metadata: ["error": "\(error)"])
            return false
        }
    }
}
