import CSSH2
import MusicFSCore
import MusicFSSystem

/// Lets the user in by what the configuration names.
@safe struct SSHLogin {
    private let session: OpaquePointer
    private let settings: SFTPSettings

    @unsafe init(_ session: OpaquePointer, _ settings: SFTPSettings) {
        unsafe self.session = session
        self.settings = settings
    }

    /// - Throws: `.permission` where the server does not let the user in.
    func perform() throws(OriginError) {
        switch settings.credentials {
        case .agent: try byAgent()
        case .key(let path): try byKey(path, passphrase: nil)
        case .file(let path):
            let values = try CredentialFile(path: path).read()
            if let key = values["key"] {
                try byKey(CredentialText.path(key), passphrase: values["passphrase"].map(Secret.init))
            } else if let password = values["password"] {
                try byPassword(Secret(password))
            } else {
                throw OriginError(.permission, "\(path) has neither password nor key")
            }
        }
    }

    private func refused(_ how: String) -> OriginError {
        let code = unsafe libssh2_session_last_errno(session)
        if code == LIBSSH2_ERROR_TIMEOUT { return OriginError(.unreachable, "the server does not answer") }
        return OriginError(
            .permission, "the server does not let \(settings.user) in \(how); check user and credentials")
    }

    private func byPassword(_ password: Secret) throws(OriginError) {
        let (user, text) = (settings.user, password.exposed)
        let result = unsafe libssh2_userauth_password_ex(
            session, user, UInt32(user.utf8.count), text, UInt32(text.utf8.count), nil)
        if result != 0 { throw refused("with the password") }
    }

    private func byKey(_ path: FilePath, passphrase: Secret?) throws(OriginError) {
        guard (try? FileStatus.of(path)) != nil else {
            throw OriginError(.permission, "the key \(path) cannot be read; check credentials")
        }
        let user = settings.user
        let result = unsafe libssh2_userauth_publickey_fromfile_ex(
            session, user, UInt32(user.utf8.count), nil, path.description, passphrase?.exposed ?? "")
        if result != 0 { throw refused("with the key \(path)") }
    }

    private func byAgent() throws(OriginError) {
        guard let agent = unsafe libssh2_agent_init(session) else {
            throw OriginError(.transient, "no memory for the agent")
        }
        defer { unsafe libssh2_agent_free(agent) }
        unsafe libssh2_agent_set_identity_path(agent, settings.agentSocket)
        guard !settings.agentSocket.isEmpty, unsafe libssh2_agent_connect(agent) == 0,
            unsafe libssh2_agent_list_identities(agent) == 0
        else {
            throw OriginError(
                .permission, "no ssh-agent answers (SSH_AUTH_SOCK); start one, or set credentials = \"key:PATH\"")
        }
        defer { unsafe libssh2_agent_disconnect(agent) }
        var identity: UnsafeMutablePointer<libssh2_agent_publickey>?
        var previous: UnsafeMutablePointer<libssh2_agent_publickey>?
        while unsafe libssh2_agent_get_identity(agent, &identity, previous) == 0, let found = unsafe identity {
            if unsafe libssh2_agent_userauth(agent, settings.user, found) == 0 { return }
            unsafe previous = found
        }
        throw refused("with any key of the ssh-agent")
    }
}
