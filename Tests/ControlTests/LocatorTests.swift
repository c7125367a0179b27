import Foundation
import MusicFSControl
import MusicFSSystem
import Testing

@Suite struct LocatorTests {
    private func daemon(_ socket: FilePath, name: String, mount: FilePath) throws -> ControlServer {
        var status = sampleStatus
        status.name = name
        status.mountPoint = mount.description
        let answer = status
        return try ControlServer(
            socketPath: socket, routes: [Route(.get, "/v1/status") { _ throws(ControlError) in try .json(answer) }])
    }

    private func refusal(_ body: () throws(ControlError) -> FilePath) -> ControlError? {
        do throws(ControlError) {
            _ = try body()
            return nil
        } catch {
            return error
        }
    }

    @Test func theDaemonThatIsMeantIsFound() throws {
        let scratch = try Scratch()
        let (system, user) = (scratch.path("system"), scratch.path("user"))
        let locator = SocketLocator(directories: [system, user, scratch.path("absent")], probeTimeout: .seconds(5))
        #expect(refusal { () throws(ControlError) in try locator.locate(.only) }?.exitCode == 69)

        let (mountA, mountB) = (scratch.path("mnt/a"), scratch.path("mnt/a/nested"))
        try createDirectories(mountB.appending("deep"))
        let first = try daemon(system.appending("a.sock"), name: "a", mount: mountA)
        // What lies about must not count: a dead socket, and one with another suffix.
        try UnixListener.bind(user.appending("dead.sock"), mode: 0o600).file.publish()
        try writeFileAtomically(user.appending("notes.txt"), [])
        #expect(try locator.locate(.only) == system.appending("a.sock"))

        let second = try daemon(user.appending("b.sock"), name: "b", mount: mountB)
        let several = refusal { () throws(ControlError) in try locator.locate(.only) }
        #expect(several?.code == .ambiguous)
        #expect(several?.message.contains("a (") == true && several?.message.contains("b (") == true)
        #expect(try locator.locate(.name("b")) == user.appending("b.sock"))
        #expect(refusal { () throws(ControlError) in try locator.locate(.name("dead")) }?.exitCode == 69)
        #expect(refusal { () throws(ControlError) in try locator.locate(.name("../b")) }?.code == .badRequest)
        #expect(try locator.locate(.socket(scratch.path("any"))) == scratch.path("any"))

        #expect(try locator.locate(.mountPoint(mountA)) == system.appending("a.sock"))
        #expect(try locator.locate(.mountPoint(mountB.appending(""))) == user.appending("b.sock"))
        #expect(
            refusal { () throws(ControlError) in try locator.locate(.mountPoint(mountB.appending("deep"))) }?.exitCode
                == 69)
        let link = scratch.path("link")
        try FileManager.default.createSymbolicLink(atPath: link.description, withDestinationPath: mountB.description)
        #expect(try locator.locate(.mountPoint(link)) == user.appending("b.sock"))
        #expect(try locator.locate(.containing(mountB.appending("deep/x.flac"))) == user.appending("b.sock"))
        #expect(try locator.locate(.containing(mountA.appending("x.flac"))) == system.appending("a.sock"))
        #expect(try locator.locate(.containing(link.appending("deep"))) == user.appending("b.sock"))
        #expect(
            refusal { () throws(ControlError) in try locator.locate(.containing(scratch.path("mnt/ab"))) }?.exitCode
                == 69)
        #expect(first.stop())
        #expect(try locator.locate(.only) == user.appending("b.sock"))
        #expect(second.stop())
    }

    @Test func aDaemonThatIsStuckIsSaidToBe() throws {
        let scratch = try Scratch()
        let listener = try UnixListener.bind(scratch.path("stuck.sock"), mode: 0o600)
        try listener.file.publish()
        let locator = SocketLocator(directories: [scratch.directory], probeTimeout: .milliseconds(100))
        let error = refusal { () throws(ControlError) in try locator.locate(.only) }
        #expect(error?.code == .timeout)
        #expect(error?.exitCode == 69)
        withExtendedLifetime(listener.file) {}
    }

    @Test func theStandardDirectories() {
        #expect(
            SocketLocator.standardDirectories(runtimeDirectory: "/run/user/7") == [
                "/run/musicfs", "/run/user/7/musicfs",
            ])
        #expect(SocketLocator.standardDirectories(runtimeDirectory: nil) == ["/run/musicfs"])
        #expect(SocketLocator.standardDirectories(runtimeDirectory: "relative") == ["/run/musicfs"])
    }
}
