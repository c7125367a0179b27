import Foundation
import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSOrigins

/// What lies below the requests: names, certificates, connections.
@Suite struct ConnectionTests {
    private let stamp = ScriptedBucket.stamp(ScriptedBucket.content)

    @Test func certificatesMustBeTrusted() throws {
        let bucket = try ScriptedBucket()
        let front = try TLSFront(target: bucket.server.port)
        let unknown = failure { try bucket.origin(endpoint: front.url).check(deadline: deadline()) }
        #expect(unknown?.code == .permission)
        #expect(unknown?.message.contains("certificate") == true && unknown?.message.contains("ca_file") == true)
        #expect(bucket.server.requests.isEmpty)
        let trusting = try bucket.origin(endpoint: front.url, certificates: front.certificate)
        try trusting.check(deadline: deadline())
        #expect(try trusting.part(of: "a.mp3", stamp, 10..<20) == Array(ScriptedBucket.content[10..<20]))
        // Another name than the certificate's.
        let named = "https://localhost:\(front.port)"
        let wrong = failure {
            try bucket.origin(endpoint: named, certificates: front.certificate).check(deadline: deadline())
        }
        #expect(wrong?.code == .permission)
        let missing = failure {
            try bucket.origin(endpoint: front.url, certificates: "/none/there").check(deadline: deadline())
        }
        #expect(missing?.code == .permission && missing?.message.contains("ca_file") == true)
        let folder = try ScriptedFolder()
        let davFront = try TLSFront(target: folder.server.port)
        #expect(code { try folder.origin(url: davFront.url).check(deadline: deadline()) } == .permission)
        try folder.origin(certificates: davFront.certificate, url: davFront.url).check(deadline: deadline())
    }

    @Test func aServerWithoutTLSIsNoMatterOfTrust() throws {
        let bucket = try ScriptedBucket()
        let origin = try bucket.origin(endpoint: "https://127.0.0.1:\(bucket.server.port)")
        #expect(code { try origin.check(deadline: deadline(2)) } == .transient)
    }

    @Test func aKnownAddressDoesWithoutItsNameForAWhile() throws {
        let bucket = try ScriptedBucket()
        // A name that nobody has (RFC 6761, section 6.4).
        let host = "music.invalid:\(bucket.server.port)"
        let origin = try bucket.origin(endpoint: "http://\(host)")
        let part = { try origin.part(of: "a.mp3", stamp, 10..<20) }
        #expect(code { _ = try part() } == .nameResolution)
        origin.client.addresses.note(host, "127.0.0.1")
        for _ in 0..<3 { #expect(try part() == Array(ScriptedBucket.content[10..<20])) }
        #expect(bucket.server.requests.last?.headers["host"] == host)
        #expect(bucket.recorder.warnings.count == 1, "it is told once")
        // Whether the origin is well is another question.
        #expect(code { try origin.check(deadline: deadline()) } == .nameResolution)
        #expect(code { _ = try origin.marker(deadline: deadline()) } == .nameResolution)
        // That it was used does not keep it young.
        origin.client.addresses.note(host, "127.0.0.1", now: monotonicNanoseconds() - LastAddresses.limit)
        #expect(code { _ = try part() } == .nameResolution)
        #expect(bucket.recorder.warnings.count == 1)
    }

    @Test func addressesGrowOld() {
        let addresses = LastAddresses()
        let limit = LastAddresses.limit
        #expect(addresses.address(of: "a", now: 0) == nil)
        addresses.note("a", "1.2.3.4", now: 100)
        #expect(addresses.address(of: "a", now: 100)! == ("1.2.3.4", true))
        #expect(addresses.address(of: "a", now: 99 + limit)! == ("1.2.3.4", false))
        #expect(addresses.address(of: "a", now: 100 + limit) == nil)
        #expect(addresses.address(of: "b", now: 100) == nil)
        addresses.note("a", "5.6.7.8", now: 200)
        #expect(addresses.address(of: "a", now: 201)! == ("5.6.7.8", true), "a new trouble is told again")
    }

    @Test func manyReadsAtOnceEachGetTheirOwn() throws {
        let bucket = try ScriptedBucket()
        let origin = try bucket.origin()
        DispatchQueue.concurrentPerform(iterations: 200) { index in
            let range = (index * 20)..<(index * 20 + 500)
            let part = try? origin.part(of: "a.mp3", stamp, range)
            #expect(part == Array(ScriptedBucket.content[range]))
        }
    }

    @Test func aConnectionThatTheServerClosedIsMadeAgain() throws {
        let bucket = try ScriptedBucket()
        let proxy = try TCPProxy(target: bucket.server.port)
        let origin = try bucket.origin(endpoint: "http://127.0.0.1:\(proxy.port)")
        for _ in 0..<3 {
            #expect(try origin.part(of: "a.mp3", stamp, 0..<100) == Array(ScriptedBucket.content[..<100]))
            proxy.cut()
        }
    }
}
