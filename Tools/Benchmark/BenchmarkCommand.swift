import MusicFSArguments
import MusicFSSystem

/// `musicfs-bench`.
struct BenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "musicfs-bench", abstract: "Measure MusicFS beside the native file system and rclone.",
        discussion: """
            Mounts libraries that it makes itself, measures, and unmounts. All ratios are taken in one run. What is \
            made is kept in the work directory and used again by the next run. The kernel's caches are dropped on the \
            way, which takes root.
            """,
        examples: [
            CommandExample("musicfs-bench all", "everything, as a table"),
            CommandExample("musicfs-bench read --json --work /var/tmp/bench", "one of them, for programs"),
        ])

    @Argument(
        help: "all, or one of: mount memory read find stat scan rescan visible lookups remote takeover prefetch search."
    )
    var bench: String = "all"

    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Small libraries and few passes: shows that it works, not how fast it is.") var quick = false
    @Flag(help: "Also a library of ten million tracks: half an hour and 20 GB more.") var large = false

    @Option(help: "Where musicfs and musicfs-libgen are; by default beside this program.", completion: .directory)
    var programs: String?

    @Option(help: "How many tracks are searched; by default a million, with --quick 20000.")
    var tracks: Int?

    @Option(
        help: "What prefetch replays instead of its own: lines of seconds, album and track, parted by tabs.",
        completion: .file())
    var history: String?

    @Option(help: "Where libraries are made and kept.", completion: .directory)
    var work: String = "/var/tmp/musicfs-bench"

    mutating func validate() throws {
        if bench != "all", Benchmark(rawValue: bench) == nil {
            let known = Benchmark.allCases.map(\.rawValue).joined(separator: " ")
            throw ValidationError("there is no benchmark \(bench): choose all or one of \(known)")
        }
        if let tracks, !(1000...100_000_000).contains(tracks) {
            throw ValidationError("--tracks \(tracks): choose 1000 to 100000000")
        }
    }

    mutating func run() throws {
        guard ThisProcess.isAdministrator else {
            throw BenchmarkError("the kernel's caches can be dropped by root alone: run it as root")
        }
        Signal.block([Signal.terminate, Signal.interrupt, Signal.hangUp, Signal.pipe])
        let place = try Workplace(
            work: try FilePath(work).absolute(), programs: try programs.map { try FilePath($0).absolute() },
            quick: quick, large: large, tracks: tracks ?? (quick ? 20_000 : 1_000_000),
            history: try history.map { try FilePath($0).absolute() })
        defer { place.cleanUp() }
        var rows: [Row] = []
        var failures = 0
        for benchmark in Benchmark.allCases where bench == "all" || bench == benchmark.rawValue {
            place.say("\(benchmark.rawValue) …")
            do {
                rows += try benchmark.run(place)
            } catch let error as Interruption {
                throw error
            } catch {
                failures += 1
                place.say("\(benchmark.rawValue) failed: \(error)")
            }
            place.cleanUp()
        }
        let text = json ? jsonText(of: rows, bench: bench) : tableText(of: rows)
        try writeFully(1, Array(text.utf8))
        if failures > 0 { throw ExitCode(1) }
    }
}

/// What can be measured.
enum Benchmark: String, CaseIterable {
    case mount, memory, read, find, stat, scan, rescan, visible, lookups, remote, takeover, prefetch, search

    func run(_ place: Workplace) throws -> [Row] {
        switch self {
        case .mount: try measureMount(place)
        case .memory: try measureMemory(place)
        case .read: try measureRead(place)
        case .find: try measureFind(place)
        case .stat: try measureStat(place)
        case .scan: try measureFirstScan(place)
        case .rescan: try measureSecondScan(place)
        case .visible: try measureVisible(place)
        case .lookups: try measureLookups(place)
        case .remote: try measureRemote(place)
        case .takeover: try measureTakeOver(place)
        case .prefetch: try measurePrefetch(place)
        case .search: try measureSearch(place)
        }
    }
}

/// Why nothing could be measured, and what to do.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A signal asked the program to stop.
struct Interruption: Error, CustomStringConvertible {
    var description: String { "interrupted; everything is unmounted" }
}
