import MusicFSCore
package import MusicFSSystem

/// Where the keys for S3 come from; read again for every request, so that a new token is taken without a restart.
package enum AmazonCredentials: Hashable, Sendable {
    /// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
    case environment
    case anonymous
    /// A profile of the AWS tools.
    case profile(String)
    /// TOML with access_key_id, secret_access_key and, if need be, session_token.
    case file(FilePath)

    struct Keys: Sendable {
        var id: String
        var secret: Secret
        var token: Secret?
    }

    /// - Parameter text: `env`, `anonymous`, `profile:NAME` or `file:PATH`; empty for `env`.
    package init?(parsing text: String) {
        switch text {
        case "", "env": self = .environment
        case "anonymous": self = .anonymous
        case _ where text.hasPrefix("profile:"): self = .profile(String(text.dropFirst(8)))
        case _ where text.hasPrefix("file:"): self = .file(CredentialText.path(text.dropFirst(5)))
        default: return nil
        }
    }

    /// nil for anonymous requests.
    func keys(environment: [String: String] = ThisProcess.environment) throws(OriginError) -> Keys? {
        switch self {
        case .anonymous: return nil
        case .environment:
            return try keys(
                id: environment["AWS_ACCESS_KEY_ID"], secret: environment["AWS_SECRET_ACCESS_KEY"],
                token: environment["AWS_SESSION_TOKEN"],
                missing:
                    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set; set them, or credentials = \"file:PATH\"")
        case .file(let path):
            let values = try CredentialFile(path: path).read()
            return try keys(
                id: values["access_key_id"], secret: values["secret_access_key"], token: values["session_token"],
                missing: "\(path) has no access_key_id and secret_access_key")
        case .profile(let name):
            let profile = AmazonProfile(name: name, environment: environment)
            guard let values = profile.values() else {
                throw OriginError(.permission, "\(profile.keyFile) cannot be read; it should hold the profile \(name)")
            }
            let foreign = ["role_arn", "sso_session", "sso_start_url", "credential_process"].first { values[$0] != nil }
            return try keys(
                id: values["aws_access_key_id"], secret: values["aws_secret_access_key"],
                token: values["aws_session_token"],
                missing: foreign.map {
                    "the AWS profile \(name) has no keys of its own but \($0), which is not supported"
                }
                    ?? "there is no AWS profile \(name) with keys in \(profile.keyFile)")
        }
    }

    private func keys(
        id: String?, secret: String?, token: String?, missing: String
    ) throws(OriginError) -> Keys? {
        guard let id, let secret, !id.isEmpty, !secret.isEmpty else { throw OriginError(.permission, missing) }
        // They become headers.
        guard (id + (token ?? "")).utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
            throw OriginError(.permission, "the access key or the session token has characters that none can have")
        }
        return Keys(id: id, secret: Secret(secret), token: token.flatMap { $0.isEmpty ? nil : Secret($0) })
    }
}

/// Small things about texts that name credentials.
enum CredentialText {
    static func trimmed(_ text: some StringProtocol) -> String {
        let start = text.drop { $0 == " " || $0 == "\t" }
        var end = String(start)
        while let last = end.last, last == " " || last == "\t" || last == "\r" { end.removeLast() }
        return end
    }

    /// `~/` is the home directory.
    static func path(_ text: some StringProtocol) -> FilePath {
        if text.hasPrefix("~/"), let home = ThisProcess.environment["HOME"] {
            return FilePath(home).appending(String(text.dropFirst(2)))
        }
        return FilePath(String(text))
    }
}
