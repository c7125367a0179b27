import MusicFSControl
import MusicFSCore
import MusicFSSystem

/// libFuzzer's entry: whatever answers at a control socket is read the same way however it is cut into parts, and what a
/// client names itself by is taken or refused.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzControl(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let whole = read([bytes])
    let cut = Int(bytes.first ?? 0) % (bytes.count + 1)
    precondition(read([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole, "the answer depends on its parts")
    precondition(read(bytes.map { [$0] }) == whole, "the answer depends on its parts")

    let text = String(decoding: bytes, as: UTF8.self)
    if let address = LoopbackAddress(text) {
        precondition(LoopbackAddress(address.description) == address, "an address changes on its way")
        precondition(address.host == "::1" || address.host.hasPrefix("127."), "an address is not loopback")
    }
    if let token = BearerToken(bytes) { precondition("\(token)".contains("***"), "a token is shown") }
    if let time = Timestamp(text) { precondition(Timestamp(time.description) == time, "a time changes on its way") }
    if let report = try? JSON.decode(EventReport.self, from: bytes), let encoded = try? JSON.encode(report) {
        precondition((try? JSON.decode(EventReport.self, from: encoded)) == report, "an event changes on its way")
    }
    return 0
}

private struct Outcome: Equatable {
    var status = 0
    var contentType = ""
    var body: [UInt8] = []
    var isRefused = false
}

private func read(_ parts: [[UInt8]]) -> Outcome {
    var parser = ResponseParser()
    var outcome = Outcome()
    do throws(ControlError) {
        for part in parts { try parser.consume(part, into: &outcome.body) }
        try parser.end()
        outcome.status = parser.status
        outcome.contentType = parser.contentType
    } catch {
        // How much of a broken answer was taken before is nobody's business.
        outcome = Outcome(isRefused: true)
    }
    return outcome
}
