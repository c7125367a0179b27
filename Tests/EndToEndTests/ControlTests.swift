import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// The control interface of a mount on TCP.
    @Suite struct ControlTests {
        /// A port that nobody listens at, or did a moment ago.
        private func freePort() throws -> Int {
            try LoopbackListener.bind(try #require(LoopbackAddress("127.0.0.1:0"))).port
        }

        private func write(_ token: String, _ file: FilePath, mode: UInt32 = 0o600) throws {
            try writeFileAtomically(file, Array(token.utf8), mode: mode)
            try #require(unsafe chmod(file.description, mode) == 0)
        }

        private func status(_ port: Int, _ token: String, _ target: String = "/v1/status") throws -> String {
            try run(
                "curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", "-H",
                "Authorization: Bearer \(token)",
                "http://127.0.0.1:\(port)\(target)"
            ).text
        }

        @Test(.timeLimit(.minutes(1))) func theTokenOpensTheSameInterfaceOnTCP() throws {
            let library = try MountedLibrary()
            let file = library.directory.path.appending("token")
            let origin = Section.directory(library.origin, id: "local", type: "local")
            let first = String(repeating: "a", count: 32)
            let second = String(repeating: "b", count: 32)
            let port = try freePort()
            library.configuration = "[control]\ntcp = \"127.0.0.1:\(port)\"\ntoken_file = \"\(file)\"\n" + origin
            func mount() throws -> Outcome { try run(["timeout", "20"] + library.mountArguments) }
            // What is wrong with the token is found before anything is mounted.
            for (text, mode, message) in [
                (first, 0o644, "chmod 600"), ("short", 0o600, "holds no token"),
            ] as [(String, UInt32, String)] {
                try write(text, file, mode: mode)
                let outcome = try mount()
                #expect(outcome.status == 78 && outcome.text.contains(message), "\(outcome)")
                let check = try run(Programs.musicfs, "config", "check", "--config", library.mountArguments[2])
                #expect(check.status == 78 && check.text.contains(message), "\(check)")
            }
            try write(first + "\n", file)
            try library.start()
            #expect(try eventually { try status(port, first) == "200" })
            #expect(try status(port, first, "/metrics") == "200" && status(port, second) == "401")
            #expect(!library.log.contains(first))

            // A new token, and a spoilt one, which changes nothing.
            try write("x", file)
            let spoilt = try run(Programs.musicfs, "reload", "--name", library.name)
            #expect(spoilt.status != 0 && spoilt.text.contains("holds no token"), "\(spoilt)")
            #expect(try status(port, first) == "200")
            try write(second, file)
            let reloaded = try run(Programs.musicfs, "reload", "--name", library.name, "--json")
            #expect(reloaded.status == 0 && reloaded.text.contains("control.token_file"), "\(reloaded)")
            #expect(try eventually { try status(port, second) == "200" })
            #expect(try status(port, first) == "401")

            // A server that is replaced takes the port again; a token that is gone by then costs TCP, not the mount.
            try unlink(file)
            let pid = try library.status().pid
            kill(pid, SIGKILL)
            #expect(try eventually { try library.status().pid != pid })
            #expect(eventually { library.log.contains("the control interface is not on TCP") })
            #expect(try library.files() == [])
            try write(first, file)
            #expect(try eventually { try status(port, first) == "200" })
        }
    }
}
