package import MusicFSSystem

/// What an SFTP origin is configured with.
package struct SFTPSettings: Hashable, Sendable {
    package enum Credentials: Hashable, Sendable {
        /// The running ssh-agent.
        case agent
        /// A private key without a passphrase.
        case key(FilePath)
        /// A file with `password`, or with `key` and `passphrase`.
        case file(FilePath)
    }

    package var host: String
    package var port: Int
    package var user: String
    /// The folder with the music.
    package var path: FilePath
    package var knownHosts: FilePath
    package var credentials: Credentials
    package var connections: Int
    /// Where the ssh-agent listens; empty where there is none.
    package var agentSocket: String

    /// - Parameter credentials: `agent`, `key:PATH` or `file:PATH`; empty for `agent`.
    package init?(
        host: String, port: Int, user: String, path: FilePath, knownHosts: FilePath?, credentials: String,
        connections: Int, environment: [String: String] = ThisProcess.environment
    ) {
        agentSocket = environment["SSH_AUTH_SOCK"] ?? ""
        self.host = host
        self.port = port
        self.user = user
        self.path = path
        self.knownHosts = knownHosts ?? CredentialText.path("~/.ssh/known_hosts")
        self.connections = max(1, connections)
        switch credentials {
        case "", "agent": self.credentials = .agent
        case _ where credentials.hasPrefix("key:"):
            self.credentials = .key(CredentialText.path(credentials.dropFirst(4)))
        case _ where credentials.hasPrefix("file:"):
            self.credentials = .file(CredentialText.path(credentials.dropFirst(5)))
        default: return nil
        }
    }
}
