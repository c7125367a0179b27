/// One line of a scan's stream: how far the scan of one origin is.
package struct ScanProgress: Codable, Hashable, Sendable {
    package enum Phase: String, Codable, Hashable, Sendable, CaseIterable { case walking, reading, applying, done }

    package var origin: String
    package var phase: Phase
    package var filesSeen: Int64
    /// Nil while the walk is not complete.
    package var filesTotal: Int64?
    package var filesNew: Int64
    package var filesChanged: Int64
    package var filesRemoved: Int64
    package var filesPerSecond: Double
    package var etaSeconds: Int64?
    /// True when removals were held back because too much had vanished at once.
    package var isSuspect: Bool?
    /// Why the scan of this origin failed; then this is its last line.
    package var error: String?

    package init(
        origin: String, phase: Phase, filesSeen: Int64 = 0, filesTotal: Int64? = nil, filesNew: Int64 = 0,
        filesChanged: Int64 = 0, filesRemoved: Int64 = 0, filesPerSecond: Double = 0, etaSeconds: Int64? = nil,
        isSuspect: Bool? = nil, error: String? = nil
    ) {
        self.origin = origin
        self.phase = phase
        self.filesSeen = filesSeen
        self.filesTotal = filesTotal
        self.filesNew = filesNew
        self.filesChanged = filesChanged
        self.filesRemoved = filesRemoved
        self.filesPerSecond = filesPerSecond
        self.etaSeconds = etaSeconds
        self.isSuspect = isSuspect
        self.error = error
    }

    private enum CodingKeys: String, CodingKey {
        case origin, phase, error
        case filesSeen = "files_seen"
        case filesTotal = "files_total"
        case filesNew = "files_new"
        case filesChanged = "files_changed"
        case filesRemoved = "files_removed"
        case filesPerSecond = "files_per_second"
        case etaSeconds = "eta_s"
        case isSuspect = "suspect"
    }
}
