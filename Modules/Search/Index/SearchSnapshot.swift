package import MusicFSSystem

/// The index as it was committed at one moment: what is searched. It stays as it is while the index goes on.
package final class SearchSnapshot: Sendable {
    struct Part: Sendable {
        var file: IndexManifest.SegmentFile
        var segment: Segment
        var deletions: Deletions?

        var liveCount: Int { segment.documentCount - (deletions?.count ?? 0) }
    }

    let parts: [Part]
    /// The last of the library's changes that it holds.
    package let sequence: Int64
    let tables = ScoreTables()

    init(parts: [Part], sequence: Int64) {
        self.parts = parts
        self.sequence = sequence
    }

    /// Opens an index for reading alone, which another process may be writing.
    ///
    /// - Throws: `SearchError`, `.missing` where there is none.
    package static func open(_ directory: FilePath) throws(SearchError) -> SearchSnapshot {
        var attempts = 0
        while true {
            let manifest = try IndexManifest.read(directory)
            do throws(SearchError) {
                return SearchSnapshot(parts: try parts(of: manifest, directory), sequence: manifest.sequence)
            } catch {
                // A writer may have replaced the manifest and removed files since it was read.
                attempts += 1
                let current = try IndexManifest.read(directory)
                if attempts == 5 || current == manifest { throw error }
            }
        }
    }

    static func parts(of manifest: IndexManifest, _ directory: FilePath) throws(SearchError) -> [Part] {
        var parts: [Part] = []
        for file in manifest.segments {
            let segment = try Segment.open(directory.appending(file.name), length: file.length)
            guard segment.documentCount == file.documents else {
                throw SearchError(.damaged, "\(file.name) has a wrong number of documents")
            }
            var deletions: Deletions?
            if file.deletions != 0 {
                let path = directory.appending(file.deletionsName)
                let bytes: [UInt8]
                do throws(SystemError) { bytes = try readFile(path, limit: 1 << 30) } catch {
                    throw SearchError(error.errno == .noEntry ? .damaged : .disk, "cannot read \(path)", cause: error)
                }
                deletions = Deletions(bytes: bytes, documents: file.documents)
                if deletions == nil { throw SearchError(.damaged, "\(path) is damaged") }
            }
            parts.append(Part(file: file, segment: segment, deletions: deletions))
        }
        return parts
    }

    /// How many documents can be found.
    package var documentCount: Int { parts.reduce(0) { $0 + $1.liveCount } }
    package var segmentCount: Int { parts.count }
    /// The files' lengths, in bytes.
    package var byteCount: Int { parts.reduce(0) { $0 + $1.file.length } }

    /// Whether a document with that id is there.
    package func contains(_ id: Int64) -> Bool {
        parts.contains { part in
            part.segment.document(id).map { part.deletions?.contains($0) != true } ?? false
        }
    }

    /// Reads all files and compares their checksums.
    ///
    /// - Throws: `SearchError` with `.damaged` for the first that is not what was written.
    package func verify() throws(SearchError) {
        for part in parts { try part.segment.verify(part.file.high, part.file.low) }
    }
}
