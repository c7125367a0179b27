import MusicFSCatalogue
import MusicFSSearch
import MusicFSSystem

/// The search engine beside tantivy: the same documents, the same queries, in turn.
func measureSearch(_ place: Workplace) throws -> [Row] {
    let tracks = place.tracks
    let work = try place.makeScratch("search")
    let documents = work.appending("documents.tsv")
    let ours = work.appending("ours")
    let built = try build(place, tracks: tracks, ours, documents)
    // What the build has left is not counted as what searching takes, nor is it taken off when it goes.
    ThisProcess.releaseFreeMemory()
    let before = (anonymous: residentBytes("RssAnon"), file: residentBytes("RssFile"))
    let snapshot = try SearchSnapshot.open(ours)
    let verifying = try seconds { try snapshot.verify() }
    place.say("verified in \(short(verifying)) s")
    let queries = BenchQuery.groups(tracks: tracks)
    let peer = SearchPeer(place, index: work.appending("tantivy"))
    let peerBuilt = try peer?.build(documents)
    func compared(_ value: Double?) -> (name: String, value: Double)? { value.map { ("tantivy", $0) } }
    var rows = [
        Row(
            name: "search_build", ours: built.seconds, unit: "s", better: .lower, peer: compared(peerBuilt?.seconds),
            targetRatio: 1),
        // Nothing is taken off for it.
        Row(
            name: "search_build_documents, which are made within the peer's search_build and before ours",
            ours: built.making, unit: "s", better: .lower, peer: compared(peerBuilt?.making)),
        Row(
            name: "search_size", ours: Double(snapshot.byteCount) / 1e6, unit: "MB", better: .lower,
            peer: compared(peerBuilt.map { $0.bytes / 1e6 }), targetRatio: 1),
    ]
    // With fewer the slowest of a hundred is what the machine did beside.
    let passes = 25
    for group in queries {
        try place.checkpoint()
        let theirs = try peer?.run(group.map(\.line), passes: passes)
        var times: [Double] = []
        var overlaps: [Double] = []
        for (number, query) in group.enumerated() {
            var found: [SearchHit] = []
            for _ in 0..<passes {
                let begin = monotonicNanoseconds()
                let parsed = try QueryParser.parse(query.text, options: QueryParser.Options(now: 0))
                found = try snapshot.search(parsed).hits
                times.append(Double(monotonicNanoseconds() - begin) / 1000)
            }
            if query.kind == "title", let ids = theirs?[number].ids, !ids.isEmpty {
                overlaps.append(
                    Double(Set(ids).intersection(found.map { $0.id - 1 }).count) / Double(max(found.count, 1)))
            }
        }
        let peerTimes = theirs?.flatMap(\.microseconds) ?? []
        let name = "search_" + (group.first?.group ?? "")
        rows.append(
            Row(
                name: name, ours: median(times), unit: "µs", better: .lower,
                peer: compared(theirs == nil ? nil : median(peerTimes)), targetRatio: 1))
        rows.append(
            Row(
                name: name + "_p99", ours: percentile(times, 0.99), unit: "µs", better: .lower,
                peer: compared(theirs == nil ? nil : percentile(peerTimes, 0.99))))
        if !overlaps.isEmpty {
            let mean = overlaps.reduce(0, +) / Double(overlaps.count) * 100
            rows.append(Row(name: name + "_overlap", ours: mean, unit: "%", better: .higher, target: 90))
        }
    }
    rows += try measureLimits(snapshot)
    rows.append(
        Row(
            name: "search_anonymous_memory", ours: Double(residentBytes("RssAnon") - before.anonymous) / 1e6,
            unit: "MB", better: .lower))
    rows.append(
        Row(
            name: "search_mapped_memory", ours: Double(residentBytes("RssFile") - before.file) / 1e6, unit: "MB",
            better: .lower))
    return rows
}

