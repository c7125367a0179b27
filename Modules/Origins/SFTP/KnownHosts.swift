import CSSH2
import MusicFSSystem

/// The keys of hosts that are trusted (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). Fails closed: a host that is not in the
/// file, or has another key, is refused.
@safe final class KnownHosts {
    private let hosts: OpaquePointer
    private let settings: SFTPSettings

    @unsafe init(_ session: OpaquePointer, _ settings: SFTPSettings) throws(OriginError) {
        guard let hosts = unsafe libssh2_knownhost_init(session) else {
            throw OriginError(.transient, "no memory for known_hosts")
        }
        unsafe self.hosts = hosts
        self.settings = settings
        let count = unsafe libssh2_knownhost_readfile(
            hosts, settings.knownHosts.description, LIBSSH2_KNOWNHOST_FILE_OPENSSH)
        if count < 0 {
            throw OriginError(
                .permission, "\(settings.knownHosts) cannot be read, so that no host is trusted; \(remedy)")
        }
    }

    deinit { unsafe libssh2_knownhost_free(hosts) }

    private var remedy: String {
        "add its key with 'ssh-keyscan -p \(settings.port) \(settings.host)' after comparing the fingerprint"
    }

    /// Asks the server for a key of a kind that the file has for it.
    @unsafe func prefer(_ session: OpaquePointer) throws(OriginError) {
        var methods: [String] = []
        var entry: UnsafeMutablePointer<libssh2_knownhost>?
        var previous: UnsafeMutablePointer<libssh2_knownhost>?
        while unsafe libssh2_knownhost_get(hosts, &entry, previous) == 0, let found = unsafe entry {
            unsafe previous = found
            let names = unsafe found.pointee.name.map { unsafe String(cString: $0) }
            // A hashed name may be any host's.
            let isOurs = names.map { names in
                names.split(separator: ",").contains {
                    $0 == settings.host || $0 == "[\(settings.host)]:\(settings.port)"
                }
            }
            if isOurs ?? true { methods += unsafe Self.methods(found.pointee.typemask) }
        }
        var seen: Set<String> = []
        let order = methods.filter { seen.insert($0).inserted }
        guard !order.isEmpty else {
            throw OriginError(
                .permission, "the host \(settings.host) is not in \(settings.knownHosts) and is refused; \(remedy)")
        }
        unsafe libssh2_session_method_pref(session, LIBSSH2_METHOD_HOSTKEY, order.joined(separator: ","))
    }

    private static func methods(_ mask: Int32) -> [String] {
        switch mask & LIBSSH2_KNOWNHOST_KEY_MASK {
        case LIBSSH2_KNOWNHOST_KEY_ED25519: ["ssh-ed25519"]
        case LIBSSH2_KNOWNHOST_KEY_ECDSA_256: ["ecdsa-sha2-nistp256"]
        case LIBSSH2_KNOWNHOST_KEY_ECDSA_384: ["ecdsa-sha2-nistp384"]
        case LIBSSH2_KNOWNHOST_KEY_ECDSA_521: ["ecdsa-sha2-nistp521"]
        case LIBSSH2_KNOWNHOST_KEY_SSHRSA: ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"]
        default: []
        }
    }

    /// - Throws: `.permission` unless the server showed the key that the file has.
    @unsafe func verify(_ session: OpaquePointer) throws(OriginError) {
        var length = 0
        var type: Int32 = 0
        guard let key = unsafe libssh2_session_hostkey(session, &length, &type) else {
            throw OriginError(.permission, "the server shows no key")
        }
        let result = unsafe libssh2_knownhost_checkp(
            hosts, settings.host, Int32(clamping: settings.port), key, length,
            LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW, nil)
        switch result {
        case LIBSSH2_KNOWNHOST_CHECK_MATCH: return
        case LIBSSH2_KNOWNHOST_CHECK_NOTFOUND:
            throw OriginError(
                .permission, "the host \(settings.host) is not in \(settings.knownHosts) and is refused; \(remedy)")
        default:
            throw OriginError(
                .permission,
                "the host \(settings.host) has another key than \(settings.knownHosts) says: somebody may be in "
                    + "between; if the server was set up anew, remove its line and \(remedy)")
        }
    }
}
