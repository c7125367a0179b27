import MusicFSCatalogue
import MusicFSSystem

/// The audio and the pictures that all generated files are made of: encoded once, then copied.
struct Payloads: Sendable {
    /// Whole files without tags, of equal number for each format.
    private let audio: [AudioFormat: [[UInt8]]]
    /// JPEG files; never empty.
    private let covers: [[UInt8]]
    let pngCover: [UInt8]

    /// What ffmpeg makes the variants of: their contents and lengths differ.
    private static let sources = [
        "sine=frequency=440:sample_rate=48000:duration=0.2",
        "anoisesrc=color=brown:seed=1:sample_rate=48000:duration=0.4:amplitude=0.2",
        "sine=frequency=660:beep_factor=4:sample_rate=48000:duration=0.6",
        "aevalsrc=sin(2*PI*t*(200+300*t))/4:sample_rate=48000:duration=1",
    ]
    private static let coverCount = 6

    /// Encodes everything with ffmpeg, in about a second.
    static func encode(_ formats: [AudioFormat]) throws(GeneratorError) -> Payloads {
        try requireEncoders(formats)
        let scratch: TemporaryDirectory
        do { scratch = try TemporaryDirectory.make(prefix: "musicfs-libgen-") } catch { throw GeneratorError(error) }
        var audio: [AudioFormat: [[UInt8]]] = [:]
        for (variant, source) in sources.enumerated() {
            var arguments = ["-f", "lavfi", "-i", source]
            var outputs: [(format: AudioFormat, path: FilePath)] = []
            for format in formats {
                let path = scratch.path.appending("\(variant).\(format.fileExtension)")
                arguments += ["-map_metadata", "-1", "-ac", "1", "-fflags", "+bitexact", "-flags:a", "+bitexact"]
                arguments += format.encoderArguments + (variant % 2 == 1 ? format.variantArguments : [])
                arguments.append(path.description)
                outputs.append((format, path))
            }
            try ffmpeg(arguments)
            for (format, path) in outputs {
                audio[format, default: []].append(try files { () throws(SystemError) in try readFile(path) })
            }
        }
        var covers: [[UInt8]] = []
        for number in 0..<coverCount { covers.append(try picture(number, "jpg", in: scratch.path)) }
        return Payloads(audio: audio, covers: covers, pngCover: try picture(coverCount, "png", in: scratch.path))
    }

    /// The audio for `seed`; an empty file if the format was not encoded.
    func audio(_ format: AudioFormat, seed: UInt64) -> [UInt8] {
        let variants = audio[format] ?? []
        var random = SeededRandom(seed, 0x6175_6469_6f00)
        return variants.isEmpty ? [] : variants[random.below(variants.count)]
    }

    /// A JPEG picture whose bytes no other `note` gives: the note is a comment in it.
    func cover(seed: UInt64, note: String) -> [UInt8] {
        let picture = covers[Int(seed % UInt64(covers.count))]
        // Start of image (2 bytes), then the JFIF segment: marker (2), length (2, itself included), data. A comment
        // segment, marker FFFE, may follow (ITU-T T.81, B.2.4).
        guard picture.count > 6 else { return picture }
        let position = 4 + Int(picture[4]) << 8 + Int(picture[5])
        guard position < picture.count else { return picture }
        let text = Array(note.utf8.prefix(200))
        return picture[..<position] + [0xff, 0xfe, 0, UInt8(text.count + 2)] + text + picture[position...]
    }

    private static func picture(_ number: Int, _ type: String, in directory: FilePath) throws(GeneratorError) -> [UInt8]
    {
        let path = directory.appending("picture-\(number).\(type)")
        let colours = "c0=0x\(String(0x203040 + number * 0x1a0c27, radix: 16)):c1=0xe0c090"
        try ffmpeg([
            "-f", "lavfi", "-i", "gradients=size=160x160:nb_colors=2:seed=\(number + 1):duration=1:\(colours)",
            "-frames:v", "1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-q:v", "8", path.description,
        ])
        return try files { () throws(SystemError) in try readFile(path) }
    }

    private static func ffmpeg(_ arguments: [String]) throws(GeneratorError) {
        let result = try run(["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-y"] + arguments)
        if result.status != 0 {
            let said = String(decoding: result.output.suffix(2000), as: UTF8.self)
            throw GeneratorError(.encoder, "ffmpeg failed with status \(result.status): \(said)")
        }
    }

    private static func requireEncoders(_ formats: [AudioFormat]) throws(GeneratorError) {
        // Lines like " A....D flac    FLAC (Free Lossless Audio Codec)".
        let result = try run(["ffmpeg", "-hide_banner", "-encoders"])
        let lines = String(decoding: result.output, as: UTF8.self).split(separator: "\n")
        let names = Set(lines.compactMap { $0.split(separator: " ").dropFirst().first })
        for format in formats where !names.contains(Substring(format.encoder)) {
            throw GeneratorError(
                .encoder,
                "this ffmpeg has no encoder \(format.encoder): install ffmpeg with it, or leave out "
                    + "\(format.rawValue) with --formats")
        }
    }

    private static func run(_ arguments: [String]) throws(GeneratorError) -> ProgramResult {
        do {
            return try runProgram(arguments)
        } catch {
            if error.errno == .noEntry {
                throw GeneratorError(.encoder, "ffmpeg was not found: install ffmpeg (the package is called ffmpeg)")
            }
            throw GeneratorError(error)
        }
    }
}

extension AudioFormat {
    /// The name of ffmpeg's encoder.
    fileprivate var encoder: String {
        switch self {
        case .flac: "flac"
        case .mp3: "libmp3lame"
        case .ogg: "libvorbis"
        case .opus: "libopus"
        case .m4a: "aac"
        case .wav: "pcm_s16le"
        case .aiff: "pcm_s16be"
        case .wavPack: "wavpack"
        }
    }

    /// Low rates keep a file at a few kilobytes.
    fileprivate var encoderArguments: [String] {
        let quality =
            switch self {
            case .flac: ["-sample_fmt", "s16", "-ar", "8000"]
            case .wavPack: ["-sample_fmt", "s16p", "-ar", "8000"]
            case .wav, .aiff: ["-ar", "8000"]
            case .mp3, .m4a: ["-ar", "16000", "-b:a", "24k"]
            case .opus: ["-ar", "16000", "-b:a", "16k"]
            case .ogg: ["-ar", "16000", "-q:a", "0"]
            }
        return ["-c:a", encoder] + quality
    }

    /// How every other variant differs: in MP4, the index before the audio.
    fileprivate var variantArguments: [String] { self == .m4a ? ["-movflags", "+faststart"] : [] }
}
