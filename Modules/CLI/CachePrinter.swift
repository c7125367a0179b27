import MusicFSArguments
import MusicFSControl
import MusicFSCore
import MusicFSSystem
import Synchronization

/// Shows the progress of work on the cache: lines of JSON, or a line that overwrites itself and a result.
final class CachePrinter: Sendable {
    private let json: Bool
    private let last = Mutex<CacheProgress?>(nil)

    init(json: Bool) { self.json = json }

    /// Starts work at the daemon and shows it to its end.
    func follow(_ client: ControlClient, _ path: String, _ query: [QueryItem]) throws {
        try client.lines(.post, path, query: query, body: [], idleTimeout: .seconds(120)) { line in
            guard let progress = try? JSON.decode(CacheProgress.self, from: line) else { return true }
            return show(progress)
        }
    }

    /// - Returns: whether somebody still looks.
    @discardableResult
    func show(_ progress: CacheProgress) -> Bool {
        last.withLock { $0 = progress }
        do {
            if json {
                try Client.printJSON(progress)
            } else if isTerminal(2), !progress.isFinished {
                let share = progress.total.map { " of \($0)" } ?? ""
                let text = "\(progress.done)\(share), \(progress.bytes >> 20) MiB \(progress.path ?? "")"
                try writeFully(2, Array((ProgressLine.clear + escapeControls(String(text.prefix(100)))).utf8))
            }
            return true
        } catch { return false }
    }

    /// Prints what came of it.
    func finish(failsOnDamage: Bool) throws {
        if isTerminal(2), !json { try writeFully(2, Array(ProgressLine.clear.utf8)) }
        guard let progress = last.withLock({ $0 }) else { return }
        if let error = progress.error {
            throw CommandExit("Error: \(error)\n", to: .standardError, code: ExitCode(1))
        }
        let wrong = progress.damaged + progress.missing + progress.orphans + progress.strays
        if !json {
            var text = "\(progress.done) done, \(progress.bytes >> 20) MiB"
            if wrong > 0 {
                text +=
                    "; \(progress.damaged) damaged, \(progress.missing) missing, \(progress.orphans) unknown to the "
                    + "index, \(progress.strays) left over"
            }
            try Client.print(text)
        }
        if failsOnDamage, wrong > 0 { throw ExitCode(1) }
    }
}
