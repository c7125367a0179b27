import MusicFSCore
import MusicFSMetadata
import MusicFSSystem

// Synchronous and on one thread: Swift's concurrency runtime hangs under RLIMIT_AS.

/// sysexits.h: a service that this needs is not there.
let unavailable: CInt = 69
let usage: CInt = 64
/// Where the server puts the socket.
let socketNumber: CInt = 3

func complain(_ message: String) {
    try? writeFully(2, Array("musicfs-media: \(message)\n".utf8))
}

/// The answer within the limit of a packet: what is large and not needed for the tree goes first.
func encode(_ answer: MediaAnswer, limit: Int) -> [UInt8] {
    var bytes = answer.encode()
    guard bytes.count > limit, case .report(var report) = answer.outcome else { return bytes }
    let reductions: [(inout MediaReport) -> Void] = [
        { $0.tags.custom = [] },
        { $0.tags.entries.removeAll { $0.field == .lyrics } },
        { $0.tags.entries.removeAll { $0.field == .comment } },
        { $0.tags.entries.removeAll { $0.value.utf8.count > 512 } },
        {
            var seen: Set<TagField> = []
            $0.tags.entries.removeAll { !seen.insert($0.field).inserted }
        },
    ]
    for reduce in reductions where bytes.count > limit {
        reduce(&report)
        bytes = MediaAnswer(id: answer.id, outcome: .report(report)).encode()
    }
    if bytes.count <= limit { return bytes }
    return MediaAnswer(id: answer.id, outcome: .unreadable(reason: "its tags are too many")).encode()
}

func send(_ answer: MediaAnswer, over socket: PacketSocket) throws(SystemError) {
    do throws(SystemError) {
        try socket.send(encode(answer, limit: MediaAnswer.sizeLimit))
    } catch {
        // The kernel's limit may be lower (net.core.wmem_max).
        guard error.errno == .messageTooLong else { throw error }
        try socket.send(encode(answer, limit: 32 << 10))
    }
}

/// Answers jobs in order until the server closes its end.
func serve(_ socket: PacketSocket) throws(SystemError) {
    var buffer = [UInt8](repeating: 0, count: MediaJob.sizeLimit)
    while true {
        let packet = try socket.receive(into: &buffer)
        if packet.count == 0 { return }
        // The server speaks the protocol or is gone: there is nobody to tell.
        guard let job = try? MediaJob(decoding: Array(buffer[..<packet.count])) else { return }
        let outcome: MediaAnswer.Outcome =
            switch packet.descriptor {
            case .some(let file): examine(file.raw, job)
            case .none: .failed(reason: "the file did not arrive")
            }
        try send(MediaAnswer(id: job.id, outcome: outcome), over: socket)
    }
}

/// - Returns: the exit status.
func run(_ arguments: [String]) -> CInt {
    let selfTest = arguments.first == "--self-test-sandbox" ? arguments.dropFirst().first : nil
    let test = selfTest.flatMap(SandboxSelfTest.init)
    if !arguments.isEmpty, test == nil {
        complain("this program is started by musicfs; by hand: --self-test-sandbox open|socket|execve")
        return usage
    }
    TagMapping.prepare()
    do throws(Sandbox.NotInstalled) {
        try Sandbox.install()
    } catch {
        complain("\(error)")
        return unavailable
    }
    if let test {
        test.run()
        complain("the sandbox let the call through")
        return 1
    }
    do throws(SystemError) {
        try serve(PacketSocket(owning: OwnedFD(owning: socketNumber)))
    } catch {
        // A server that is gone is no news.
        if error.errno != .pipe && error.errno != .connectionReset {
            complain("\(error); it must be started by musicfs")
            return unavailable
        }
    }
    return 0
}

exitProcess(run(Array(CommandLine.arguments.dropFirst())))
