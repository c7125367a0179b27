import CTagLib
import MusicFSCore
import MusicFSMetadata
import MusicFSSystem

/// Reads one file for a job.
func examine(_ file: CInt, _ job: MediaJob) -> MediaAnswer.Outcome {
    guard let handle = unsafe open(file, job) else { return .unreadable(reason: "it takes too much memory") }
    defer { unsafe ctaglib_close(handle) }
    let need = unsafe ctaglib_need(handle)
    // Whatever else it says comes of the hole.
    if need.end > need.start { return .needs([need.start..<need.end]) }
    switch unsafe ctaglib_file_status(handle) {
    case CTAGLIB_OK: break
    case CTAGLIB_IO_ERROR:
        return .failed(reason: "reading failed: \(Errno(rawValue: unsafe ctaglib_errno(handle)))")
    case CTAGLIB_NO_MEMORY: return .unreadable(reason: "it takes too much memory")
    default: return .unreadable(reason: unsafe String(cString: ctaglib_reason(handle)))
    }
    var report = unsafe makeReport(handle)
    if job.wantsIdentity {
        do throws(SystemError) {
            let reader = IdentityReader(
                file: SparseFile(file, present: job.present), layout: unsafe ctaglib_audio_layout(handle))
            report.identity = try reader.read()
            if !reader.file.missing.isEmpty { return .needs(reader.file.missing) }
        } catch {
            return .failed(reason: "reading failed: \(error.errno)")
        }
    }
    return .report(report)
}

@unsafe private func open(_ file: CInt, _ job: MediaJob) -> OpaquePointer? {
    let present = job.present?.map { ctaglib_range(start: $0.lowerBound, end: $0.upperBound) }
    return unsafe job.name.withUnsafeBytes { name in
        unsafe name.withMemoryRebound(to: CChar.self) { name in
            guard let present else { return unsafe ctaglib_open(file, name.baseAddress, name.count, nil, 0) }
            return unsafe present.withUnsafeBufferPointer {
                unsafe ctaglib_open(file, name.baseAddress, name.count, $0.baseAddress, $0.count)
            }
        }
    }
}

@unsafe private func makeReport(_ handle: OpaquePointer) -> MediaReport {
    var mapping = TagMapping()
    let count = unsafe ctaglib_tag_count(handle)
    for index in 0..<count {
        let tag = unsafe ctaglib_tag_at(handle, index)
        unsafe mapping.add(text(tag.key), text(tag.value))
    }
    let properties = unsafe ctaglib_audio_properties(handle)
    let layout = unsafe ctaglib_audio_layout(handle)
    let pictures = unsafe (0..<ctaglib_picture_count(handle)).map { index in
        let picture = unsafe ctaglib_picture_at(handle, index)
        return unsafe EmbeddedPicture(
            type: picture.type, mimeType: text(picture.mime_type), size: picture.size,
            offset: picture.offset < 0 ? nil : picture.offset)
    }
    return MediaReport(
        tags: mapping.tags,
        properties: AudioProperties(
            durationMilliseconds: properties.milliseconds, bitrate: Int(properties.kilobits_per_second),
            sampleRate: Int(properties.hertz), channels: Int(properties.channels),
            bitsPerSample: Int(properties.bits_per_sample)),
        layout: layout.known
            ? AudioLayout(
                audioStart: layout.audio_start, audioEnd: layout.audio_end,
                checksum: layout.has_checksum ? layout.checksumBytes : nil) : nil,
        pictures: pictures)
}

@unsafe private func text(_ bytes: ctaglib_bytes) -> String {
    unsafe String(decoding: UnsafeRawBufferPointer(start: bytes.data, count: bytes.size), as: UTF8.self)
}
