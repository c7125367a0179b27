import MusicFSSystem

@testable import MusicFSSearch

/// The search without an index: every document is looked at, with the formulas as they are documented.
struct NaiveSearch {
    struct Entry {
        var id: Int64
        var document: SearchDocument
        /// By field, terms by their places.
        var places: [[(term: [UInt8], place: Int)]]
        var lengths: [Int]
    }

    /// All that count for the statistics, deleted ones with them.
    var entries: [Entry] = []
    var deleted: Set<Int> = []

    mutating func remove(_ id: Int64) {
        for index in entries.indices where entries[index].id == id { deleted.insert(index) }
    }

    mutating func add(_ document: SearchDocument) {
        remove(document.id)
        var places: [[(term: [UInt8], place: Int)]] = Array(repeating: [], count: TextField.count)
        var lengths = [Int](repeating: 0, count: TextField.count)
        var next = lengths
        for text in document.texts {
            let field = Int(text.field.rawValue)
            let analyzed = Analyzer.analyze(text.value)
            for word in analyzed.words { places[field].append((analyzed.term(word), next[field] + word.position)) }
            lengths[field] += analyzed.positions
            next[field] += analyzed.positions + 1
        }
        entries.append(Entry(id: document.id, document: document, places: places, lengths: lengths))
    }

    /// Forgets the deleted ones, as a merge of everything does.
    mutating func compact() {
        entries = entries.indices.filter { !deleted.contains($0) }.map { entries[$0] }
        deleted = []
    }

    /// All that match, the best first.
    func search(_ query: SearchQuery, weights: FieldWeights = .standard) -> [SearchHit] {
        let statistics = Statistics(entries, weights)
        let evaluator = statistics.evaluator(query)
        return entries.indices.filter { !deleted.contains($0) }.compactMap { index in
            evaluator(entries[index]).map { SearchHit(id: entries[index].id, score: Float($0)) }
        }.sorted { $0.isBetter(than: $1) }
    }

    /// nil for a document that does not match.
    typealias Evaluator = (Entry) -> Double?

    struct Statistics {
        let entries: [Entry]
        let weights: FieldWeights
        let averages: [Double]

        init(_ entries: [Entry], _ weights: FieldWeights) {
            self.entries = entries
            self.weights = weights
            averages = (0..<TextField.count).map { field in
                Double(entries.reduce(0) { $0 + $1.lengths[field] }) / Double(max(entries.count, 1))
            }
        }

        func evaluator(_ query: SearchQuery) -> Evaluator {
            switch query {
            case .all: return { _ in 0 }
            case .term(let field, let text), .phrase(let field, let text): return words(field, text)
            case .prefix(let field, let text):
                let words = Analyzer.analyze(text, for: .query)
                let terms = words.words.filter { $0.kind != .exact }.map { words.term($0) }
                guard let last = terms.last else { return { _ in nil } }
                let whole = terms.dropLast().map { term(field, $0) }
                let prefix = expansion(field) { $0.starts(with: last) ? ($0 == last ? 1 : 0.75) : nil }
                return all(whole + [prefix])
            case .fuzzy(let field, let text, let limit):
                let words = Analyzer.analyze(text, for: .query)
                let parts = words.words.filter { $0.kind != .exact }.map { word in
                    let term = words.term(word)
                    return expansion(field) { other in
                        let distance = NaiveSearch.distance(term, other)
                        return distance <= limit ? [1, 0.5, 0.25][distance] : nil
                    }
                }
                return parts.isEmpty ? { _ in nil } : all(parts)
            case .range(let field, let range):
                return { entry in entry.document.number(field).flatMap { range.contains($0) ? 0 : nil } }
            case .keyword(.origin, let value): return { $0.document.origins.contains(value) ? 0 : nil }
            case .keyword(.format, let value):
                return { $0.document.format?.lowercased() == value.lowercased() ? 0 : nil }
            case .and(let children): return all(children.map(evaluator))
            case .or(let children):
                let parts = children.map(evaluator)
                return { entry in
                    let scores = parts.compactMap { $0(entry) }
                    return scores.isEmpty ? nil : scores.reduce(0, +)
                }
            case .not(let child):
                let evaluator = evaluator(child)
                return { evaluator($0) == nil ? 0 : nil }
            }
        }

