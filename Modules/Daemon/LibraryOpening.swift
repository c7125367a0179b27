import MusicFSCache
import MusicFSCore
import MusicFSFUSE
import MusicFSSystem

/// Where a server's library lies; in the journal, since it outlives the server that found the need for another place.
enum LibraryPlace: UInt32, Sendable {
    /// In the cache directory.
    case disk = 0
    /// There too, and what lies there is damaged and to be built anew.
    case rebuild = 1
    /// In memory, while the cache directory cannot be used.
    case memory = 2
}

extension Journal {
    var place: LibraryPlace {
        get { LibraryPlace(rawValue: libraryPlace) ?? .disk }
        set { libraryPlace = newValue.rawValue }
    }
}

/// Opens the library that a server is to serve: that of the cache directory; or a new one where that is damaged; or one in
/// memory where the directory cannot be used.
struct LibraryOpening: Sendable {
    let settings: DaemonSettings
    let journal: Journal
    let options: Library.Options
    let log: Logger

    /// A library that is ready to serve, with the ids of the configured origins.
    struct Opened: Sendable {
        var library: Library
        var origins: [String: Int64]
    }

    /// Servers that died in a row before they had served; from then on the library is not used where it lies, since what
    /// lies there may be what kills or hangs them.
    private static let mostDeaths = 2
    /// From then on it is not even copied, and what was copied is not used.
    private static let mostDeathsWithACopy = 4
    /// How long the cache directory may take; readers wait meanwhile.
    private static var patience: Duration { Pace.of(.seconds(15)) }

    func open() throws -> Opened {
        let memory = MemoryLibrary(settings)
        // Of a mount that ended without being able to tidy up.
        if journal.generation <= 1 { memory.remove() }
        if journal.earlyDeaths >= Self.mostDeaths {
            let isCopied = journal.earlyDeaths < Self.mostDeathsWithACopy
            if !isCopied { memory.remove() }
            return try openInMemory(memory, because: StartFailure.deaths, seeds: isCopied)
        }
        if journal.place == .memory { return try openInMemory(memory, because: nil, seeds: true) }
        let isDamaged = journal.place == .rebuild
        do {
            let opened = try waiting { try openOnDisk(isDamaged: isDamaged) }
            journal.place = .disk
            memory.remove()
            return opened
        } catch {
            // Whatever it is, the tree can be had without that directory.
            return try openInMemory(memory, because: error, seeds: !(error is StartFailure))
        }
    }

    private enum StartFailure: Error, CustomStringConvertible {
        case deaths, hung

        var description: String {
            switch self {
            case .deaths: "servers die as soon as they start, and it may be what lies there"
            case .hung: "it does not answer"
            }
        }
    }

    /// Runs what may hang on a thread of its own, and leaves that behind.
    private func waiting<R: Sendable>(_ body: @escaping @Sendable () throws -> R) throws -> R {
        let answer = Condition<Result<R, any Error>?>(nil)
        try startThread("library-open") {
            let result = Result { try body() }
            answer.withLock { $0 = result }
            answer.signal()
        }
        guard let result = answer.wait(until: SystemClock().deadline(after: Self.patience), { $0 }) else {
            throw StartFailure.hung
        }
        return try result.get()
    }

    // MARK: On the disk

    private func openOnDisk(isDamaged: Bool) throws -> Opened {
        if isDamaged {
            log.warning("the library is damaged and is built anew", metadata: ["path": "\(settings.libraryPath)"])
            try LibraryFile.setAside(settings.libraryPath)
        }
        try probeDirectory(settings.cacheDirectory)
        takeRestored()
        try renewEpochIfMoved(settings.libraryPath)
        // The first writes may find what opening did not.
        do {
            // At a later server's start there was one, whatever became of it.
            let options = journal.generation > 1 ? replacing : options
            return try begin(try Library.openRebuilding(settings.libraryPath, options, log))
        } catch let error as CacheError where error.code == .damaged {
            try LibraryFile.setAside(settings.libraryPath)
            return try begin(try Library.open(settings.libraryPath, replacing))
        }
    }

