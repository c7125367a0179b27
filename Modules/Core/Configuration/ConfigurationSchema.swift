/// Every key that this version honours, and those of later ones, which are refused by name (D14).
///
/// Parsing, the environment, the flags, `config show`, `config example` and suggestions all work from these tables; the
/// defaults are those of `Configuration`.
enum ConfigurationSchema {
    static let keys: [ConfigurationKey<Configuration>] = [
        .optionalText(
            "", "name", .name, \.name,
            "Names the instance's directories and socket; by default the last component of the mount point."),
        .path("", "mount_point", \.mountPoint, "An empty directory to mount on."),
        .path(
            "", "cache_dir", \.cacheDir,
            "Derived data; by default $XDG_CACHE_HOME/musicfs or ~/.cache/musicfs, for root /var/cache/musicfs."),
        .path(
            "", "state_dir", \.stateDir,
            "What cannot be made again; by default $XDG_STATE_HOME/musicfs or ~/.local/state/musicfs, for root "
                + "/var/lib/musicfs."),

        .text("tree", "template", .template, \.tree.template, "How paths are made of tags."),
        .boolean(
            "tree", "companions", \.tree.companions,
            "Whether covers, lyrics, cue sheets, logs and booklets follow their album."),
        .boolean(
            "tree", "virtual_dirs", \.tree.virtualDirectories,
            "Whether .search, .collections and .prefetch can be entered in the root."),

        .size(
            "cache", "max_size", 0...(1 << 50), \.cache.maxSize,
            "The most that chunks of far-away files may take; 0 for no cache."),
        .choice(
            "cache", "retag", \.cache.retag,
            "trust keeps audio that is the same by checksum or samples when tags change; refetch does not."),
        .size("cache", "memory", (16 << 20)...(1 << 40), \.cache.memory, "All buffers together."),
        .duration(
            "cache", "scrub_interval", .seconds(60) ... .seconds(31_536_000), \.cache.scrubInterval,
            "How often some of what is kept is compared with its checksums."),
        .size(
            "cache", "read_ahead", 0...(1 << 30), \.cache.readAhead,
            "How much is fetched ahead of a reader; eight times as much for one that is faster than the line."),

        .integer("scan", "workers", 0...256, \.scan.workers, "Processes that read tags; 0 for one each core."),
        .number(
            "scan", "removal_brake", 0...1, \.scan.removalBrake,
            "The share of an origin that may vanish in one walk before its removals wait to be accepted."),

        .duration(
            "health", "interval", .milliseconds(100) ... .seconds(86_400), \.health.interval,
            "How often each origin is checked."),
        .duration(
            "health", "timeout", .milliseconds(100) ... .seconds(3600), \.health.timeout,
            "After which a check has failed."),
        .duration(
            "health", "slow", .milliseconds(1) ... .seconds(3600), \.health.slow,
            "The median latency above which an origin is degraded."),
        .integer("health", "thresholds.local", 1...1000, \.health.thresholds.local, threshold),
        .integer("health", "thresholds.nfs", 1...1000, \.health.thresholds.nfs, threshold),
        .integer("health", "thresholds.smb", 1...1000, \.health.thresholds.smb, threshold),
        .integer("health", "thresholds.s3", 1...1000, \.health.thresholds.s3, threshold),
        .integer("health", "thresholds.sftp", 1...1000, \.health.thresholds.sftp, threshold),
        .integer("health", "thresholds.webdav", 1...1000, \.health.thresholds.webdav, threshold),

        .boolean("fuse", "allow_other", \.fuse.allowOther, "Whether other users see the mount."),
        .duration(
            "fuse", "timeout", .zero ... .seconds(31_536_000), \.fuse.timeout,
            "How long the kernel keeps entries and attributes; changes are pushed to it."),
        .choice(
            "fuse", "passthrough", \.fuse.passthrough,
            "Whether the kernel reads files of local disks itself where it can: auto or never."),
        .integer("fuse", "threads", 0...256, \.fuse.threads, "Threads that answer the kernel; 0 for as many as cores."),

        .duration(
            "guardian", "heartbeat_timeout", .seconds(1) ... .seconds(3600), \.guardian.heartbeatTimeout,
            "After which silence a server is replaced."),
        .integer(
            "guardian", "max_restarts", 0...1000, \.guardian.maxRestarts,
            "Deaths in a row of servers that had not served for 1 s, after which the mount is given up."),

        .filter("log", "level", \.log.level, "A level, or modules with levels: \"info,fuse=debug\"."),
        .choice(
            "log", "format", \.log.format, "auto, text, json or journald; auto is the journal where stderr leads there."
        ),
        .path("log", "dir", \.log.directory, "Daily files are written here too; none by default."),

        .path(
            "control", "socket", \.control.socket,
            "By default $XDG_RUNTIME_DIR/musicfs/NAME.sock, for root /run/musicfs/NAME.sock."),
        .optionalText(
            "control", "group", .group, \.control.group,
            "May use the socket beside the owner and root; none by default."),
        .optionalText(
            "control", "tcp", .loopback, \.control.tcp,
            "Serve the same on TCP too, such as 127.0.0.1:8437, for who knows the token; none by default."),
        .path(
            "control", "token_file", \.control.tokenFile,
            "The token, at least 16 letters and digits, in a file of mode 0600; needed with tcp."),

        .boolean(
            "prefetch", "enabled", \.prefetch.isEnabled,
            "Whether what is likely to be played next is fetched into the cache."),
        .integer("prefetch", "tracks", 1...100, \.prefetch.tracks, "How many tracks are fetched ahead of what plays."),
        .integer("prefetch", "concurrent", 1...16, \.prefetch.concurrent, "How many of them at a time."),
        .duration(
            "prefetch", "quiet", .zero ... .seconds(60), \.prefetch.quiet,
            "How long no reader must have waited for an origin before something is fetched ahead."),

        .duration(
            "history", "keep", .zero ... .seconds(3_153_600_000), \.history.keep,
            "How long it is known what was opened and played; 0s for not at all."),

        .integer(
            "events", "capacity", 1...1_048_576, \.events.capacity,
            "Events kept for a subscriber; a slower one loses the oldest, counted."),
    ]