        private func all(_ parts: [Evaluator]) -> Evaluator {
            { entry in
                var sum = 0.0
                for part in parts {
                    guard let score = part(entry) else { return nil }
                    sum += score
                }
                return sum
            }
        }

        private func fields(_ field: TextField?) -> [Int] {
            field.map { [Int($0.rawValue)] } ?? Array(0..<TextField.count)
        }

        private func idf(_ count: Int) -> Double {
            let (all, some) = (Double(entries.count), Double(min(count, entries.count)))
            return naturalLogarithm(1 + (all - some + 0.5) / (some + 0.5))
        }

        /// - Parameter counts: how often, by field.
        private func score(_ field: TextField?, idf: Double, _ counts: [Int], _ entry: Entry) -> Double {
            var weight = 0.0
            for index in fields(field) where counts[index] > 0 {
                let own = field == nil ? Double(weights[TextField.allCases[index]]) : 1
                let length = Double(entry.lengths[index])
                weight += own * Double(counts[index]) / (0.25 + 0.75 * length / averages[index])
            }
            return idf * 2.2 * weight / (1.2 + weight)
        }

        private func counts(_ term: [UInt8], _ entry: Entry) -> [Int] {
            entry.places.map { field in field.count { $0.term == term } }
        }

        private func has(_ field: TextField?, _ term: [UInt8], _ entry: Entry) -> Bool {
            fields(field).contains { entry.places[$0].contains { $0.term == term } }
        }

        private func term(_ field: TextField?, _ term: [UInt8]) -> Evaluator {
            let idf = idf(entries.count { has(field, term, $0) })
            return { entry in
                has(field, term, entry) ? score(field, idf: idf, counts(term, entry), entry) : nil
            }
        }

        private func words(_ field: TextField?, _ text: String) -> Evaluator {
            let analyzed = Analyzer.analyze(text, for: .query)
            let words = analyzed.words.filter { $0.kind != .exact }
            guard let first = words.first else { return { _ in nil } }
            if words.count == 1 {
                let own = analyzed.term(first)
                if first.kind == .single {
                    return expansion(field) { $0.starts(with: own) ? ($0 == own ? 1 : 0.75) : nil }
                }
                let folded = term(field, own)
                guard let exact = analyzed.words.first(where: { $0.kind == .exact }) else { return folded }
                let accented = term(field, analyzed.term(exact))
                return { entry in folded(entry).map { $0 + (accented(entry) ?? 0) } }
            }
            let terms = words.map { (term: analyzed.term($0), place: $0.position) }
            let idf = terms.reduce(0.0) { sum, word in sum + self.idf(entries.count { has(field, word.term, $0) }) }
            return { entry in
                var counts = [Int](repeating: 0, count: TextField.count)
                for index in fields(field) {
                    let places = entry.places[index]
                    counts[index] = places.count { start in
                        start.term == terms[0].term
                            && terms.allSatisfy { word in
                                places.contains {
                                    $0.term == word.term && $0.place - start.place == word.place - terms[0].place
                                }
                            }
                    }
                }
                return counts.contains { $0 > 0 } ? score(field, idf: idf, counts, entry) : nil
            }
        }

        private func expansion(_ field: TextField?, _ factor: @escaping ([UInt8]) -> Double?) -> Evaluator {
            var counts: [[UInt8]: Int] = [:]
            for entry in entries {
                for term in Set(entry.places.joined().map(\.term)) { counts[term, default: 0] += 1 }
            }
            let terms = counts.keys.filter { $0[0] > 3 }.compactMap { term in factor(term).map { (term, $0) } }
            let idf = idf(terms.reduce(0) { $0 + (counts[$1.0] ?? 0) })
            return { entry in
                terms.filter { has(field, $0.0, entry) }.map { term, factor in
                    factor * score(field, idf: idf, self.counts(term, entry), entry)
                }.max()
            }
        }
    }

    /// The optimal string alignment distance of two words.
    static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        let a = Array(String(decoding: one, as: UTF8.self).unicodeScalars)
        let b = Array(String(decoding: other, as: UTF8.self).unicodeScalars)
        var rows = (0...a.count).map { row in (0...b.count).map { row == 0 ? $0 : row } }
        for i in 0..<a.count {
            for j in 0..<b.count {
                var best = min(rows[i][j + 1] + 1, rows[i + 1][j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
                rows[i + 1][j + 1] = best
            }
        }
        return rows[a.count][b.count]
    }
}
