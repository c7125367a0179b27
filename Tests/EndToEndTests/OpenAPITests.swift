import Foundation
import MusicFSSystem
import TestSupport
import Testing

/// Any JSON, read.
private enum Value: Decodable, Equatable {
    case null
    case flag(Bool)
    case whole(Int64)
    case number(Double)
    case text(String)
    case array([Value])
    case object([String: Value])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .flag(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .whole(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([Value].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: Value].self))
        }
    }

    init(_ text: String) throws { self = try JSONDecoder().decode(Value.self, from: Data(text.utf8)) }

    subscript(_ keys: String...) -> Value? {
        keys.reduce(self) { value, key in
            if case .object(let members)? = value { members[key] } else { nil }
        }
    }

    var keys: [String] { if case .object(let members) = self { members.keys.sorted() } else { [] } }
    var elements: [Value] { if case .array(let elements) = self { elements } else { [] } }
    var text: String? { if case .text(let text) = self { text } else { nil } }
}

/// What a value breaks of a schema of the document.
private func problems(_ value: Value, _ schema: Value?, _ document: Value, _ place: String = "$") -> [String] {
    guard let schema else { return ["\(place): no schema"] }
    if let reference = schema["$ref"]?.text {
        let name = String(reference.split(separator: "/").last ?? "")
        return problems(value, document["components", "schemas", name], document, place)
    }
    if let choices = schema["anyOf"]?.elements {
        let found = choices.map { problems(value, $0, document, place) }
        return found.contains([]) ? [] : found.flatMap(\.self)
    }
    switch (schema["type"]?.text, value) {
    case ("null", .null), ("boolean", .flag), ("integer", .whole), ("number", .whole), ("number", .number): return []
    case ("string", .text(let text)):
        if let words = schema["enum"]?.elements, !words.contains(.text(text)) { return ["\(place): \(text)"] }
        if schema["format"]?.text == "date-time", text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/) == nil
        {
            return ["\(place): no time: \(text)"]
        }
        return []
    case ("array", .array(let elements)):
        return elements.enumerated().flatMap { problems($1, schema["items"], document, "\(place)[\($0)]") }
    case ("object", .object(let members)):
        let required = schema["required"]?.elements.compactMap(\.text) ?? []
        let missing = required.filter { members[$0] == nil }.map { "\(place): no \($0)" }
        return missing
            + members.flatMap { key, value in
                problems(
                    value, schema["properties", key] ?? schema["additionalProperties"], document, "\(place).\(key)")
            }
    default: return ["\(place): \(value) is no \(schema["type"]?.text ?? "anything")"]
    }
}

extension EndToEnd {
    /// The document of the interface, against the interface.
    @Suite struct OpenAPITests {
        /// All there is: other programs rely on these, so that one that goes is a decision.
        private let interface: Set<String> = [
            "get /healthz", "get /metrics", "get /v1/cache", "post /v1/cache/clear", "post /v1/cache/pin",
            "post /v1/cache/prefetch", "post /v1/cache/repair", "post /v1/cache/unpin", "post /v1/cache/verify",
            "get /v1/collections", "post /v1/collections", "post /v1/collections/remove", "get /v1/collections/tracks",
            "get /v1/events", "get /v1/history", "get /v1/prefetch",
            "get /v1/info", "get /v1/log-level", "put /v1/log-level", "get /v1/openapi.json",
            "get /v1/origins", "post /v1/origins/check", "get /v1/quarantine", "post /v1/reload", "post /v1/restore",
            "post /v1/scan", "get /v1/search", "post /v1/search/rebuild", "get /v1/search/stats",
            "get /v1/search/stream",
            "post /v1/shutdown", "get /v1/status", "get /v1/tasks", "post /v1/upgrade",
        ]

        private func ask(_ library: MountedLibrary, _ method: String, _ target: String, _ headers: String...) throws
            -> (
                status: String, type: String, allow: String, body: String
            )
        {
            let outcome = try run(
                [
                    "curl", "-sN", "-m", "3", "-X", method.uppercased(), "--unix-socket", library.socket.description,
                    "-w",
                    "\u{1}%{http_code}\u{1}%{content_type}\u{1}%header{allow}",
                ] + headers.flatMap { ["-H", $0] } + ["http://localhost\(target)"])
            let parts = outcome.text.components(separatedBy: "\u{1}")
            try #require(parts.count == 4, "\(outcome.text)")
            return (parts[1], parts[2], parts[3], parts[0])
        }

