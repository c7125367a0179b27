extension MediaReport {
    /// The report as bytes: what the media worker answers and what the library keeps of a track.
    package func encode(into writer: inout ByteWriter) {
        writer.write(tags.entries) { writer, entry in
            writer.write(UInt64(entry.field.code))
            writer.write(entry.value)
        }
        writer.write(tags.custom) { writer, entry in
            writer.write(entry.key)
            writer.write(entry.value)
        }
        writer.write(properties) { writer, properties in
            writer.write(properties.durationMilliseconds)
            writer.write(Int64(properties.bitrate))
            writer.write(Int64(properties.sampleRate))
            writer.write(Int64(properties.channels))
            writer.write(Int64(properties.bitsPerSample))
        }
        writer.write(layout) { writer, layout in
            writer.write(layout.audioStart)
            writer.write(layout.audioEnd)
            writer.write(layout.checksum) { $0.write($1) }
        }
        writer.write(pictures) { writer, picture in
            writer.write(UInt64(picture.type))
            writer.write(picture.mimeType)
            writer.write(picture.size)
            writer.write(picture.offset) { $0.write($1) }
        }
        writer.write(identity) { writer, identity in
            writer.write(identity.head)
            writer.write(identity.tail)
            writer.write(identity.audio)
        }
    }

    package init(decoding reader: inout ByteReader) throws(ByteCodingError) {
        let entries = try reader.readArray { (reader) throws(ByteCodingError) in
            guard let field = TagField(code: try reader.readUnsigned()) else { throw ByteCodingError() }
            return Tags.Entry(field, try reader.readString())
        }
        let custom = try reader.readArray { (reader) throws(ByteCodingError) in
            Tags.CustomEntry(try reader.readString(), try reader.readString())
        }
        properties = try reader.readOptional { (reader) throws(ByteCodingError) in
            AudioProperties(
                durationMilliseconds: try reader.readSigned(), bitrate: try reader.readInteger(),
                sampleRate: try reader.readInteger(), channels: try reader.readInteger(),
                bitsPerSample: try reader.readInteger())
        }
        layout = try reader.readOptional { (reader) throws(ByteCodingError) in
            AudioLayout(
                audioStart: try reader.readSigned(), audioEnd: try reader.readSigned(),
                checksum: try reader.readOptional { (reader) throws(ByteCodingError) in try reader.readBytes() })
        }
        pictures = try reader.readArray { (reader) throws(ByteCodingError) in
            guard let type = UInt8(exactly: try reader.readUnsigned()) else { throw ByteCodingError() }
            return EmbeddedPicture(
                type: type, mimeType: try reader.readString(), size: try reader.readSigned(),
                offset: try reader.readOptional { (reader) throws(ByteCodingError) in try reader.readSigned() })
        }
        identity = try reader.readOptional { (reader) throws(ByteCodingError) in
            ContentIdentity(head: try reader.readBytes(), tail: try reader.readBytes(), audio: try reader.readBytes())
        }
        tags = Tags(entries: entries, custom: custom)
    }
}

extension TagField {
    /// The field's number in encoded reports: its place in the declaration, so new fields go to the end.
    private static let codes: [TagField: Int] = Dictionary(
        uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })

    fileprivate var code: Int { TagField.codes[self] ?? 0 }

    fileprivate init?(code: UInt64) {
        guard code < UInt64(TagField.allCases.count) else { return nil }
        self = TagField.allCases[Int(code)]
    }
}
