import MusicFSCatalogue
import MusicFSSystem

@main
struct LibraryGenerator {
    static func main() async {
        do {
            let options = try Options(Array(CommandLine.arguments.dropFirst()))
            try print(options.help ? Options.usage : try await generate(options), to: 1)
        } catch let error as GeneratorError {
            let hint = error.code == .usage ? "\nSee musicfs-libgen --help.\n" : "\n"
            try? print("musicfs-libgen: \(error)\(hint)", to: 2)
            exitProcess(error.exitCode)
        } catch {
            try? print("musicfs-libgen: \(error)\n", to: 2)
            exitProcess(1)
        }
    }

    /// Makes the library.
    /// - Returns: what to print.
    private static func generate(_ options: Options) async throws -> String {
        let begin = monotonicNanoseconds()
        if let database = options.database {
            let path = try FilePath(database).absolute()
            let tracks = try DatabaseWriter(options: options).write(to: path)
            return try databaseSummary(options, tracks, try FileStatus.of(path).size, since: begin)
        }
        let root = FilePath(options.output)
        try createDirectories(root)
        let directory = try open(root, [.read, .directory])
        if try !listDirectory(directory.raw, path: root).isEmpty {
            throw GeneratorError(.files, "\(root) is not empty, and nothing is overwritten: name a new directory")
        }
        var manifest: Manifest?
        if let path = options.manifest { manifest = try Manifest.create(FilePath(path)) }
        let writer = LibraryWriter(
            root: root,
            catalogue: Catalogue(count: options.tracks, seed: options.seed, formats: options.formats),
            style: options.style,
            payloads: try Payloads.encode(options.formats),
            progress: Progress(expected: options.tracks))
        defer { writer.progress.end() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var none: Manifest?
                try writer.write(share: 1, of: 2, manifest: &none)
            }
            try writer.write(share: 0, of: 2, manifest: &manifest)
            try await group.waitForAll()
        }
        if options.evil { try writer.writeEvil(options.formats, manifest: &manifest) }
        try manifest?.flush()
        let seconds = Double((monotonicNanoseconds() - begin) / 10_000_000) / 100
        return summary(options, writer.progress.total, seconds)
    }

    private static func summary(_ options: Options, _ total: (files: Int, bytes: Int), _ seconds: Double) -> String {
        guard options.json else {
            return "\(options.tracks) tracks, \(total.files) files, \(total.bytes >> 10) KiB in \(seconds) s\n"
        }
        var object = JSONObject()
        object.add("tracks", options.tracks)
        object.add("files", total.files)
        object.add("bytes", total.bytes)
        object.add("seconds", seconds)
        return object.text + "\n"
    }

    private static func databaseSummary(
        _ options: Options, _ tracks: Int, _ bytes: Int64, since begin: UInt64
    ) throws -> String {
        let seconds = Double((monotonicNanoseconds() - begin) / 10_000_000) / 100
        let rate = Int(Double(tracks) / max(seconds, 0.01))
        guard options.json else {
            return "\(tracks) tracks, \(bytes >> 20) MiB of database in \(seconds) s, \(rate) tracks/s\n"
        }
        var object = JSONObject()
        object.add("tracks", tracks)
        object.add("bytes", Int(bytes))
        object.add("seconds", seconds)
        object.add("tracks_per_s", rate)
        return object.text + "\n"
    }

    private static func print(_ text: String, to fd: Int32) throws(SystemError) {
        try writeFully(fd, Array(text.utf8))
    }
}
