import MusicFSCore
import MusicFSSystem

/// A file of credentials that nobody else can read: `name = "value"` in TOML.
struct CredentialFile: Sendable {
    let path: FilePath

    /// - Throws: `.permission` where others can read it, it cannot be read, or is no TOML; the file's text is never told.
    func read() throws(OriginError) -> [String: String] {
        let bytes: [UInt8]
        do throws(SystemError) {
            let file = try open(path, [.read])
            let status = try FileStatus.of(file)
            guard status.mode & 0o077 == 0, status.owner == ThisProcess.user || status.owner == 0 else {
                throw SystemError("open", path, .perm)
            }
            bytes = try readFully(file.raw, at: 0, count: 64 << 10)
        } catch {
            if error.errno == .perm {
                throw OriginError(
                    .permission,
                    "others may read the credentials in \(path), or they are somebody else's; run 'chmod 600 \(path)'")
            }
            throw OriginError(.permission, "the credentials in \(path) cannot be read: \(error.errno)")
        }
        guard let values = TOMLStrings.read(bytes) else {
            throw OriginError(.permission, "\(path) is no TOML; write lines like name = \"value\"")
        }
        return values
    }
}