    /// The keys of one `[[origins]]`.
    static let originKeys: [ConfigurationKey<Configuration.Origin>] = [
        .text("origins", "id", .originID, \.id, "Names the origin; it stays the same when the path changes."),
        .choice(
            "origins", "type", \.kind, "What the origin is: local, nfs, smb, s3, sftp or webdav."),
        .path("origins", "path", isOptional: false, \.path, "The directory with the music."),
        .integer("origins", "priority", 0...255, \.priority, "Lower is preferred."),
        .boolean("origins", "enabled", \.isEnabled, "Whether the origin takes part."),
        .duration(
            "origins", "timeout", .milliseconds(100) ... .seconds(3600), \.timeout, "After which a read has failed."),
        .duration(
            "origins", "poll_interval", .seconds(1) ... .seconds(2_592_000), \.pollInterval,
            "How often a directory that cannot be watched is walked."),
        .choice(
            "origins", "cache", \.cache,
            "Whether what is read is kept: auto (what lies behind a network), always, never."),
        .size("origins", "bandwidth", 0...(1 << 40), \.bandwidth, "Bytes a second; 0 for no limit."),
        .integer("origins", "connections", 1...64, \.connections, "Connections at a time."),
        .text("origins", "bucket", .line, \.bucket, "The bucket."),
        .text("origins", "prefix", .line, \.prefix, "The beginning of the keys; all by default."),
        .text(
            "origins", "region", .line, \.region,
            "The bucket's region; by default that of AWS_REGION or the AWS profile, else us-east-1."),
        .text("origins", "endpoint", .line, \.endpoint, "For MinIO, Garage, Ceph, R2 …; Amazon's by default."),
        .boolean("origins", "path_style", \.usesPathStyle, "Whether the bucket is named in the path, not in the host."),
        .text(
            "origins", "credentials", .line, \.credentials,
            "Where they are. s3: env, anonymous, profile:NAME, file:PATH; sftp: agent, key:PATH, file:PATH; webdav: "
                + "anonymous, file:PATH. A file must have mode 0600."),
        .text("origins", "host", .line, \.host, "The server."),
        .integer("origins", "port", 1...65_535, \.port, "The server's port."),
        .text("origins", "user", .line, \.user, "The user on the server."),
        .path(
            "origins", "known_hosts", \.knownHosts,
            "A host that is not in it, or differs, is refused; ~/.ssh/known_hosts by default."),
        .text("origins", "url", .line, \.url, "The folder with the music."),
        .path("origins", "ca_file", \.certificates, "Certificates to trust; the system's by default."),
    ]

    private static let threshold = "Failures in a row that make an origin of this kind unhealthy."

    /// Keys of features that are not built yet, by section.
    static let unavailable: [String: [String]] = [
        "views": ["name", "template", "filter"]
    ]

    static let originsSection = "origins"

    /// The sections of this version, in the order of the example; the first is the keys before any section.
    static let sections: [String] = {
        var sections: [String] = []
        for section in keys.map(\.section) where sections.last != section { sections.append(section) }
        return sections
    }()

    /// The names of the keys of a section that this version honours.
    static func names(in section: String) -> [String] {
        section == originsSection ? originKeys.map(\.name) : keys.filter { $0.section == section }.map(\.name)
    }

    static func isUnavailable(_ section: String, _ name: String) -> Bool {
        unavailable[section]?.contains(name) ?? false
    }

    /// What stands behind the name of a key of a later version.
    static let unavailableMessage = "is not available in this version; remove it"

    /// `MUSICFS_TREE_TEMPLATE`.
    static func variable(_ path: String) -> String {
        "MUSICFS_" + path.uppercased().replacing(".", with: "_")
    }
}
