package import MusicFSCore
import MusicFSSystem

/// A source that gives all of what it is asked for at the end, be it in parts.
package protocol WholeSource: RangeSource {
    /// - Parameter completion: called exactly once.
    func fetchWhole(
        _ range: Range<Int64>, completion: @escaping @Sendable (Result<ContentBytes, ContentError>) -> Void)
}

extension WholeSource {
    package func fetch(
        _ parts: [Range<Int64>],
        completion: @escaping @Sendable (_ part: Int, Result<ContentBytes, ContentError>) -> Void
    ) {
        guard let first = parts.first, let last = parts.last else { return }
        fetchWhole(first.lowerBound..<last.upperBound) { result in
            for (number, part) in parts.enumerated() {
                let from = Int(part.lowerBound - first.lowerBound)
                completion(
                    number,
                    result.flatMap { bytes in
                        bytes.slice(from..<(from + part.count)).map { .success($0) } ?? .failure(.failed(.io))
                    })
            }
        }
    }
}
