/// Technical properties of an audio stream.
package struct AudioProperties: Hashable, Sendable {
    package var durationMilliseconds: Int64
    /// Kilobits a second, as the stream is encoded.
    package var bitrate: Int
    /// Hertz.
    package var sampleRate: Int
    package var channels: Int
    /// 0 where the format does not say (lossy formats).
    package var bitsPerSample: Int

    package init(durationMilliseconds: Int64, bitrate: Int, sampleRate: Int, channels: Int, bitsPerSample: Int) {
        self.durationMilliseconds = durationMilliseconds
        self.bitrate = bitrate
        self.sampleRate = sampleRate
        self.channels = channels
        self.bitsPerSample = bitsPerSample
    }
}

/// Where in a file the audio lies: bytes `audioStart ..< audioEnd`; before it the head, behind it the tail.
package struct AudioLayout: Hashable, Sendable {
    package var audioStart: Int64
    package var audioEnd: Int64
    /// The checksum of the audio that the format itself stores (FLAC: MD5 of STREAMINFO; WavPack, APE: MD5); else nil.
    package var checksum: [UInt8]?

    package init(audioStart: Int64, audioEnd: Int64, checksum: [UInt8]? = nil) {
        self.audioStart = audioStart
        self.audioEnd = audioEnd
        self.checksum = checksum
    }
}

/// A picture inside a file.
package struct EmbeddedPicture: Hashable, Sendable {
    /// The picture type of ID3v2.4's APIC frame: 3 is the front cover, 4 the back.
    package var type: UInt8
    package var mimeType: String
    /// Bytes of the picture itself.
    package var size: Int64
    /// Where its bytes lie in the file; nil where they do not lie there plainly (base64 in Ogg, unsynchronised ID3v2).
    package var offset: Int64?

    package init(type: UInt8, mimeType: String, size: Int64, offset: Int64?) {
        self.type = type
        self.mimeType = mimeType
        self.size = size
        self.offset = offset
    }
}

/// What two files must share to be one (D18): XXH3-128 of the head, of the tail, and of the audio.
///
/// The audio's identity is its stored checksum where the format has one, else the hash of 16 blocks of 4 KiB
/// spread over the payload by a fixed rule, together with the payload's length.
package struct ContentIdentity: Hashable, Sendable {
    /// 16 bytes each.
    package var head: [UInt8]
    package var tail: [UInt8]
    package var audio: [UInt8]

    package init(head: [UInt8], tail: [UInt8], audio: [UInt8]) {
        self.head = head
        self.tail = tail
        self.audio = audio
    }
}

/// What the media worker tells of one file.
package struct MediaReport: Hashable, Sendable {
    package var tags: Tags
    package var properties: AudioProperties?
    package var layout: AudioLayout?
    package var pictures: [EmbeddedPicture]
    /// Only where the job asked for it.
    package var identity: ContentIdentity?

    package init(
        tags: Tags, properties: AudioProperties? = nil, layout: AudioLayout? = nil, pictures: [EmbeddedPicture] = [],
        identity: ContentIdentity? = nil
    ) {
        self.tags = tags
        self.properties = properties
        self.layout = layout
        self.pictures = pictures
        self.identity = identity
    }
}
