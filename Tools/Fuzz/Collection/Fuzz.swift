import MusicFSSearch

/// libFuzzer's entry: any text is what a collection holds, or an error with a position inside of it; all queries in it are
/// ones that the search language has.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCollection(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
    let text = unsafe String(decoding: bytes, as: UTF8.self)
    do throws(QueryError) {
        let query = try CollectionQueryParser.parse(text, now: 1_700_000_000)
        check(query, depth: 0)
    } catch {
        precondition((1...(text.count + 1)).contains(error.position), "position \(error.position)")
        precondition(!error.message.isEmpty && !error.hint.isEmpty, "an error without words")
    }
    return 0
}

private func check(_ query: CollectionQuery, depth: Int) {
    precondition(depth <= 110, "nested \(depth) deep")
    switch query {
    case .search(let text):
        precondition((try? QueryParser.parse(text, options: QueryParser.Options(now: 1_700_000_000))) != nil, text)
    case .added(let seconds), .played(let seconds): precondition(seconds > 0, "\(seconds) seconds")
    case .mostPlayed(let count): precondition(count > 0, "\(count) tracks")
    case .neverPlayed: break
    case .and(let children), .or(let children):
        precondition(children.count > 1, "\(children.count) parts")
        for child in children { check(child, depth: depth + 1) }
    case .not(let child): check(child, depth: depth + 1)
    }
}
