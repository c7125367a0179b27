import MusicFSFUSE
import MusicFSSystem

/// libFuzzer's entry: a journal whose memory a dying server left in any state is taken over without harm.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJournal(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let journal = try? Journal.create(), let copy = try? duplicate(journal.fd),
        let memory = try? SharedMemory.map(copy, size: Journal.size)
    else { return 0 }
    // The header behind its magic number, a landing, and the first slots.
    for (index, offset) in [8, 4096, 4096 + Journal.landingCount * Journal.landingSize].enumerated() {
        let share = count / 3
        memory.store(offset, Array(bytes[(index * share)..<min(count, (index + 1) * share)].prefix(2048)))
    }
    if let successor = try? Journal.map(copy) {
        _ = successor.takeOver()
        _ = successor.initRequest
        _ = successor.deaths
    }
    if let request = GuardianRequest(decoding: bytes) { _ = request }
    _ = InitNegotiation.reply(to: bytes, wantsPassthrough: true)
    return 0
}

private func duplicate(_ fd: CInt) throws -> SharedFD {
    let borrowed = OwnedFD(owning: fd)
    let copy = try borrowed.duplicated()
    _ = borrowed.release()
    return SharedFD(copy)
}
