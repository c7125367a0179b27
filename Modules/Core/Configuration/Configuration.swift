package import MusicFSSystem

/// The effective configuration of one run. What its members mean stands in `ConfigurationSchema`; the values here are
/// the defaults.
package struct Configuration: Hashable, Sendable {
    package struct Tree: Hashable, Sendable {
        /// The source of the path template.
        package var template = PathTemplate.standard.source
        package var companions = true
        package var virtualDirectories = true
    }

    package struct Scan: Hashable, Sendable {
        /// 0 for one each core.
        package var workers = 0
        /// The share of an origin that may vanish in one walk, from 0 to 1.
        package var removalBrake = 0.5
    }

    package struct Cache: Hashable, Sendable {
        package enum Retag: String, CaseIterable, Hashable, Sendable {
            /// Audio that is the same by its checksum or by samples is kept when tags change (D24).
            case trust
            case refetch
        }

        /// Bytes; 0 for no cache.
        package var maxSize: Int64 = 10 << 30
        package var retag = Retag.trust
        /// Bytes of all buffers together.
        package var memory: Int64 = 128 << 20
        /// The most that is fetched ahead of a reader, bytes.
        package var readAhead: Int64 = 8 << 20
        package var scrubInterval: Duration = .seconds(86_400)
    }

    package struct Health: Hashable, Sendable {
        package var interval = Duration.seconds(30)
        package var timeout = Duration.seconds(5)
        /// The median latency above which an origin is degraded.
        package var slow = Duration.seconds(2)
        package var thresholds = Thresholds()

        /// Failures in a row that make an origin unhealthy.
        package struct Thresholds: Hashable, Sendable {
            package var local = 1
            package var nfs = 3
            package var smb = 3
            package var s3 = 3
            package var sftp = 3
            package var webdav = 3

            package subscript(kind: Origin.Kind) -> Int {
                switch kind {
                case .local: local
                case .nfs: nfs
                case .smb: smb
                case .s3: s3
                case .sftp: sftp
                case .webdav: webdav
                }
            }
        }
    }

    package struct FUSE: Hashable, Sendable {
        package enum Passthrough: String, CaseIterable, Hashable, Sendable {
            case auto, never
        }

        package var allowOther = false
        package var timeout = Duration.seconds(3600)
        package var passthrough = Passthrough.auto
        /// 0 for as many as cores.
        package var threads = 0
    }

    package struct Guardian: Hashable, Sendable {
        package var heartbeatTimeout = Duration.seconds(10)
        package var maxRestarts = 5
    }

    package struct Log: Hashable, Sendable {
        package var level = LogFilter()
        package var format = LogFormat.auto
        /// For daily files; nil for none.
        package var directory: FilePath?
    }

    package struct Control: Hashable, Sendable {
        /// nil only while the instance has no name.
        package var socket: FilePath?
        package var group: String?
        /// Text that `LoopbackAddress` reads, with a port; nil for none.
        package var tcp: String?
        package var tokenFile: FilePath?
    }

    package struct Prefetch: Hashable, Sendable {
        package var isEnabled = true
        /// How many tracks are fetched ahead of what plays.
        package var tracks = 3
        /// How many at a time.
        package var concurrent = 2
        /// How long no reader must have had anything fetched.
        package var quiet = Duration.milliseconds(100)
    }

    package struct History: Hashable, Sendable {
        /// Zero for no history.
        package var keep = Duration.seconds(30 * 86_400)
    }

    package struct Events: Hashable, Sendable {
        package var capacity = 1024
    }

    /// nil without a mount point to take it from.
    package var name: String?
    package var mountPoint: FilePath?
    /// The directories that the instances' own ones lie in; a loaded configuration has both.
    package var cacheDir: FilePath?
    package var stateDir: FilePath?
    package var tree = Tree()
    package var origins: [Origin] = []
    package var cache = Cache()
    package var scan = Scan()
    package var health = Health()
    package var fuse = FUSE()
    package var guardian = Guardian()
    package var log = Log()
    package var control = Control()
    package var prefetch = Prefetch()
    package var history = History()
    package var events = Events()

    package init() {}
}

extension Configuration {
    /// What one named instance has to itself (D22).
    package struct Instance: Hashable, Sendable {
        package let name: String
        package let cacheDirectory: FilePath
        package let stateDirectory: FilePath
        package let socket: FilePath
    }

    /// `cache_dir/name`; nil without a name.
    package var cacheDirectory: FilePath? { name.flatMap { cacheDir?.appending($0) } }
    /// `state_dir/name`; nil without a name.
    package var stateDirectory: FilePath? { name.flatMap { stateDir?.appending($0) } }

    /// The instance, for what needs no mount.
    ///
    /// - Throws: when there is no name to know it by.
    package func validateForInstance() throws(ConfigurationError) -> Instance {
        guard let name, let cacheDirectory, let stateDirectory, let socket = control.socket else {
            throw ConfigurationError(
                "the instance has no name: give a mount point, or set name in the configuration, with MUSICFS_NAME "
                    + "or --name")
        }
        return Instance(name: name, cacheDirectory: cacheDirectory, stateDirectory: stateDirectory, socket: socket)
    }

    /// The instance and where it is mounted.
    ///
    /// - Throws: all that is missing for a mount: the mount point, an enabled origin.
    package func validateForMount() throws(ConfigurationError) -> (mountPoint: FilePath, instance: Instance) {
        var diagnostics: [ConfigurationDiagnostic] = []
        if mountPoint == nil {
            diagnostics.append(
                ConfigurationDiagnostic("there is no mount point: give one as argument, or set mount_point"))
        }
        if !origins.contains(where: \.isEnabled) {
            diagnostics.append(
                ConfigurationDiagnostic(
                    "there is no enabled origin: give a directory with --origin, or write [[origins]] into the "
                        + "configuration"))
        }
        guard let mountPoint, diagnostics.isEmpty else { throw ConfigurationError(diagnostics) }
        return (mountPoint, try validateForInstance())
    }
}
