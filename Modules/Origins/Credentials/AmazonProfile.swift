import MusicFSSystem

/// A profile of the AWS tools: what ~/.aws/config and ~/.aws/credentials, or the files that AWS_CONFIG_FILE and
/// AWS_SHARED_CREDENTIALS_FILE name, say of it (docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html).
struct AmazonProfile {
    let name: String
    let environment: [String: String]

    /// The file of keys, for messages.
    var keyFile: String { file("AWS_SHARED_CREDENTIALS_FILE", "credentials") }

    /// All settings; those of the credentials win.
    ///
    /// - Returns: nil where neither file can be read.
    func values() -> [String: String]? {
        let configuration = section(
            of: file("AWS_CONFIG_FILE", "config"),
            named: name == "default" ? [name, "profile default"] : ["profile \(name)"])
        let keys = section(of: keyFile, named: [name])
        guard let configuration else { return keys }
        return configuration.merging(keys ?? [:]) { _, own in own }
    }

    private func file(_ variable: String, _ name: String) -> String {
        environment[variable] ?? "\(environment["HOME"] ?? "/root")/.aws/\(name)"
    }

    /// The settings of a file's sections, the later ones winning; nil where it cannot be read.
    private func section(of file: String, named names: [String]) -> [String: String]? {
        guard let bytes = try? readFile(FilePath(file), limit: 1 << 20) else { return nil }
        var values: [String: String] = [:]
        var isInside = false
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let text = CredentialText.trimmed(line)
            if text.hasPrefix("[") {
                let title = text.dropFirst().prefix { $0 != "]" }
                isInside = names.contains(title.split(whereSeparator: \.isWhitespace).joined(separator: " "))
                // What is indented belongs to the setting above it.
            } else if isInside, line.first != " ", line.first != "\t", !text.hasPrefix("#"), !text.hasPrefix(";"),
                let equals = text.firstIndex(of: "=")
            {
                let key = CredentialText.trimmed(text[..<equals])
                values[key] = CredentialText.trimmed(text[text.index(after: equals)...])
            }
        }
        return values
    }
}

/// Which region a bucket is in where the configuration does not say: found as the AWS tools find it.
enum AmazonRegion {
    static func resolve(
        _ configured: String, _ credentials: AmazonCredentials, _ environment: [String: String]
    ) -> String {
        var name = environment["AWS_PROFILE"] ?? "default"
        if case .profile(let own) = credentials { name = own }
        let candidates = [configured, environment["AWS_REGION"] ?? "", environment["AWS_DEFAULT_REGION"] ?? ""]
        if let found = candidates.first(where: { !$0.isEmpty }) { return found }
        let region = AmazonProfile(name: name, environment: environment).values()?["region"] ?? ""
        return region.isEmpty ? "us-east-1" : region
    }
}
