import FoundationEssentials
import MusicFSSystem

/// The reports that crashed servers left in the state directory, the newest of which are kept.
struct CrashHistory: Sendable {
    let directory: FilePath
    private static let kept = 20

    /// One report as the handler writes it (`Modules/Bindings/CCrash`).
    struct Report: Decodable, Hashable, Sendable {
        /// Which program, `server` or `guardian`.
        var crash: String
        /// Seconds since 1970.
        var time: Int64
        var signal: String
        var thread: String
        /// `FILE+OFFSET`, the innermost first; for addr2line(1).
        var frames: [String]

        var summary: String {
            "the \(crash) died by \(signal) in its thread \(thread)\(frames.first.map { " at \($0)" } ?? "")"
        }
    }

    /// The newest; nil also when it cannot be read: the handler may have died over it.
    var newest: Report? {
        guard let file = files.first, let bytes = try? readFile(file, limit: 65536) else { return nil }
        return try? JSONDecoder().decode(Report.self, from: Data(bytes))
    }

    /// Deletes all but the newest.
    func prune() { for file in files.dropFirst(Self.kept) { try? unlink(file) } }

    private var files: [FilePath] {
        guard let folder = try? open(directory, [.read, .directory]),
            let entries = try? listDirectory(folder.raw, path: directory)
        else { return [] }
        let names = entries.map { String(decoding: $0.name, as: UTF8.self) }
            .filter { $0.hasPrefix("crash-") && $0.hasSuffix(".json") }
        // The number of seconds has one length for the next 250 years.
        return names.sorted(by: >).map { directory.appending($0) }
    }
}
