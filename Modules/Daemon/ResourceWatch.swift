import MusicFSCAS
import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSSystem
import Synchronization

/// Looks after the descriptors and the memory of this process, and does with less before there is none.
final class ResourceWatch: Sendable {
    private let cache: ContentCache
    private let library: Library
    private let log: Logger
    private let levels = Mutex(ResourceLevels())
    private let shortages: Counter

    init(cache: ContentCache, library: Library, metrics: MetricsRegistry, log: Logger) {
        self.cache = cache
        self.library = library
        self.log = log
        shortages = metrics.counter(
            "musicfs_memory_shortages_total", help: "How often the caches were made small because memory was short.")
        metrics.gauge("musicfs_cache_buffer_limit_bytes", help: "Memory that buffers may take now.") { [cache] in
            Double(cache.budget.limit)
        }
    }

    private static let remedy = "set LimitNOFILE=65536 in the unit, or 'ulimit -n 65536' before the start"

    /// Whether what can wait is refused because nearly all descriptors are in use.
    var isShedding: Bool { levels.withLock { $0.descriptors == .exhausted } }

    /// What is wrong, in a sentence; nil when nothing is.
    var problem: String? { isShedding ? "nearly all descriptors are in use; \(Self.remedy)" : nil }

    /// A supervised task. Memory is looked at every 10 s, descriptors every minute, and more often while they are scarce.
    func run(_ context: TaskContext) throws -> TaskExit {
        var round = 0
        repeat {
            context.beat()
            lookAtMemory()
            if round % 6 == 0 || levels.withLock({ $0.descriptors > .ample }) { lookAtDescriptors() }
            round += 1
        } while context.wait(for: Pace.of(.seconds(10)))
        return .stopped
    }

    private func lookAtDescriptors() {
        let (count, limit) = (ThisProcess.openDescriptors, ThisProcess.descriptorLimit)
        let (isNew, level) = levels.withLock { ($0.noteDescriptors(count, limit: limit), $0.descriptors) }
        cache.budget.refusesAhead = level == .exhausted
        guard isNew else { return }
        let metadata: Logger.Metadata = ["open": "\(count)", "limit": "\(limit)"]
        switch level {
        case .ample: log.notice("descriptors are no longer scarce", metadata: metadata)
        case .scarce: log.warning("80 % of the descriptors are in use; \(Self.remedy)", metadata: metadata)
        case .exhausted:
            log.error(
                "95 % of the descriptors are in use: nothing is fetched ahead, and control requests are refused",
                metadata: metadata)
        }
    }

    private func lookAtMemory() {
        let memory = ResourceLevels.Memory(
            resident: UInt64(clamping: ThisProcess.residentBytes),
            addressSpace: UInt64(clamping: ThisProcess.addressSpace), addressLimit: ThisProcess.addressSpaceLimit,
            group: Self.group())
        let (before, levels) = self.levels.withLock { levels in
            let before = levels
            levels.note(memory)
            return (before, levels)
        }
        let metadata: Logger.Metadata = [
            "resident": "\(memory.resident)", "group": "\(memory.group.anonymous)",
            "high": "\(memory.group.high.map(String.init) ?? "none")",
            "max": "\((memory.group.max ?? memory.addressLimit).map(String.init) ?? "none")",
        ]
        if levels.isMemoryScarce, !before.isMemoryScarce {
            log.warning("80 % of the memory that is allowed are in use", metadata: metadata)
        }
        if levels.isMemoryShort != before.isMemoryShort {
            if levels.isMemoryShort { shortages.increment() }
            let text = levels.isMemoryShort ? "memory is short: the caches are made small" : "memory is no longer short"
            log.notice("\(text)", metadata: metadata)
        }
        if levels.isMemoryShort || before.isMemoryShort { shrink(levels.isMemoryShort) }
    }

    private func shrink(_ isShort: Bool) {
        cache.setShortOfMemory(isShort)
        guard isShort else { return }
        do throws(CacheError) {
            try library.releaseMemory()
        } catch { log.debug("the library keeps its pages", metadata: ["error": "\(error)"]) }
        ThisProcess.releaseFreeMemory()
    }

    /// In a test build `MUSICFS_TEST_CGROUP` names a directory that stands for the hierarchy.
    private static func group() -> MemoryGroup {
        #if DEBUG
            if let root = ThisProcess.environment["MUSICFS_TEST_CGROUP"] {
                return MemoryGroup(membership: FilePath(root).appending("self"), root: FilePath(root))
            }
        #endif
        return MemoryGroup()
    }

    /// Requests that are answered even then: those that tell what is wrong, and the one that ends it.
    private static let essential: Set<String> = [
        "/v1/status", "/v1/tasks", "/v1/shutdown", "/healthz", "/readyz", "/metrics",
    ]

    /// The routes, of which all but the essential ones are refused while descriptors are short.
    func shedding(_ routes: [Route]) -> [Route] {
        routes.map { route in
            if Self.essential.contains(route.path) { return route }
            return Route(route.method, route.path) { [self] request throws(ControlError) in
                if isShedding {
                    throw ControlError(
                        .unavailable, "nearly all descriptors of the daemon are in use", remedy: Self.remedy)
                }
                return try route.handler(request)
            }
        }
    }
}
