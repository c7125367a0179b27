import MusicFSCore
import MusicFSMetadata

/// libFuzzer's entry: whatever a worker or the daemon is sent is decoded or refused, and what is decoded encodes again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzProtocol(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    if let answer = try? MediaAnswer(decoding: bytes) {
        let encoded = answer.encode()
        if case .needs(let ranges) = answer.outcome {
            precondition((try? MediaAnswer(decoding: encoded)) == answer, "needs change on their way")
            precondition(ranges.allSatisfy { !$0.isEmpty && $0.lowerBound >= 0 }, "a need is no range")
        }
    }
    if let job = try? MediaJob(decoding: bytes) {
        let encoded = job.encode()
        precondition(encoded.count <= MediaJob.sizeLimit, "a job is longer than its receiver's buffer")
        precondition((try? MediaJob(decoding: encoded)) == job, "a job changes on its way")
    }
    var reader = ByteReader(bytes)
    if let report = try? MediaReport(decoding: &reader) {
        var writer = ByteWriter()
        report.encode(into: &writer)
        var again = ByteReader(writer.bytes)
        precondition((try? MediaReport(decoding: &again)) == report, "a report changes on its way")
    }
    return 0
}
