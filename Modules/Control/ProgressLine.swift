/// A scan's progress as one line of a terminal that overwrites itself.
package enum ProgressLine {
    /// Back to the line's beginning, and empty it (ECMA-48: CR, EL).
    package static let clear = "\r\u{1b}[K"

    package static func text(_ progress: ScanProgress) -> String {
        var line = "\(progress.origin): "
        if let total = progress.filesTotal, total > 0 {
            let width = 24
            let share = min(1, Double(progress.filesSeen) / Double(total))
            let filled = Int(share * Double(width))
            line += "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled) + "] "
            line += "\(Int(share * 100)) % "
        }
        line += "\(progress.filesSeen) files, \(Int(progress.filesPerSecond)) files/s"
        if let eta = progress.etaSeconds { line += ", \(eta / 60):\(eta % 60 < 10 ? "0" : "")\(eta % 60) left" }
        return line
    }
}
