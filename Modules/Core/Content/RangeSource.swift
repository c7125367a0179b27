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
}
