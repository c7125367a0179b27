import MusicFSCore
import MusicFSOrigins
import MusicFSSystem

/// Makes origins as they are configured.
struct OriginFactory: Sendable {
    let timer: DeadlineTimer
    let makeClone: @Sendable (FilePath) -> SharedFD?
    let log: Logger

    /// - Throws: why it cannot be used for now; nothing is said about its files.
    func make(_ id: Int64, _ setting: Configuration.Origin) throws -> any Origin {
        let lane = try IOLane(
            name: "io-\(setting.id)", threads: max(4, setting.connections), deadline: setting.timeout, timer: timer)
        switch setting.kind {
        case .local, .nfs, .smb:
            guard let path = setting.path else { throw OriginError(.invalid, "the origin has no path") }
            return try LocalOrigin(
                id: id, name: setting.id, root: path, lane: lane, timeout: setting.timeout,
                isNetwork: setting.kind != .local, makeClone: makeClone)
        case .s3:
            guard let credentials = AmazonCredentials(parsing: setting.credentials) else {
                throw OriginError(.invalid, "credentials is wrong")
            }
            let settings = S3Settings(
                bucket: setting.bucket, prefix: setting.prefix, region: setting.region, endpoint: setting.endpoint,
                usesPathStyle: setting.usesPathStyle, credentials: credentials, certificates: setting.certificates)
            return S3Origin(
                id: id, name: setting.id, settings: settings, lane: lane, timeout: setting.timeout, log: log)
        case .webdav:
            guard
                let settings = WebDAVSettings(
                    url: setting.url, credentials: setting.credentials, certificates: setting.certificates)
            else { throw OriginError(.invalid, "credentials is wrong") }
            return WebDAVOrigin(
                id: id, name: setting.id, settings: settings, lane: lane, timeout: setting.timeout, log: log)
        case .sftp:
            guard
                let settings = SFTPSettings(
                    host: setting.host, port: setting.port, user: setting.user, path: setting.path ?? "/",
                    knownHosts: setting.knownHosts, credentials: setting.credentials, connections: setting.connections)
            else { throw OriginError(.invalid, "credentials is wrong") }
            return SFTPOrigin(
                id: id, name: setting.id, settings: settings, lane: lane, timeout: setting.timeout, log: log)
        }
    }
}
