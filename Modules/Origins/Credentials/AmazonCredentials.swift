import MusicFSCore
package import MusicFSSystem

/// Where the keys for S3 come from; read again for every request, so that a new token is taken without a restart.
package enum AmazonCredentials: Hashable, Sendable {
    /// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
    case environment
    case anonymous
    /// A section of ~/.aws/credentials or AWS_SHARED_CREDENTIALS_FILE.
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
    func keys() throws(OriginError) -> Keys? {
        switch self {
        case .anonymous: return nil
        case .environment:
            let environment = ThisProcess.environment
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
            let values = try profile(name)
            return try keys(
                id: values["aws_access_key_id"], secret: values["aws_secret_access_key"],
                token: values["aws_session_token"], missing: "the AWS profile \(name) has no keys")
        }
    }

    private func keys(
        id: String?, secret: String?, token: String?, missing: String
    ) throws(OriginError) -> Keys? {
        guard let id, let secret, !id.isEmpty, !secret.isEmpty else { throw OriginError(.permission, missing) }
        return Keys(id: id, secret: Secret(secret), token: token.flatMap { $0.isEmpty ? nil : Secret($0) })
    }

    /// A section of an INI file as the AWS tools write it.
    private func profile(_ name: String) throws(OriginError) -> [String: String] {
        let environment = ThisProcess.environment
        let file =
            environment["AWS_SHARED_CREDENTIALS_FILE"]
            ?? environment["HOME"].map { "\($0)/.aws/credentials" } ?? "/root/.aws/credentials"
        guard let bytes = try? readFile(FilePath(file), limit: 1 << 20) else {
            throw OriginError(.permission, "\(file) cannot be read; it should hold the profile \(name)")
        }
        var values: [String: String] = [:]
        var isInside = false
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let text = CredentialText.trimmed(line)
            if text.hasPrefix("[") {
                isInside = CredentialText.trimmed(text.dropFirst().prefix { $0 != "]" }) == name
            } else if isInside, let equals = text.firstIndex(of: "="), !text.hasPrefix("#") {
                let key = CredentialText.trimmed(text[..<equals])
                values[key] = CredentialText.trimmed(text[text.index(after: equals)...])
            }
        }
        return values
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
