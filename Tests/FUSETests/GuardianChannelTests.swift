import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSFUSE

@Suite struct GuardianChannelTests {
    @Test func requestsSurviveTheRoundTrip() {
        let requests: [GuardianRequest] = [
            .serving(thread: 7), .openBacking, .closeBacking(7), .cloneMount("/a b"), .nextEpoch(9), .disconnected,
        ]
        for request in requests { #expect(GuardianRequest(decoding: request.encode()) == request) }
        #expect(GuardianReply(decoding: GuardianReply(value: 5).encode()) == GuardianReply(value: 5))
        #expect(GuardianReply(decoding: GuardianReply(.perm).encode()) == GuardianReply(.perm))
    }

    @Test func randomPacketsNeverTrap() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<20_000 {
            let packet = (0..<Int.random(in: 0...24, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if let request = GuardianRequest(decoding: packet) {
                #expect(GuardianRequest(decoding: request.encode()) == request)
            }
            _ = GuardianReply(decoding: packet)
        }
    }

    @Test func initIsAnsweredWithWhatTheKernelOffers() throws {
        // fuse_in_header and fuse_init_in of protocol 7.45 with all flags.
        var message = [UInt8](repeating: 0, count: 104)
        message[0] = 104
        message[4] = 26
        message[8] = 1
        message[40] = 7
        message[44] = 45
        for index in 52..<60 { message[index] = 0xff }
        let (reply, hasPassthrough) = try #require(InitNegotiation.reply(to: message, wantsPassthrough: true))
        #expect(hasPassthrough)
        #expect(reply.count == 80 && reply[0] == 80)
        // PARALLEL_DIROPS is bit 18; max_stack_depth follows flags2.
        #expect(reply[16 + 12 + 2] & 0x04 != 0)
        #expect(reply[16 + 36] == 1)
        let without = try #require(InitNegotiation.reply(to: message, wantsPassthrough: false))
        #expect(!without.hasPassthrough && without.message[16 + 36] == 0)
        #expect(InitNegotiation.reply(to: [UInt8](message.prefix(30)), wantsPassthrough: true) == nil)
    }
}