    /// Since this file was copied from, ids of its epoch were given out that it does not know.
    private func renewEpochIfMoved(_ path: FilePath) throws {
        guard journal.movedEpoch != 0, LibraryFile.epoch(path) == Int64(clamping: journal.movedEpoch) else { return }
        try LibraryFile.renewEpoch(path, try options.nextEpoch())
    }

    /// `musicfs restore` has put a library there.
    private func takeRestored() {
        let restored = settings.restoredLibrary
        guard (try? FileStatus.of(restored)) != nil else { return }
        do throws(CacheError) {
            try LibraryFile.adopt(restored, at: settings.libraryPath, epoch: options.nextEpoch)
            log.notice("the library is that of a backup now", metadata: ["path": "\(settings.libraryPath)"])
        } catch {
            log.error("the library of the backup cannot be used", metadata: ["error": "\(error)"])
            try? LibraryFile.remove(restored)
        }
    }

    /// For a library that is made where there was one.
    private var replacing: Library.Options {
        var options = options
        options.isReplacement = true
        return options
    }

    /// The first things that are written.
    private func begin(_ library: Library) throws -> Opened {
        if journal.generation <= 1 { try library.beginConnection() }
        return Opened(library: library, origins: try library.setOrigins(settings.origins.map(\.librarySetting)))
    }

    // MARK: In memory

    /// - Parameter seeds: whether what lies on the disk may be read.
    private func openInMemory(_ memory: MemoryLibrary, because: (any Error)?, seeds: Bool) throws -> Opened {
        if let because {
            log.error(
                "the cache directory cannot be used; the library is kept in memory and files come from their origins",
                metadata: ["path": "\(settings.cacheDirectory)", "error": "\(because)"])
        }
        journal.place = .memory
        return try memory.withDirectory(log: log) { path in
            if seeds, (try? FileStatus.of(path)) == nil { seed(path) }
            return try openInMemory(path)
        }
    }

    private func openInMemory(_ path: FilePath) throws -> Opened {
        var options = replacing
        options.sizeLimit = MemoryLibrary.limit
        do {
            return try begin(try Library.open(path, options))
        } catch let error as CacheError where error.code == .damaged {
            log.warning("the library in memory is damaged and is built anew", metadata: ["error": "\(error)"])
            try LibraryFile.remove(path)
            return try begin(try Library.open(path, options))
        }
    }

    /// What can still be read need not be scanned again.
    private func seed(_ path: FilePath) {
        do {
            // Under a name of its own: one that comes to an end too late must not take the place of what is in use by then.
            let copy = path.suffixed(MemoryLibrary.copySuffix)
            try waiting { try LibraryFile.copy(settings.libraryPath, to: copy, limit: MemoryLibrary.limit) }
            try LibraryFile.put(copy, at: path)
            try renewEpochIfMoved(path)
            journal.movedEpoch = UInt64(clamping: LibraryFile.epoch(path) ?? 0)
            log.notice("the library was copied to memory", metadata: ["path": "\(settings.libraryPath)"])
        } catch {
            try? LibraryFile.remove(path)
            log.warning("the library cannot be copied and is built anew in memory", metadata: ["error": "\(error)"])
        }
    }
}

extension Library {
    /// A damaged library is moved aside and begun anew: it is derived.
    static func openRebuilding(_ path: FilePath, _ options: Options, _ log: Logger) throws(CacheError) -> Library {
        do throws(CacheError) {
            return try Library.open(path, options)
        } catch {
            guard error.code == .damaged else { throw error }
            log.warning("the library is damaged and is built anew", metadata: ["error": "\(error)"])
            try LibraryFile.setAside(path)
            var options = options
            options.isReplacement = true
            return try Library.open(path, options)
        }
    }
}
