import MusicFSSystem

/// tantivy through its Python wheel, which is installed in a virtual environment in the work directory.
struct SearchPeer {
    private let place: Workplace
    private let python: FilePath
    private let script: FilePath
    private let index: FilePath

    /// - Returns: nil where it cannot be installed; says so.
    init?(_ place: Workplace, index: FilePath) {
        let environment = place.work.appending("tantivy-venv")
        self.place = place
        self.index = index
        python = environment.appending("bin/python")
        script = place.work.appending("search-peer.py")
        do {
            if (try? place.run([python.description, "-c", "import tantivy"])) == nil {
                place.say("installing tantivy …")
                try place.run(["python3", "-m", "venv", environment.description])
                try place.run([python.description, "-m", "pip", "-q", "install", "tantivy"])
            }
            try writeFileAtomically(script, Array(SearchPeer.program.utf8))
        } catch {
            place.say("tantivy cannot be installed, its rows are left out: \(error)")
            return nil
        }
    }

    /// Indexes a file with a document a line.
    /// - Returns: seconds and bytes, and how many of the seconds it takes to make the documents alone.
    func build(_ documents: FilePath) throws -> (seconds: Double, bytes: Double, making: Double) {
        let said = try place.run([
            python.description, script.description, "build", index.description, documents.description,
        ])
        let numbers = said.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard numbers.count >= 3 else { throw BenchmarkError("tantivy said: \(said)") }
        return (numbers[0], numbers[1], numbers[2])
    }

    /// Runs queries, one a line: its class, its kind and its words, parted by tabs.
    /// - Returns: by line the microseconds, and the ids of the best 20.
    func run(_ queries: [String], passes: Int) throws -> [(microseconds: [Double], ids: [Int64])] {
        let file = place.work.appending("queries.tsv")
        try writeFileAtomically(file, Array(queries.joined(separator: "\n").utf8))
        let said = try place.run([
            python.description, script.description, "query", index.description, file.description, "\(passes)",
        ])
        let answers = said.split(separator: "\n").map { line in
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
            return (
                parts[0].split(separator: " ").compactMap { Double($0) },
                parts.count > 1 ? parts[1].split(separator: " ").compactMap { Int64($0) } : []
            )
        }
        guard answers.count == queries.count else { throw BenchmarkError("tantivy said: \(said.suffix(500))") }
        return answers
    }

    private static let program = #"""
        import os, shutil, sys, time
        import tantivy
        from tantivy import Occur, Query

        FIELDS = ["title", "artist", "album", "album_artist", "genre", "composer"]

        def schema():
            builder = tantivy.SchemaBuilder()
            builder.add_unsigned_field("id", stored=False, indexed=False, fast=True)
            for field in FIELDS:
                builder.add_text_field(field, stored=False)
            for field in ["year", "track", "disc", "duration", "added"]:
                builder.add_unsigned_field(field, stored=False, indexed=True, fast=True)
            builder.add_text_field("origin", tokenizer_name="raw", index_option="basic")
            builder.add_text_field("format", tokenizer_name="raw", index_option="basic")
            return builder.build()

        def make(documents):
            with open(documents, encoding="utf-8") as lines:
                for line in lines:
                    values = line.rstrip("\n").split("\t")
                    document = tantivy.Document()
                    document.add_unsigned("id", int(values[0]))
                    for field, value in zip(FIELDS, values[1:7]):
                        if value:
                            document.add_text(field, value)
                    for field, value in zip(["year", "track", "disc", "duration", "added"], values[7:12]):
                        if value:
                            document.add_unsigned(field, int(value))
                    document.add_text("origin", "local")
                    document.add_text("format", values[12])
                    yield document

        def build(path, documents):
            shutil.rmtree(path, ignore_errors=True)
            os.makedirs(path)
            index = tantivy.Index(schema(), path)
            begin = time.monotonic()
            for document in make(documents):
                pass
            making = time.monotonic() - begin
            begin = time.monotonic()
            writer = index.writer(heap_size=256 << 20, num_threads=1)
            for document in make(documents):
                writer.add_document(document)
            writer.commit()
            writer.wait_merging_threads()
            print(time.monotonic() - begin, sum(e.stat().st_size for e in os.scandir(path)), making)

        def query(schema, kind, words):
            def everywhere(make):
                return Query.boolean_query([(Occur.Should, make(field)) for field in FIELDS])
            def term(word):
                return everywhere(lambda field: Query.term_query(schema, field, word))
            def all_of(queries):
                return Query.boolean_query([(Occur.Must, query) for query in queries])
            if kind == "title":
                return Query.term_query(schema, "title", words[0])
            if kind == "word":
                return term(words[0])
            if kind == "and":
                return all_of([term(word) for word in words])
            if kind == "or":
                return Query.boolean_query([(Occur.Should, term(word)) for word in words])
            if kind == "genre":
                return all_of([term(words[0]), Query.term_query(schema, "genre", words[1])])
            if kind == "prefix":
                return everywhere(lambda field: Query.regex_query(schema, field, words[0] + ".*"))
            if kind == "typing":
                return all_of([term(words[0]), everywhere(
                    lambda field: Query.regex_query(schema, field, words[1] + ".*"))])
            if kind == "mistyped":
                return all_of([term(words[0]), everywhere(lambda field: Query.fuzzy_term_query(
                    schema, field, words[1], distance=1, transposition_cost_one=True))])
            if kind == "phrase":
                return everywhere(lambda field: Query.phrase_query(schema, field, words))
            if kind in ("fuzzy1", "fuzzy2"):
                return everywhere(lambda field: Query.fuzzy_term_query(
                    schema, field, words[0], distance=int(kind[-1]), transposition_cost_one=True))
            if kind == "years":
                return all_of([term(words[0]), Query.range_query(
                    schema, "year", tantivy.FieldType.Unsigned, int(words[1]), int(words[2]))])
            raise ValueError(kind)

        def run(path, queries, passes):
            index = tantivy.Index.open(path)
            searcher = index.searcher()
            for line in open(queries, encoding="utf-8"):
                _, kind, *words = line.rstrip("\n").split("\t")
                made = query(index.schema, kind, words)
                times = []
                for _ in range(passes):
                    begin = time.perf_counter_ns()
                    hits = searcher.search(made, 20, count=False).hits
                    times.append((time.perf_counter_ns() - begin) / 1000)
                ids = [address.doc for _, address in hits] if searcher.num_segments == 1 else []
                print(" ".join(map(str, times)), " ".join(map(str, ids)), sep="\t")

        if sys.argv[1] == "build":
            build(sys.argv[2], sys.argv[3])
        else:
            run(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        """#
}
