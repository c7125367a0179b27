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
    /// In memory still, and to be brought back, since the directory can be used again.
    case returning = 3
}

extension Journal {
    var place: LibraryPlace {
        get { LibraryPlace(rawValue: libraryPlace) ?? .disk }
        set { libraryPlace = newValue.rawValue }
    }
}

/// Opens the library that a server is to serve: that of the cache directory; or a new one where that is damaged; or one in
/// memory where the directory cannot be used.
struct LibraryOpening {
    let settings: DaemonSettings
    let journal: Journal
    let options: Library.Options
    let log: Logger

    /// A library that is ready to serve, with the ids of the configured origins.
    struct Opened {
        var library: Library
        var origins: [String: Int64]
    }

    /// Servers that died in a row before they had served; from then on the cache directory is not touched any more, since
    /// what lies there may be what kills or hangs them.
    private static let mostDeaths = 2

    func open() throws -> Opened {
        let memory = MemoryLibrary(settings)
        // Of a mount that ended without being able to tidy up.
        if journal.generation <= 1 { memory.remove() }
        if journal.place == .disk, journal.earlyDeaths >= Self.mostDeaths {
            log.error("servers die as soon as they start; the library is kept in memory")
            journal.place = .memory
        }
        switch journal.place {
        case .disk: break
        case .rebuild:
            log.warning("the library is damaged and is built anew", metadata: ["path": "\(settings.libraryPath)"])
            do throws(CacheError) { try LibraryFile.setAside(settings.libraryPath) } catch {
                return try openInMemory(memory, because: error)
            }
        case .memory: return try openInMemory(memory, because: nil)
        case .returning:
            do { try bringBack(memory) } catch {
                log.warning("the library stays in memory", metadata: ["error": "\(error)"])
                return try openInMemory(memory, because: nil)
            }
        }
        do {
            try probeDirectory(settings.cacheDirectory)
            let opened = try openOnDisk()
            journal.place = .disk
            memory.remove()
            return opened
        } catch {
            // Whatever it is, the tree can be had without that directory.
            return try openInMemory(memory, because: error)
        }
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

    /// The first writes may find what opening did not.
    private func openOnDisk() throws -> Opened {
        takeRestored()
        do {
            // At a later server's start there was one, whatever became of it.
            let options = journal.generation > 1 ? replacing : options
            return try begin(try Library.openRebuilding(settings.libraryPath, options, log))
        } catch let error as CacheError where error.code == .damaged {
            try LibraryFile.setAside(settings.libraryPath)
            return try begin(try Library.open(settings.libraryPath, replacing))
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

    private func openInMemory(_ memory: MemoryLibrary, because: (any Error)?) throws -> Opened {
        if let because {
            log.error(
                "the cache directory cannot be used; the library is kept in memory and files come from their origins",
                metadata: ["path": "\(settings.cacheDirectory)", "error": "\(because)"])
        }
        journal.place = .memory
        let path = try memory.prepare()
        if (try? FileStatus.of(path)) == nil { seed(path) }
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
        do throws(CacheError) {
            try LibraryFile.copy(settings.libraryPath, to: path, limit: MemoryLibrary.limit)
            log.notice("the library was copied to memory", metadata: ["path": "\(settings.libraryPath)"])
        } catch {
            log.warning("the library cannot be copied and is built anew in memory", metadata: ["error": "\(error)"])
        }
    }

    /// Puts the library of the memory into the cache directory, unless what lies there knows more.
    private func bringBack(_ memory: MemoryLibrary) throws {
        try probeDirectory(settings.cacheDirectory)
        guard let path = memory.existing, let ours = try LibraryFile.examine(path, isFull: false) else { return }
        if !ours.isComplete, let theirs = try? LibraryFile.examine(settings.libraryPath, isFull: false),
            theirs.problems.isEmpty, theirs.isComplete
        {
            log.notice("the library of the cache directory is used again", metadata: ["tracks": "\(theirs.tracks)"])
            return
        }
        guard ours.problems.isEmpty else { throw CacheError(.damaged, "library: \(ours.problems[0])") }
        if (try? FileStatus.of(settings.libraryPath)) != nil { try LibraryFile.setAside(settings.libraryPath) }
        try LibraryFile.copy(path, to: settings.libraryPath)
        log.notice("the library was brought back to the cache directory", metadata: ["tracks": "\(ours.tracks)"])
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
