import MusicFSCAS
import MusicFSCache
import MusicFSCore
import MusicFSFUSE
import MusicFSOrigins
import MusicFSSystem
import Synchronization

/// Opens content versions: on the local disk they lie on, or through the cache from whichever origin has them.
final class ContentRouter: ContentProvider {
    let library: Library
    let cache: ContentCache
    let health: HealthMonitor
    let log: Logger
    private let scheduler: Scheduler
    private let allowsPassthrough: Bool
    private let state: Mutex<State>
    /// Called when an origin says that a file is not what the library thinks: its folder is to be looked at.
    let onStale: @Sendable (_ origin: Int64, _ folder: [UInt8]) -> Void

    /// An origin that is in use.
    struct Member: Sendable {
        var origin: any Origin
        var setting: Configuration.Origin
        var bandwidth: BandwidthLimit
        /// A disk of this machine, whose files are opened rather than fetched.
        var disk: LocalOrigin?
        let traffic = Traffic()
        let warnings = WarningLimit()

        /// Whether what is read of it is kept.
        var isKept: Bool { setting.cache == .always || setting.cache == .auto && disk == nil }
    }

    private struct State {
        var members: [Int64: Member] = [:]
        /// The configured kind of every origin, whether or not it is in use yet.
        var settings: [Int64: Configuration.Origin] = [:]
        /// Origins whose files the kernel reads by itself.
        var passthrough: Set<Int64> = []
        /// Versions that are, or were lately, read from several origins, with what knows which one serves.
        var sources: [Int64: Source] = [:]
    }

    /// What was asked of an origin since the start.
    final class Traffic: Sendable {
        let bytes = Counter()
        let requests = Counter()
        let errors = Counter()

        func note(_ count: Int, isError: Bool) {
            requests.increment()
            if isError { errors.increment() } else { bytes.increment(by: UInt64(count)) }
        }
    }

    func traffic(of origin: Int64) -> (bytes: Int64, requests: Int64, errors: Int64) {
        guard let traffic = member(origin)?.traffic else { return (0, 0, 0) }
        return (
            Int64(clamping: traffic.bytes.value), Int64(clamping: traffic.requests.value),
            Int64(clamping: traffic.errors.value)
        )
    }

    private struct Source {
        weak var source: FederatedSource?
    }

    init(
        library: Library, cache: ContentCache, health: HealthMonitor, scheduler: Scheduler,
        settings: [Int64: Configuration.Origin], allowsPassthrough: Bool, log: Logger,
        onStale: @escaping @Sendable (Int64, [UInt8]) -> Void
    ) {
        self.library = library
        self.cache = cache
        self.health = health
        self.scheduler = scheduler
        self.allowsPassthrough = allowsPassthrough
        self.log = log
        self.onStale = onStale
        state = Mutex(State(settings: settings))
    }

    /// Begins to use an origin.
    func add(_ origin: any Origin, _ setting: Configuration.Origin) {
        let disk = (origin as? LocalOrigin).flatMap { $0.isRemote || setting.cache == .always ? nil : $0 }
        // Through anything but the private clone the kernel would write access times (rule 22).
        let isPassthrough = allowsPassthrough && disk?.kind == .local && disk?.isCloned == true
        let member = Member(
            origin: origin, setting: setting, bandwidth: BandwidthLimit(rate: setting.bandwidth), disk: disk)
        state.withLock { state in
            state.members[origin.id] = member
            if isPassthrough { state.passthrough.insert(origin.id) }
        }
    }

    func member(_ origin: Int64) -> Member? { state.withLock { $0.members[origin] } }

    // MARK: Plans

    func plan(origin: Int64) -> ReadPlan {
        let (isPassthrough, isDisk) = state.withLock { state in
            if let member = state.members[origin] { return (state.passthrough.contains(origin), member.disk != nil) }
            return (false, state.settings[origin]?.kind == .local)
        }
        if !isDisk { return .cached }
        return isPassthrough && health.isUsable(origin: origin) ? .passthrough : .direct
    }

    func abandonPassthrough(origin: Int64) { _ = state.withLock { $0.passthrough.remove(origin) } }

    var hasSeveralOrigins: Bool { state.withLock { $0.settings.count > 1 } }

    func servedFrom(_ version: ContentVersion) -> Int64 {
        state.withLock { $0.sources[version.id]?.source }?.servedFrom ?? version.origin
    }

    func quarantine(_ version: ContentVersion) {
        do throws(CacheError) {
            try library.quarantine(replica: version.replica, reason: "a request for it killed the server twice")
        } catch { log.error("cannot quarantine a file", metadata: ["error": "\(error)"]) }
    }

    // MARK: Opening

    func open(
        _ version: ContentVersion, others: [OtherReplica],
        completion: @escaping @Sendable (Result<any OpenContent, ContentError>) -> Void
    ) {
        guard let path = version.path else { return completion(.failure(.changed)) }
        guard let member = member(version.origin), let disk = member.disk else {
            return openCached(version, others, completion)
        }
        disk.lane.submit(deadline: disk.timeout) { [self] () throws(ContentError) -> LocalFile in
            try openNow(version, path, disk)
        } completion: { [self] result in
            let failure: ContentError
            switch result {
            case .success(let file): return completion(.success(file))
            case .failure(.failed(let error)): failure = error
            case .failure: failure = .unreachable
            }
            // The library knows better by now; or there is nobody else to ask.
            if failure == .changed || others.isEmpty { return completion(.failure(failure)) }
            // Our own lack, which says nothing of the origin; and no other could do with less.
            if failure == .failed(.tooManyFiles) || failure == .failed(.systemFileLimit) {
                return completion(.failure(failure))
            }
            health.note(origin: version.origin, error: OriginError(.unreachable, "\(failure)"), latency: 0)
            openCached(version, others, completion)
        }
    }

