package import MusicFSSystem

extension Configuration {
    /// One `[[origins]]`. What a kind has no key for keeps its default and means nothing.
    package struct Origin: Hashable, Sendable {
        package enum Kind: String, CaseIterable, Hashable, Sendable {
            case local, nfs, smb, s3, sftp, webdav
        }

        package enum CachePolicy: String, CaseIterable, Hashable, Sendable {
            /// What lies behind a network is cached, local disks are not.
            case auto
            case always, never
        }

        package var id = ""
        package var kind = Kind.local
        /// A directory of this machine; of `sftp` one of the server, where nil is where the user arrives.
        package var path: FilePath?
        /// Lower is preferred.
        package var priority = 1
        package var isEnabled = true
        package var cache = CachePolicy.auto
        package var timeout = Duration.seconds(5)
        package var pollInterval = Duration.seconds(300)
        /// Bytes a second; 0 for no limit.
        package var bandwidth: Int64 = 0
        package var connections = 4
        package var bucket = ""
        package var prefix = ""
        /// Empty for what the environment and the AWS tools' files say.
        package var region = ""
        package var endpoint = ""
        package var usesPathStyle = false
        /// Where the credentials are, never they themselves; empty for the kind's default.
        package var credentials = ""
        package var host = ""
        package var port = 22
        package var user = ""
        package var knownHosts: FilePath?
        package var url = ""
        package var certificates: FilePath?

        package init() {}
    }
}

extension Configuration.Origin.Kind {
    /// Whether it is a directory of this machine.
    package var isMounted: Bool { self == .local || self == .nfs || self == .smb }

    /// Which keys of `[[origins]]` only some kinds have.
    static let keys: [String: [Self]] = [
        "path": [.local, .nfs, .smb, .sftp], "bucket": [.s3], "prefix": [.s3], "region": [.s3], "endpoint": [.s3],
        "path_style": [.s3], "credentials": [.s3, .sftp, .webdav], "host": [.sftp], "port": [.sftp],
        "user": [.sftp], "known_hosts": [.sftp], "url": [.webdav], "ca_file": [.s3, .webdav],
        "connections": [.s3, .sftp, .webdav],
    ]

    func has(_ key: String) -> Bool { Self.keys[key]?.contains(self) ?? true }

    /// Keys that cannot be left out.
    var needed: [String] {
        switch self {
        case .local, .nfs, .smb: ["id", "path"]
        case .s3: ["id", "bucket"]
        case .sftp: ["id", "host", "user", "path"]
        case .webdav: ["id", "url"]
        }
    }

    /// The forms that `credentials` can have; the first is the default.
    var credentialForms: [String] {
        switch self {
        case .local, .nfs, .smb: []
        case .s3: ["env", "anonymous", "profile:NAME", "file:PATH"]
        case .sftp: ["agent", "key:PATH", "file:PATH"]
        case .webdav: ["anonymous", "file:PATH"]
        }
    }
}

extension Configuration.Origin {
    /// What is wrong with a value that looks right by itself; nil when nothing is.
    func problem(with key: String) -> String? {
        switch key {
        case "credentials":
            let isKnown = kind.credentialForms.contains { form in
                guard let colon = form.firstIndex(of: ":") else { return credentials == form }
                let start = form[...colon]
                return credentials.hasPrefix(start) && credentials.count > start.count
            }
            if isKnown || credentials.isEmpty { return nil }
            // What stands there may be a secret by mistake, so it is not repeated.
            return "must be " + kind.credentialForms.map { "\"\($0)\"" }.joined(separator: " or ")
        case "url", "endpoint":
            let text = key == "url" ? url : endpoint
            if text.isEmpty, key == "endpoint" { return nil }
            guard let scheme = ["http://", "https://"].first(where: text.hasPrefix), text.count > scheme.count else {
                return "must begin with \"https://\" or \"http://\""
            }
            let host = text.dropFirst(scheme.count).prefix { $0 != "/" }
            return host.contains("@") ? "must not hold a name or a password; use credentials = \"file:PATH\"" : nil
        default: return nil
        }
    }
}
