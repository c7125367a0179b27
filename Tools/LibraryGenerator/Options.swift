import MusicFSCatalogue

/// What the command line asks for.
struct Options {
    var output = ""
    var tracks = 60
    var seed: UInt64 = 1
    var formats = AudioFormat.allCases
    var style = LibraryLayout.Style.artistAlbum
    var evil = false
    var json = false
    var manifest: String?
    /// Where to write a library's database instead of files.
    var database: String?
    /// The directory that the database says its files lie in.
    var originRoot = ""
    var stateDirectory: String?
    var help = false

    static let usage = """
        USAGE: musicfs-libgen OUT (--tracks N | --sample) [options]
               musicfs-libgen --database FILE --origin-root DIR --tracks N [options]

        Makes a music library of small but real audio files with tags, covers and companions. The same arguments give
        the same bytes, as long as ffmpeg and TagLib are the same. With --database it makes no files but the library.db
        that a scan of them would end with, for libraries of millions of tracks.

          OUT              a directory that does not exist or is empty
          --tracks N       how many tracks
          --sample         60 tracks that show every feature; same as --tracks 60
          --seed S         another number, another library (default: 1)
          --formats LIST   of flac,mp3,ogg,opus,m4a,wav,aiff,wv (default: all)
          --layout STYLE   artist-album (default), flat or messy
          --evil           adds Evil/: hostile tags, hostile names and broken files
          --manifest FILE  writes a line of JSON for each file: path, kind, format, tags as intended
          --database FILE  writes the tracks into this new database; it belongs at CACHE_DIR/NAME/library.db
          --origin-root DIR  where the database says that the files lie; the directory must exist
          --state-dir DIR  with --database: also writes DIR/epoch; DIR is STATE_DIR/NAME
          --json           prints the summary as JSON
          --help           prints this

        EXAMPLES:
          musicfs-libgen /tmp/music --sample
          musicfs-libgen /tmp/music --tracks 100000 --seed 7 --formats flac,mp3 --layout messy --manifest /tmp/music.jsonl
          musicfs-libgen --database /tmp/cache/music/library.db --origin-root /tmp/empty --tracks 1000000

        """

    /// - Throws: `.usage` naming the argument that is wrong.
    init(_ arguments: [String]) throws(GeneratorError) {
        var rest = arguments[...]
        var asksSize = 0
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
            let name = argument.hasPrefix("--") ? parts[0] : argument
            func value() throws(GeneratorError) -> String {
                if parts.count == 2 { return parts[1] }
                guard let value = rest.popFirst() else { throw GeneratorError(.usage, "\(name) needs a value") }
                return value
            }
            switch name {
            case "--tracks":
                tracks = Int(try Options.number(name, try value(), 1...100_000_000))
                asksSize += 1
            case "--sample": asksSize += 1
            case "--seed": seed = try Options.number(name, try value(), 0...UInt64.max)
            case "--formats": formats = try Options.formats(try value())
            case "--layout": style = try Options.style(try value())
            case "--evil": evil = true
            case "--json": json = true
            case "--manifest": manifest = try value()
            case "--database": database = try value()
            case "--origin-root": originRoot = try value()
            case "--state-dir": stateDirectory = try value()
            case "--help", "-h": help = true
            case _ where name.hasPrefix("-") || !output.isEmpty:
                throw GeneratorError(.usage, "unexpected argument \(argument)")
            default: output = argument
            }
        }
        if help { return }
        if database != nil {
            if originRoot.isEmpty { throw GeneratorError(.usage, "--database needs --origin-root DIR") }
            if !output.isEmpty || manifest != nil || evil {
                throw GeneratorError(.usage, "--database makes no files: leave out OUT, --manifest and --evil")
            }
        } else if !originRoot.isEmpty || stateDirectory != nil {
            throw GeneratorError(.usage, "--origin-root and --state-dir need --database")
        } else if output.isEmpty {
            throw GeneratorError(.usage, "OUT is missing: name the directory to make")
        }
        if asksSize != 1 { throw GeneratorError(.usage, "give either --tracks N or --sample") }
    }

    private static func number(
        _ name: String, _ text: String, _ range: ClosedRange<UInt64>
    ) throws(GeneratorError) -> UInt64 {
        guard let number = UInt64(text), range.contains(number) else {
            throw GeneratorError(
                .usage, "\(name) is a number from \(range.lowerBound) to \(range.upperBound), not \(text)")
        }
        return number
    }

    private static func formats(_ text: String) throws(GeneratorError) -> [AudioFormat] {
        var formats: [AudioFormat] = []
        for name in text.split(separator: ",") {
            guard let format = AudioFormat(rawValue: String(name)) else {
                let known = AudioFormat.allCases.map(\.rawValue).joined(separator: ", ")
                throw GeneratorError(.usage, "--formats knows \(known), not \(name)")
            }
            if !formats.contains(format) { formats.append(format) }
        }
        if formats.isEmpty { throw GeneratorError(.usage, "--formats needs at least one format") }
        return formats
    }

    private static func style(_ text: String) throws(GeneratorError) -> LibraryLayout.Style {
        guard let style = LibraryLayout.Style(rawValue: text) else {
            throw GeneratorError(.usage, "--layout is artist-album, flat or messy, not \(text)")
        }
        return style
    }
}
