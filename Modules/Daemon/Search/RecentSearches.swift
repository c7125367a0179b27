import MusicFSCore
import MusicFSSystem
import Synchronization

/// What was searched for lately, the last first; kept in a file of a line each, which may be lost.
final class RecentSearches: Sendable {
    private static let limit = 50

    private let path: FilePath
    private let log: Logger
    private let onChange: @Sendable () -> Void
    private let queries: Mutex<[String]?>

    /// Reads nothing yet.
    init(_ path: FilePath, log: Logger, onChange: @escaping @Sendable () -> Void) {
        self.path = path
        self.log = log
        self.onChange = onChange
        queries = Mutex(nil)
    }

    /// May wait for a disk.
    var all: [String] { queries.withLock { $0 ?? load(&$0) } }

    /// May wait for a disk.
    func note(_ query: String) {
        let line = String(query.split(whereSeparator: \.isWhitespace).joined(separator: " "))
        guard !line.isEmpty else { return }
        let isNews = queries.withLock { queries in
            var known = queries ?? load(&queries)
            if known.first == line { return false }
            known.removeAll { $0 == line }
            known = Array(([line] + known).prefix(Self.limit))
            queries = known
            do throws(SystemError) { try writeFileAtomically(path, Array(known.map { "\($0)\n" }.joined().utf8)) } catch
            {
                log.debug("recent searches cannot be kept", metadata: ["error": "\(error)"])
            }
            return true
        }
        if isNews { onChange() }
    }

    private func load(_ queries: inout [String]?) -> [String] {
        let bytes = (try? readFile(path, limit: 64 << 10)) ?? []
        let known = String(decoding: bytes, as: UTF8.self).split(separator: "\n").prefix(Self.limit).map(String.init)
        queries = known
        return known
    }
}
