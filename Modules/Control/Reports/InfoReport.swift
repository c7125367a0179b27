package import MusicFSCore

/// Everything known about one file of the mount: the answer of `musicfs info --json`.
package struct InfoReport: Codable, Hashable, Sendable {
    /// Below the mount point.
    package var path: String
    package var trackID: Int64
    /// Bytes, as served.
    package var size: Int64
    /// Field name to values, in the file's order.
    package var tags: [String: [String]]
    /// Tags without a field of ours, by the file's own key.
    package var custom: [String: [String]]
    @Nullable package var properties: PropertiesReport?
    @Nullable package var layout: LayoutReport?
    package var pictures: [PictureReport]
    package var replicas: [ReplicaReport]
    /// How its bytes are read.
    package var plan: String
    package var cachedBytes: Int64
    /// Why the media worker could not read the file; left out when it could.
    package var quarantined: String?

    package init(
        path: String, trackID: Int64, size: Int64, media: MediaReport, replicas: [ReplicaReport], plan: String,
        cachedBytes: Int64, quarantined: String? = nil
    ) {
        self.path = path
        self.trackID = trackID
        self.size = size
        tags = Dictionary(grouping: media.tags.entries, by: \.field.rawValue).mapValues { $0.map(\.value) }
        custom = Dictionary(grouping: media.tags.custom, by: \.key).mapValues { $0.map(\.value) }
        properties = media.properties.map { PropertiesReport($0) }
        layout = media.layout.map { LayoutReport($0) }
        pictures = media.pictures.map { PictureReport($0) }
        self.replicas = replicas
        self.plan = plan
        self.cachedBytes = cachedBytes
        self.quarantined = quarantined
    }

    private enum CodingKeys: String, CodingKey {
        case path, size, tags, custom, properties, layout, pictures, replicas, plan, quarantined
        case trackID = "track_id"
        case cachedBytes = "cached_bytes"
    }
}

/// `AudioProperties` in JSON.
package struct PropertiesReport: Codable, Hashable, Sendable {
    package var durationMilliseconds: Int64
    /// Kilobits a second.
    package var bitrate: Int
    /// Hertz.
    package var sampleRate: Int
    package var channels: Int
    package var bitsPerSample: Int

    package init(_ properties: AudioProperties) {
        durationMilliseconds = properties.durationMilliseconds
        bitrate = properties.bitrate
        sampleRate = properties.sampleRate
        channels = properties.channels
        bitsPerSample = properties.bitsPerSample
    }

    private enum CodingKeys: String, CodingKey {
        case channels
        case durationMilliseconds = "duration_ms"
        case bitrate = "bitrate_kbps"
        case sampleRate = "sample_rate_hz"
        case bitsPerSample = "bits_per_sample"
    }
}

/// `AudioLayout` in JSON.
package struct LayoutReport: Codable, Hashable, Sendable {
    package var audioStart: Int64
    package var audioEnd: Int64
    /// Hexadecimal.
    @Nullable package var checksum: String?

    package init(_ layout: AudioLayout) {
        audioStart = layout.audioStart
        audioEnd = layout.audioEnd
        checksum = layout.checksum.map { bytes in
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }

    private enum CodingKeys: String, CodingKey {
        case checksum
        case audioStart = "audio_start"
        case audioEnd = "audio_end"
    }
}

/// `EmbeddedPicture` in JSON.
package struct PictureReport: Codable, Hashable, Sendable {
    package var type: UInt8
    package var mimeType: String
    /// Bytes.
    package var size: Int64
    @Nullable package var offset: Int64?

    package init(_ picture: EmbeddedPicture) {
        type = picture.type
        mimeType = picture.mimeType
        size = picture.size
        offset = picture.offset
    }

    private enum CodingKeys: String, CodingKey {
        case type, size, offset
        case mimeType = "mime_type"
    }
}

/// One origin's copy of a track.
package struct ReplicaReport: Codable, Hashable, Sendable {
    package var origin: String
    package var realPath: String
    /// Bytes.
    package var size: Int64
    package var mtime: Timestamp
    package var isHealthy: Bool
    /// Whether it is the one that is read.
    package var isPreferred: Bool

    package init(
        origin: String, realPath: String, size: Int64, mtime: Timestamp, isHealthy: Bool, isPreferred: Bool
    ) {
        self.origin = origin
        self.realPath = realPath
        self.size = size
        self.mtime = mtime
        self.isHealthy = isHealthy
        self.isPreferred = isPreferred
    }

    private enum CodingKeys: String, CodingKey {
        case origin, size, mtime
        case realPath = "real_path"
        case isHealthy = "healthy"
        case isPreferred = "preferred"
    }
}
