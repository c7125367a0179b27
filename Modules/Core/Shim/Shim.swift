package struct TemplateError: Error {}
package struct TemplateInput: Sendable {
    package var tags: Tags; package var multidisc: Bool; package var fileName: String; package var format: String
    package init(tags: Tags, multidisc: Bool, fileName: String, format: String) { self.tags = tags; self.multidisc = multidisc; self.fileName = fileName; self.format = format }
}
package struct PathTemplate: Sendable, Hashable {
    package static let standard = PathTemplate(source: "x")
    package let source: String
    package var usesMultidisc: Bool { true }
    package init(source: String) { self.source = source }
    package init(parsing text: String) throws(TemplateError) { source = text }
    package func path(for i: TemplateInput) -> [String] {
        let artist = i.tags.first(.albumArtist) ?? i.tags.first(.artist) ?? "Unknown Artist"
        let album = i.tags.first(.album) ?? "Unknown Album"
        let disc = i.multidisc ? "\(i.tags.number(.disc) ?? 1)-" : ""
        return [artist, album, "\(disc)\(i.tags.first(.track) ?? "00") - \(i.tags.first(.title) ?? i.fileName).\(i.format)"]
    }
}
package enum UnreadablePath { package static let directory = ["Unknown Artist", "Unknown Album"] }
package enum Names {
    package static let familyLimit = 180
    package static func split(_ n: [UInt8]) -> (stem: ArraySlice<UInt8>, ext: ArraySlice<UInt8>) {
        guard let dot = n.lastIndex(of: 46), dot > 0 else { return (n[...], n[n.endIndex...]) }
        return (n[..<dot], n[dot...])
    }
    package static func fileExtension(_ n: [UInt8]) -> String { String(decoding: split(n).ext.dropFirst(), as: UTF8.self).lowercased() }
    package static func isAudio(_ n: [UInt8]) -> Bool { ["flac", "mp3", "ogg", "opus", "m4a", "wav", "aiff", "wv"].contains(fileExtension(n)) }
    package static func isIgnored(_ n: [UInt8]) -> Bool { n.first == 46 }
    package static func truncated(_ n: [UInt8]) -> [UInt8] { n }
    package static func family(_ n: [UInt8]) -> [UInt8] {
        var s = String(decoding: split(n).stem, as: UTF8.self)
        while s.hasSuffix(")"), let r = s.range(of: " (") , Int(s[r.upperBound...].dropLast()) != nil { s = String(s[..<r.lowerBound]) }
        return Array(s.utf8)
    }
    package static func numbered(_ n: [UInt8], _ k: Int) -> [UInt8] { let p = split(n); return Array(p.stem) + Array(" (\(k))".utf8) + Array(p.ext) }
    package static func assign(wanted: [[UInt8]], taken: Set<[UInt8]>) -> [[UInt8]] {
        var used = taken; let all = Set(wanted); var out: [[UInt8]] = []; var next: [[UInt8]: Int] = [:]
        for w in wanted {
            if used.insert(w).inserted { out.append(w); continue }
            var k = next[w] ?? 2
            while all.contains(numbered(w, k)) || used.contains(numbered(w, k)) { k += 1 }
            next[w] = k + 1; used.insert(numbered(w, k)); out.append(numbered(w, k))
        }
        return out
    }
}
extension String { func range(of s: String) -> Range<String.Index>? { var i = endIndex; while i > startIndex { i = index(before: i); if self[i...].hasPrefix(s) { return i..<index(i, offsetBy: s.count) } }; return nil } }
