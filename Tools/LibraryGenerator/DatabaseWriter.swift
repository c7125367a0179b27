import MusicFSCache
import MusicFSCatalogue
import MusicFSCore
import MusicFSSystem

/// Writes a library's database without any files: what the server would have after a scan of them.
///
/// Companions are left out, and nothing has an identity, so that copies are shown beside their originals.
struct DatabaseWriter {
    let options: Options

    /// A batch as a scan applies it is smaller; the tree that results is the same.
    private static let batchSize = 10_000

    /// - Returns: how many tracks were written.
    func write(to path: FilePath) throws -> Int {
        if (try? FileStatus.of(path)) != nil {
            throw GeneratorError(.files, "\(path) exists, and nothing is overwritten: delete it or name another file")
        }
        let root = try FilePath(options.originRoot).absolute()
        guard let status = try? FileStatus.of(root), status.kind == .directory else {
            throw GeneratorError(.files, "the origin's root \(root) is no directory: make it, it may be empty")
        }
        try createDirectories(path.parent, mode: 0o700)
        let library = try Library.open(
            path,
            Library.Options(template: .standard, showsCompanions: true, nextEpoch: { 1 }, onCommit: { _, _ in }))
        let ids = try library.setOrigins([OriginSetting(name: "local", type: "local", root: root, priority: 1)])
        guard let origin = ids["local"] else { throw GeneratorError(.files, "\(path) took no origin") }
        // Without it the server lays out the whole tree anew.
        while try library.adoptTemplate() {}
        let count = try writeTracks(library, origin)
        try library.checkpoint()
        if let state = options.stateDirectory {
            try createDirectories(FilePath(state), mode: 0o700)
            try writeFileAtomically(FilePath(state).appending("epoch"), Array("1\n".utf8))
        }
        return count
    }

    private func writeTracks(_ library: Library, _ origin: Int64) throws -> Int {
        let progress = Progress(expected: options.tracks)
        defer { progress.end() }
        var layout = LibraryLayout(options.style)
        var batch: [LibraryChange] = []
        for track in Catalogue(count: options.tracks, seed: options.seed, formats: options.formats) {
            batch.append(change(track, layout.place(track), origin))
            progress.count(bytes: 0, isAudio: true)
            if batch.count < DatabaseWriter.batchSize { continue }
            try library.apply(batch)
            batch.removeAll(keepingCapacity: true)
        }
        try library.apply(batch)
        return progress.total.files
    }

    private func change(_ track: GeneratedTrack, _ place: LibraryLayout.Place, _ origin: Int64) -> LibraryChange {
        let size = track.usualSize
        let head: Int64 = 8192
        let report = MediaReport(
            tags: track.tags,
            properties: AudioProperties(
                durationMilliseconds: track.durationMilliseconds, bitrate: track.format.bitrate,
                sampleRate: track.format.sampleRate, channels: 2, bitsPerSample: track.format.bitsPerSample),
            layout: AudioLayout(audioStart: head, audioEnd: size))
        let name = "\(place.stem).\(place.fileExtension)"
        // A minute apart, from the beginning of 2020 on.
        let modified = (1_577_836_800 + Int64(track.index) * 60) * 1_000_000_000
        return .audio(
            OriginFile(origin: origin, folder: Array(place.directory.utf8), name: Array(name.utf8)),
            FileStamp(size: size, modified: modified, inode: UInt64(track.index) + 1), .report(report))
    }
}
