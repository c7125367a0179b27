import MusicFSSystem

/// One content version that can be read in ranges, wherever it lies: an origin's file, or several replicas of it.
package protocol RangeSource: AnyObject, Sendable {
    /// Reads the bytes of a range, which lies within the version. Never blocks the caller.
    ///
    /// `completion` is called exactly once, on any thread, at the latest after the source's own deadline; it must not
    /// block. On success there are exactly as many bytes as were asked for, all of this one version; a file that is
    /// another version by now gives `.changed`.
    func fetch(
        _ range: Range<Int64>,
        completion: @escaping @Sendable (Result<ContentBytes, ContentError>) -> Void)

    /// Reads adjacent ranges, at least one, as one; each is given as soon as it is there, which is in their order.
    ///
    /// - Parameter completion: called exactly once for each, with its position among them; otherwise as that of `fetch`
    ///   of one range.
    func fetch(
        _ parts: [Range<Int64>],
        completion: @escaping @Sendable (_ part: Int, Result<ContentBytes, ContentError>) -> Void)
}

extension RangeSource {
    /// All at the end: for sources that cannot tell before.
    package func fetch(
        _ parts: [Range<Int64>],
        completion: @escaping @Sendable (_ part: Int, Result<ContentBytes, ContentError>) -> Void
    ) {
        guard let first = parts.first, let last = parts.last else { return }
        fetch(first.lowerBound..<last.upperBound) { result in
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
