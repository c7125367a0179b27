/// One content version that can be read in ranges, wherever it lies: an origin's file, or several replicas of it.
package protocol RangeSource: AnyObject, Sendable {
    /// Reads adjacent ranges of the version, at least one, as one; each is given as soon as it is there, which is in their
    /// order. Never blocks the caller.
    ///
    /// `completion` is called exactly once for each, with its position among them, on any thread, at the latest after the
    /// source's own deadline; it must not block. On success there are exactly as many bytes as were asked for, all of this
    /// one version; a file that is another version by now gives `.changed`.
    func fetch(
        _ parts: [Range<Int64>],
        completion: @escaping @Sendable (_ part: Int, Result<ContentBytes, ContentError>) -> Void)
}

extension RangeSource {
    /// Reads one range.
    package func fetch(
        _ range: Range<Int64>, completion: @escaping @Sendable (Result<ContentBytes, ContentError>) -> Void
    ) {
        fetch([range]) { completion($1) }
    }
}
