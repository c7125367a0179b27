import Foundation
package import MusicFSSystem
import Synchronization

/// A server process of a test; killed with its owner.
package class TestServer: @unchecked Sendable {
    package let directory: TestDirectory
    package let port: Int
    private let process: Process

    init(
        _ program: String, _ arguments: [String], port: Int, _ directory: TestDirectory
    ) throws {
        self.directory = directory
        self.port = port
        process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let end = Date().addingTimeInterval(20)
        while !TCPProxy.answers(port) {
            guard process.isRunning, Date() < end else { throw ServerError("\(program) did not come up") }
            usleep(20_000)
        }
    }

    deinit { kill(process.processIdentifier, SIGKILL) }

    /// Stops it without closing anything, as a machine that hangs; or lets it go on.
    package func pause(_ isPaused: Bool) { kill(process.processIdentifier, isPaused ? SIGSTOP : SIGCONT) }

    package func stop() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}

/// OpenSSH's sshd with SFTP, for the user who runs the test.
package final class SSHServer: TestServer, @unchecked Sendable {
    package let key: FilePath
    package let knownHosts: FilePath

    package init() throws {
        let directory = try TestDirectory()
        let home = directory.path
        let port = try TCPProxy.freePort()
        key = home.appending("user")
        knownHosts = home.appending("known_hosts")
        for name in ["host", "user"] {
            let result = try runProgram([
                "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home.appending(name).description,
            ])
            guard result.status == 0 else { throw ServerError("ssh-keygen failed") }
        }
        let configuration = """
            Port \(port)
            ListenAddress 127.0.0.1
            HostKey \(home)/host
            AuthorizedKeysFile \(home)/user.pub
            PidFile none
            UsePAM no
            StrictModes no
            MaxStartups 100
            Subsystem sftp internal-sftp
            """
        try writeFileAtomically(home.appending("config"), Array(configuration.utf8))
        // Where root runs it, sshd wants this directory, which is missing in containers.
        if ThisProcess.user == 0 { try createDirectories("/run/sshd") }
        try super.init("/usr/sbin/sshd", ["-D", "-f", "\(home)/config"], port: port, directory)
        try trust(port: port)
    }

    /// Writes the host's key into known_hosts, for a port.
    package func trust(port: Int) throws {
        let key = String(decoding: try readFile(directory.path.appending("host.pub")), as: UTF8.self)
        let known = (try? readFile(knownHosts)) ?? []
        try writeFileAtomically(knownHosts, known + Array("[127.0.0.1]:\(port) \(key)".utf8))
    }

    package static var isAvailable: Bool { FileManager.default.isExecutableFile(atPath: "/usr/sbin/sshd") }
}

/// rclone serving a directory over S3, WebDAV or SFTP, the last for logging in with a password.
package final class RcloneServer: TestServer, @unchecked Sendable {
    package enum Kind: String, Sendable { case s3, webdav, sftp }

    package static let user = "KEYID"
    package static let password = "SECRETKEY"
    /// Holds the credentials in the form that MusicFS reads.
    package let credentials: FilePath

    /// - Parameters:
    ///   - root: for S3 its subdirectories are the buckets.
    ///   - seesChanges: looks at the directory for each request. For S3 it then hashes the whole file for each, too.
    package init(_ kind: Kind, _ root: FilePath, seesChanges: Bool = false) throws {
        guard let program = RcloneServer.program else { throw ServerError("there is no rclone that serves S3") }
        let directory = try TestDirectory()
        let port = try TCPProxy.freePort()
        credentials = directory.path.appending("credentials")
        var arguments = [
            "serve", kind.rawValue, root.description, "--addr", "127.0.0.1:\(port)", "--config", "/dev/null",
        ]
        let text: String
        switch kind {
        case .s3:
            arguments += ["--auth-key", "\(Self.user),\(Self.password)"]
            text = "access_key_id = \"\(Self.user)\"\nsecret_access_key = \"\(Self.password)\"\n"
        case .webdav:
            arguments += ["--user", Self.user, "--pass", Self.password]
            text = "username = \"\(Self.user)\"\npassword = \"\(Self.password)\"\n"
        case .sftp:
            let key = directory.path.appending("host").description
            let made = try runProgram(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
            guard made.status == 0 else { throw ServerError("ssh-keygen failed") }
            let known = try readFile(FilePath("\(key).pub"))
            try writeFileAtomically(
                directory.path.appending("known_hosts"), Array("[127.0.0.1]:\(port) ".utf8) + known)
            arguments += ["--user", Self.user, "--pass", Self.password, "--key", key]
            text = "password = \"\(Self.password)\"\n"
        }
        arguments += ["--vfs-cache-mode", "off"]
        if seesChanges { arguments += ["--dir-cache-time", "0s"] }
        try writeFileAtomically(credentials, Array(text.utf8))
        try super.init(program, arguments, port: port, directory)
    }

    /// Debian's rclone cannot serve S3, so the Makefile installs a newer one.
    private static let program: String? = {
        let root = FilePath(#filePath).parent.parent.parent
        let paths = [
            ThisProcess.environment["MUSICFS_TEST_RCLONE"], root.appending(".build/rclone-venv/bin/rclone").description,
        ]
        return paths.compactMap(\.self).first(where: FileManager.default.isExecutableFile)
    }()

    package static var isAvailable: Bool { program != nil }
}
