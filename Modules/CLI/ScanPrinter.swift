import MusicFSControl
import MusicFSSystem

/// Shows the progress of scans: a bar on a terminal, JSON lines for programs, else a line every ten seconds; and for
/// each origin a line at its end.
struct ScanPrinter {
    private let printsJSON: Bool
    private let showsBar: Bool
    private var failures: [String] = []
    private var lastLine = monotonicNanoseconds()
    private static let lineInterval: UInt64 = 10_000_000_000

    init(json: Bool) {
        printsJSON = json
        showsBar = !json && isTerminal(2)
    }

    mutating func show(_ progress: ScanProgress) throws {
        if progress.phase == .done, let error = progress.error { failures.append("\(progress.origin): \(error)") }
        if printsJSON { return try Client.printJSON(progress) }
        guard progress.phase == .done else { return try showUnfinished(progress) }
        if showsBar { try writeFully(2, Array(ProgressLine.clear.utf8)) }
        if progress.error != nil { return }
        var text = "\(progress.origin): \(progress.filesSeen) files, \(progress.filesNew) new, "
        text += "\(progress.filesChanged) changed, \(progress.filesRemoved) removed"
        if progress.isSuspect == true {
            text += "; suspect: too much vanished at once, see 'musicfs status'"
        }
        try Client.print(text)
    }

    private mutating func showUnfinished(_ progress: ScanProgress) throws {
        if showsBar { return try writeFully(2, Array((ProgressLine.clear + ProgressLine.text(progress)).utf8)) }
        let now = monotonicNanoseconds()
        guard now - lastLine >= ScanPrinter.lineInterval else { return }
        lastLine = now
        try writeFully(2, Array((ProgressLine.text(progress) + "\n").utf8))
    }

    /// - Throws: what went wrong in the scans that it showed.
    func finish() throws(ControlError) {
        if !failures.isEmpty {
            throw ControlError(.failed, "the scan failed: " + failures.joined(separator: "; "))
        }
    }
}
