/// A format of the generated files.
package enum AudioFormat: String, CaseIterable, Hashable, Sendable {
    case flac, mp3, ogg, opus, m4a, wav, aiff
    case wavPack = "wv"

    package var fileExtension: String { rawValue }

    /// How many of 100 albums have it, where all formats are asked for.
    var weight: Double {
        switch self {
        case .flac: 45
        case .mp3: 34
        case .m4a: 9
        case .opus: 4
        case .ogg: 4
        case .wav: 2
        case .aiff: 1
        case .wavPack: 1
        }
    }

    /// Kilobits a second of a usual file.
    package var bitrate: Int {
        switch self {
        case .flac: 920
        case .mp3: 256
        case .ogg: 192
        case .opus: 128
        case .m4a: 256
        case .wav, .aiff: 1411
        case .wavPack: 900
        }
    }

    /// Hertz of a usual file.
    package var sampleRate: Int { self == .opus ? 48_000 : 44_100 }

    /// 0 for the lossy formats.
    package var bitsPerSample: Int {
        switch self {
        case .flac, .wav, .aiff, .wavPack: 16
        case .mp3, .ogg, .opus, .m4a: 0
        }
    }
}