        @Test(.timeLimit(.minutes(1))) func theDocumentTellsWhatIsThereAndNothingElse() throws {
            let library = try MountedLibrary()
            try writeAudio(library.origin.appending("1.wav"), megabytes: 1)
            try writeFileAtomically(library.origin.appending("broken.flac"), [1, 2, 3])
            library.configuration = Section.directory(
                library.origin, id: "far", type: "local", extra: "cache = \"always\"")
            try library.start()
            #expect(eventually { (try? library.files().count) == 2 })
            #expect(try eventually { try ask(library, "get", "/v1/search/stats").body.contains("\"documents\":2") })
            let document = try Value(ask(library, "get", "/v1/openapi.json").body)
            #expect(document["openapi"]?.text == "3.1.0" && document["info", "version"]?.text == "0.1.0")
            let paths = try #require(document["paths"])
            let told = paths.keys.flatMap { path in (paths[path]?.keys ?? []).map { "\($0) \(path)" } }
            #expect(Set(told) == interface)
            let names = paths.keys.flatMap { path in
                (paths[path]?.keys ?? []).compactMap { paths[path, $0, "operationId"]?.text }
            }
            #expect(Set(names).count == told.count)
            // What is told is there, and no method beside it.
            for path in paths.keys {
                let methods = (paths[path]?.keys ?? []).map { $0.uppercased() }
                let answer = try ask(library, "patch", path)
                let allowed = answer.allow.components(separatedBy: ", ").filter { $0 != "HEAD" }
                #expect(answer.status == "405" && Set(allowed) == Set(methods), "\(path): \(answer)")
            }
            let file = try #require(
                library.mount.description.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
            let shown = try #require(try library.files().first { $0.hasSuffix(".wav") })
            let path = file + "%2F" + (shown.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")
            let queries = [
                "get /v1/history": "?limit=5",
                "get /v1/info": "?path=\(path)", "put /v1/log-level": "?level=info", "get /v1/events": "?after=1.0",
                "post /v1/cache/pin": "?path=\(path)", "post /v1/cache/unpin": "?path=\(path)",
                "post /v1/cache/prefetch": "?path=\(path)", "post /v1/scan": "?full=1",
                "get /v1/search": "?query=format:wav", "get /v1/search/stream": "?query=format:wav",
                "post /v1/collections": "?name=x&query=added:%3C1d", "post /v1/collections/remove": "?name=x",
                "get /v1/collections/tracks": "?name=Recently%20Added",
            ]
            // Those that end the server come last. A check is made at once: 3 s are more than it takes.
            let last = ["post /v1/reload", "post /v1/shutdown"]
            for entry in told.filter({ !last.contains($0) && !["post /v1/upgrade", "post /v1/restore"].contains($0) })
                .sorted() + last
            {
                let (method, path) = try #require(
                    entry.firstIndex(of: " ").map { (entry[..<$0], entry[$0...].dropFirst()) })
                let operation = try #require(paths[String(path), String(method)])
                let parameters = operation["parameters"]?.elements.compactMap { $0["name"]?.text } ?? []
                let query = queries[entry] ?? ""
                #expect(query.isEmpty || parameters.contains { query.hasPrefix("?\($0)=") }, "\(entry)")
                let answer = try ask(library, String(method), path + query)
                try #require(answer.status == "200", "\(entry): \(answer)")
                let content = operation["responses", "200", "content"]
                let schema = content?[String(answer.type.prefix { $0 != ";" }), "schema"]
                if answer.type.hasPrefix("text/plain") {
                    #expect(schema?["type"]?.text == "string", "\(entry)")
                } else if answer.type == "application/x-ndjson" {
                    let lines = try answer.body.split(separator: "\n").map { try Value(String($0)) }
                    #expect(!lines.isEmpty && content?["text/event-stream"] != nil, "\(entry): \(answer)")
                    for line in lines { #expect(problems(line, schema, document) == [], "\(entry)") }
                } else if entry != "get /v1/openapi.json" {
                    #expect(try problems(Value(answer.body), schema, document) == [], "\(entry): \(answer.body)")
                    if entry == "get /v1/origins" || entry == "get /v1/quarantine" || entry == "get /v1/tasks" {
                        #expect(try !Value(answer.body).elements.isEmpty, "\(entry)")
                    }
                }
                if entry == "get /v1/events" {
                    let events = try ask(library, "get", "/v1/events?after=1.0", "Accept: text/event-stream")
                    #expect(events.type == "text/event-stream")
                }
            }
            #expect(eventually { !FileManager.default.fileExists(atPath: library.socket.description) })
        }

        @Test(.timeLimit(.minutes(1))) func errorsHaveTheFormThatTheDocumentTells() throws {
            let library = try MountedLibrary()
            try library.start()
            let document = try Value(ask(library, "get", "/v1/openapi.json").body)
            let schema = document["components", "responses", "Error", "content", "application/json", "schema"]
            for (target, status) in [
                ("/v1/nowhere", "404"), ("/v1/info", "400"), ("/v1/info?path=/nothing", "404"),
                ("/v1/events?type=x", "400"), ("/v1/events?origin=x", "404"), ("/v1/scan", "405"),
            ] {
                let answer = try ask(library, "get", target)
                #expect(answer.status == status && answer.type == "application/json", "\(target): \(answer)")
                #expect(try problems(Value(answer.body), schema, document) == [], "\(answer.body)")
            }
            // The validator sees what is wrong.
            #expect(try !problems(Value("{\"remedy\":\"x\"}"), schema, document).isEmpty)
            #expect(try !problems(Value("{\"error\":1}"), schema, document).isEmpty)
            let status = document[
                "paths", "/v1/status", "get", "responses", "200", "content", "application/json", "schema"]
            #expect(try problems(Value("{}"), status, document).count > 10)
        }
    }
}