/// What has to be bounded whatever is asked: all ids of a large answer, and queries that are made to take long.
private func measureLimits(_ snapshot: SearchSnapshot) throws -> [Row] {
    let options = QueryParser.Options(now: 0)
    var slowest = 0.0
    var count = 0
    for text in ["genre:rock", "year:1980..1989", "format:flac -genre:pop", "a* duration:>3m", "the OR love OR a"] {
        let query = try QueryParser.parse(text, options: options)
        for _ in 0..<3 {
            var found = 0
            let time = try seconds { found = try snapshot.matches(query, limit: 100_000).count }
            if time * 1000 > slowest { (slowest, count) = (time * 1000, found) }
        }
    }
    let letters = "abcdefghijklmnopqrstuvwxyz".map { "\($0)" }
    let hostile = [
        letters.map { "\($0)*" }.joined(separator: " "), letters.map { "\($0)*" }.joined(separator: " OR "),
        letters.map { "\($0)s~2" }.joined(separator: " OR "), "-zzzz -(a* OR b* OR c*)",
        letters.map { "-\($0)*" }.joined(separator: " "), "year:1900..2100 OR duration:>0s OR -a",
        letters.prefix(15).map { "(\($0)* -\($0)a*)" }.joined(separator: " OR "), "a~2 e~2 i~2 o~2 u~2 aa~2 ee~2",
        letters.prefix(12).map { "duration:>2m \($0)*" }.joined(separator: " OR "),
    ]
    var longest = 0.0
    for text in hostile {
        let query = try QueryParser.parse(text, options: options)
        let begin = monotonicNanoseconds()
        do throws(SearchError) {
            _ = try snapshot.search(query, options: SearchOptions(limit: 10_000), deadline: begin + 900_000_000)
        } catch { guard error.code == .tooLong else { throw error } }
        longest = max(longest, Double(monotonicNanoseconds() - begin) / 1e6)
    }
    return [
        Row(name: "search_all_ids, \(count)", ours: slowest, unit: "ms", better: .lower, target: 100),
        Row(name: "search_hostile, deadline 900 ms", ours: longest, unit: "ms", better: .lower, target: 1000),
    ]
}

/// Builds our index and writes the same documents to a file.
/// - Returns: the time without that of making the documents, and that alone.
private func build(
    _ place: Workplace, tracks: Int, _ path: FilePath, _ documents: FilePath
) throws -> (seconds: Double, making: Double) {
    let index = try SearchIndex.open(path)
    let file = try open(documents, [.write, .create, .truncate])
    var total = 0.0
    var making = 0.0
    var batch: [SearchDocument] = []
    var lines = ""
    func flush() throws {
        total += try seconds { try index.add(batch) }
        try writeFully(file.raw, Array(lines.utf8))
        batch = []
        lines = ""
    }
    for track in Catalogue(count: tracks) {
        let begin = monotonicNanoseconds()
        let document = searchDocument(track)
        batch.append(document)
        making += Double(monotonicNanoseconds() - begin) / 1e9
        lines += line(document)
        if batch.count == 20_000 {
            try flush()
            try place.checkpoint()
        }
    }
    try flush()
    total += try seconds {
        try index.commit(sequence: Int64(tracks))
        place.say("\(index.snapshot.segmentCount) segments")
    }
    let compacting = try seconds { try index.compact() }
    place.say("built in \(short(total)) s, merged to one segment in \(short(compacting)) s")
    return (total + compacting, making)
}

private func searchDocument(_ track: GeneratedTrack) -> SearchDocument {
    var texts = [SearchDocument.Text(.title, track.title), .init(.artist, track.artist)]
    texts.append(.init(.album, track.album.title))
    texts.append(.init(.albumArtist, track.album.artist))
    for genre in track.album.genres { texts.append(.init(.genre, genre)) }
    return SearchDocument(
        id: Int64(track.index) + 1, texts: texts, year: track.album.year.map(Int64.init), track: Int64(track.number),
        disc: Int64(track.disc), duration: track.durationMilliseconds, added: 1_600_000_000 + Int64(track.index) * 60,
        origins: ["local"], format: "\(track.format)")
}

private func line(_ document: SearchDocument) -> String {
    func text(_ field: TextField) -> String {
        document.texts.filter { $0.field == field }.map(\.value).joined(separator: " ")
    }
    let numbers = [document.year, document.track, document.disc, document.duration, document.added]
    let values =
        ["\(document.id - 1)"] + TextField.allCases.map(text) + numbers.map { $0.map { "\($0)" } ?? "" }
        + [document.format ?? ""]
    return values.joined(separator: "\t") + "\n"
}

/// This process's memory of a kind: `RssAnon`, which is no file's, or `RssFile`.
private func residentBytes(_ kind: String) -> Int {
    let status = String(decoding: (try? readFile("/proc/self/status")) ?? [], as: UTF8.self)
    let line = status.split(separator: "\n").first { $0.hasPrefix(kind) }
    return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
}