    /// On the origin's lane.
    private func openNow(
        _ version: ContentVersion, _ path: FilePath, _ origin: LocalOrigin
    ) throws(ContentError) -> LocalFile {
        let fd: SharedFD
        let status: FileStatus
        do throws(SystemError) {
            fd = SharedFD(try origin.open(path))
            status = try FileStatus.of(raw: fd.raw)
        } catch {
            // ELOOP, EXDEV: somebody put a link there that leads out of the origin.
            throw error.errno == .loop || error.errno == .crossDevice ? .failed(.access) : .failed(error.errno)
        }
        guard status.kind == .regular else { throw .failed(.noEntry) }
        let isSame =
            status.size == version.size && status.modified == version.modified
            && (version.stamp.inode == 0 || status.inode == version.stamp.inode)
        guard isSame else {
            // Rewritten since the last look (rule 21): the name gets a new version, and the kernel asks again.
            do throws(CacheError) {
                try library.renewVersion(version.id, stamp: FileStamp(status))
            } catch {
                log.error("cannot renew a version", metadata: ["error": "\(error)"])
                throw .failed(.io)
            }
            throw .changed
        }
        return LocalFile(fd, origin)
    }

    private func openCached(
        _ version: ContentVersion, _ others: [OtherReplica],
        _ completion: @escaping @Sendable (Result<any OpenContent, ContentError>) -> Void
    ) {
        guard let (info, source, keeps) = describe(version, others) else { return completion(.failure(.changed)) }
        cache.open(info, source: source, keeps: keeps) { completion(.success($0)) }
    }

    /// Opens a version to fetch it before anybody asks for it, and tells from what; nil where it is not kept, or gone.
    func openAhead(
        _ version: ContentVersion, others: [OtherReplica],
        completion: @escaping @Sendable ((file: AheadFile, source: FederatedSource)?) -> Void
    ) {
        guard let (info, source, keeps) = describe(version, others), keeps else { return completion(nil) }
        cache.openAhead(info, source: source) { file in completion(file.map { ($0, source) }) }
    }

    /// What the cache has to know of a version; nil where that is gone.
    private func describe(
        _ version: ContentVersion, _ others: [OtherReplica]
    ) -> (info: VersionInfo, source: FederatedSource, keeps: Bool)? {
        let settings = state.withLock { $0.settings }
        guard let path = version.path, let setting = settings[version.origin] else { return nil }
        var replicas = [location(version.origin, path, version.stamp)].compactMap(\.self)
        replicas += others.compactMap { location($0.origin, $0.path, $0.stamp) }
        let source = FederatedSource(
            replicas: replicas, routing: self, scheduler: scheduler, settings: FederationSettings(),
            memory: cache.memory)
        state.withLock { state in
            if state.sources.count >= 4096 { state.sources = state.sources.filter { $0.value.source != nil } }
            state.sources[version.id] = Source(source: source)
        }
        let key = version.key ?? ContentKey(origin: setting.id, path: path.bytes, stamp: version.stamp)
        let keeps = replicas.contains { member($0.origin.id)?.isKept ?? false }
        let info = VersionInfo(key: key, size: version.size, payload: version.payload, origin: setting.id)
        return (info, source, keeps)
    }

    func location(_ origin: Int64, _ path: FilePath, _ stamp: FileStamp) -> ReplicaLocation? {
        member(origin).map { member in
            ReplicaLocation(
                origin: member.origin, priority: member.setting.priority, path: path.bytes, stamp: stamp,
                bandwidth: member.bandwidth, isLocal: member.disk != nil)
        }
    }

    func makeSource(_ replica: ReplicaLocation) -> FederatedSource {
        FederatedSource(
            replicas: [replica], routing: self, scheduler: scheduler, settings: FederationSettings(),
            memory: cache.memory)
    }
}

extension ContentRouter: ReplicaRouting {
    func order(_ replicas: [(origin: Int64, priority: Int)]) -> [Int64] { health.order(replicas) }

    func isUsable(origin: Int64) -> Bool { health.isUsable(origin: origin) }

    func note(origin: Int64, error: OriginError?, bytes: Int, latency: UInt64) {
        if let member = member(origin) { member.traffic.note(bytes, isError: error != nil) }
        if let error, error.code != .notFound, error.code != .changed {
            warn(origin, error)
        }
        health.note(origin: origin, error: error, latency: latency)
    }

    /// Once a minute for each origin, and not while none answers: then there is a summary.
    private func warn(_ origin: Int64, _ error: OriginError) {
        guard let member = member(origin) else { return }
        let suppressed = health.isOffline ? nil : member.warnings.pass(now: monotonicNanoseconds())
        log.log(
            level: suppressed == nil ? .debug : .warning, "an origin did not give what it was asked for",
            metadata: [
                "origin": "\(member.setting.id)", "error": "\(error)", "suppressed": "\(suppressed ?? 0)",
            ])
    }

    func noteStale(origin: Int64, path: [UInt8]) {
        let folder = path.lastIndex(of: UInt8(ascii: "/")).map { Array(path[..<$0]) } ?? []
        onStale(origin, folder)
    }
}
