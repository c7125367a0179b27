import MusicFSCatalogue
import MusicFSCore
import MusicFSSystem

/// A file with one line of JSON for each generated file: what it is and what its tags are meant to be.
///
/// A format that cannot hold a value (NUL in ID3v2, an empty string, a track number that is none in MP4) gives it back
/// otherwise; only values under `Evil/` are of that kind. Paths that are not UTF-8 are told in `path_hex` as well.
struct Manifest: ~Copyable {
    private let file: OwnedFD
    private var buffer: [UInt8] = []

    /// - Throws: when the file exists.
    static func create(_ path: FilePath) throws(GeneratorError) -> Manifest {
        do {
            return Manifest(file: try open(path, [.write, .create, .exclusive], mode: 0o644))
        } catch {
            if error.errno == .exists {
                throw GeneratorError(.files, "\(path) exists and is not overwritten: name another manifest")
            }
            throw GeneratorError(error)
        }
    }

    private init(file: consuming OwnedFD) { self.file = file }

    /// - Parameters:
    ///   - kind: `track`, `cover`, `scan`, `cue`, `log`, `lyrics`, `broken` (named as audio, and none) or `hidden`.
    ///   - album: equal for what belongs to one album.
    mutating func add(
        path: [UInt8], kind: String, album: Int? = nil, format: AudioFormat? = nil, tags: Tags? = nil,
        isCopy: Bool = false, hasCover: Bool = false
    ) throws(GeneratorError) {
        var line = JSONObject()
        line.add("path", String(decoding: path, as: UTF8.self))
        if String(validating: path, as: UTF8.self) == nil { line.add("path_hex", hexadecimal(path)) }
        line.add("kind", kind)
        if let album { line.add("album", album) }
        if let format { line.add("format", format.rawValue) }
        if isCopy { line.add("copy", true) }
        if hasCover { line.add("has_cover", true) }
        if let tags {
            var object = JSONObject()
            for field in TagField.allCases {
                let values = tags.all(field)
                if !values.isEmpty { object.add(field.rawValue, values) }
            }
            line.add("tags", object)
        }
        buffer += line.text.utf8
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count > 1 << 20 { try flush() }
    }

    mutating func flush() throws(GeneratorError) {
        do { try writeFully(file.raw, buffer) } catch { throw GeneratorError(error) }
        buffer.removeAll(keepingCapacity: true)
    }
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// A JSON object (RFC 8259) that is written in the order in which it is filled.
struct JSONObject {
    private var members = ""

    var text: String { "{\(members)}" }

    mutating func add(_ key: String, _ value: String) { add(key, json: JSONObject.quoted(value)) }
    mutating func add(_ key: String, _ value: Int) { add(key, json: String(value)) }
    mutating func add(_ key: String, _ value: Double) { add(key, json: String(value)) }
    mutating func add(_ key: String, _ value: Bool) { add(key, json: String(value)) }
    mutating func add(_ key: String, _ value: JSONObject) { add(key, json: value.text) }
    mutating func add(_ key: String, _ values: [String]) {
        add(key, json: "[" + values.map(JSONObject.quoted).joined(separator: ",") + "]")
    }

    private mutating func add(_ key: String, json: String) {
        if !members.isEmpty { members += "," }
        members += JSONObject.quoted(key) + ":" + json
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20:
                result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
