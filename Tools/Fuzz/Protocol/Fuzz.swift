import MusicFSCore
import MusicFSMetadata

/// libFuzzer's entry: whatever a worker or the daemon is sent is decoded or refused, and what is decoded encodes again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzProtocol(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    if let answer = try? MediaAnswer(decoding: bytes) { _ = answer.encode() }
    if let job = try? MediaJob(decoding: bytes) { _ = job.encode() }
    var reader = ByteReader(bytes)
    if let report = try? MediaReport(decoding: &reader) {
        var writer = ByteWriter()
        report.encode(into: &writer)
        var again = ByteReader(writer.bytes)
        precondition((try? MediaReport(decoding: &again)) == report, "a report changes on its way")
    }
    return 0
}
