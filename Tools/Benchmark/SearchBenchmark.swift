import MusicFSCatalogue
import MusicFSSearch
import MusicFSSystem

/// A query of both programs.
private struct BenchQuery {
    var group: String
    var kind: String
    var words: [String]

    /// In our language.
    var text: String {
        switch kind {
        case "title": "title:\(words[0])"
        case "word", "and": words.joined(separator: " ")
        case "or": words.joined(separator: " OR ")
        case "genre": "\(words[0]) genre:\(words[1])"
        case "prefix": "\(words[0])*"
        case "phrase": "\"\(words.joined(separator: " "))\""
        case "fuzzy1": "\(words[0])~1"
        case "fuzzy2": "\(words[0])~2"
        default: "\(words[0]) year:\(words[1])..\(words[2])"
        }
    }

    var line: String { ([group, kind] + words).joined(separator: "\t") }
}

/// The search engine beside tantivy: the same documents, the same queries, in turn.
func measureSearch(_ place: Workplace) throws -> [Row] {
    let tracks = place.quick ? 20_000 : 1_000_000
    let work = try place.makeScratch("search")
    let documents = work.appending("documents.tsv")
    let ours = work.appending("ours")
    let built = try build(place, tracks: tracks, ours, documents)
    let anonymousBefore = anonymousBytes()
    let snapshot = try SearchSnapshot.open(ours)
    let verifying = try seconds { try snapshot.verify() }
    place.say("verified in \(short(verifying)) s")
    let queries = makeQueries(tracks: tracks)
    let peer = SearchPeer(place, index: work.appending("tantivy"))
    let peerBuilt = try peer?.build(documents)
    func compared(_ value: Double?) -> (name: String, value: Double)? { value.map { ("tantivy", $0) } }
    var rows = [
        Row(
            name: "search_build", ours: built.seconds, unit: "s", better: .lower, peer: compared(peerBuilt?.seconds),
            targetRatio: 1),
        Row(
            name: "search_size", ours: Double(snapshot.byteCount) / 1e6, unit: "MB", better: .lower,
            peer: compared(peerBuilt.map { $0.bytes / 1e6 }), targetRatio: 1),
    ]
    let passes = 5
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
    rows.append(
        Row(
            name: "search_anonymous_memory", ours: Double(anonymousBytes() - anonymousBefore) / 1e6, unit: "MB",
            better: .lower))
    return rows
}

/// Builds our index and writes the same documents to a file. Making them is not in the time.
private func build(
    _ place: Workplace, tracks: Int, _ path: FilePath, _ documents: FilePath
) throws -> (seconds: Double, segments: Int) {
    let index = try SearchIndex.open(path)
    let file = try open(documents, [.write, .create, .truncate])
    var total = 0.0
    var batch: [SearchDocument] = []
    var lines = ""
    func flush() throws {
        total += try seconds { try index.add(batch) }
        try writeFully(file.raw, Array(lines.utf8))
        batch = []
        lines = ""
    }
    for track in Catalogue(count: tracks) {
        let document = searchDocument(track)
        batch.append(document)
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
    return (total + compacting, index.snapshot.segmentCount)
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

/// Words by their frequency in titles: the catalogue's Latin words, the most frequent first.
private func makeQueries(tracks: Int) -> [[BenchQuery]] {
    let vocabulary = Catalogue(count: 1).vocabulary
    let words = vocabulary.words(.latin).map { $0.lowercased() }
    let phrases = Catalogue(count: min(tracks, 20_000)).lazy.filter { $0.album.script == .latin }.map { track in
        track.title.lowercased().split(separator: " ").prefix(2).map(String.init)
    }.filter { $0.count == 2 && $0.allSatisfy { $0.utf8.allSatisfy { (0x61...0x7a).contains($0) } } }
    func group(_ name: String, _ kind: String, _ make: (Int) -> [String]) -> [BenchQuery] {
        (0..<20).map { BenchQuery(group: name, kind: kind, words: make($0)) }
    }
    let genres = ["rock", "pop", "jazz", "electronic", "metal"]
    let long = words.filter { $0.count >= 6 }
    let phraseList = Array(phrases.prefix(20))
    return [
        group("title_word", "title") { [words[$0 * 7]] },
        group("common_word", "word") { [words[$0]] },
        group("mid_word", "word") { [words[200 + $0 * 40]] },
        group("rare_word", "word") { [words[20_000 + $0 * 250]] },
        group("two_words", "and") { [words[$0], words[30 + $0 * 3]] },
        group("word_and_genre", "genre") { [words[5 + $0 * 5], genres[$0 % 5]] },
        group("prefix_2", "prefix") { [String(words[150 + $0 * 31].prefix(2))] },
        group("prefix_3", "prefix") { [String(words[300 + $0 * 61].prefix(3))] },
        group("phrase", "phrase") { phraseList.isEmpty ? ["a", "b"] : phraseList[$0 % phraseList.count] },
        group("fuzzy_1", "fuzzy1") { [long[$0 * 50]] },
        group("fuzzy_2", "fuzzy2") { [long[$0 * 50]] },
        group("word_and_years", "years") { [words[$0 * 4], "1980", "1989"] },
        group("or_of_five", "or") { number in (0..<5).map { words[number + $0 * 37] } },
    ]
}

/// This process's memory that is no file's.
private func anonymousBytes() -> Int {
    let status = String(decoding: (try? readFile("/proc/self/status")) ?? [], as: UTF8.self)
    let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon") }
    return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
}
