import MusicFSCache
import MusicFSCore
import MusicFSOrigins
import MusicFSSync
import MusicFSSystem
import Synchronization

/// One configured origin: brings it up when it can be reached, and keeps the library in step with it from then on.
final class OriginTask: Sendable {
    let id: Int64
    let setting: Configuration.Origin
    private let services: OriginServices
    private let state: Condition<State>

    private struct State: Sendable {
        var synchronizer: OriginSynchronizer?
        var message: String?
        var wantsScan: Bool
    }

    init(id: Int64, setting: Configuration.Origin, services: OriginServices, scansAtStart: Bool) {
        self.id = id
        self.setting = setting
        self.services = services
        state = Condition(State(wantsScan: scansAtStart))
    }

    var synchronizer: OriginSynchronizer? { state.withLock { $0.synchronizer } }
    /// Why it cannot be used; nil when it can.
    var message: String? { state.withLock { $0.message } }

    /// Tries to bring the origin up. May wait for its file system: never on a thread that must not.
    func bringUp() {
        if synchronizer != nil { return }
        do {
            let origin = try services.factory.make(id, setting)
            let synchronizer = try OriginSynchronizer(
                origin: origin, library: services.library, media: services.media.reader(origin: origin.id),
                remote: services.remote,
                settings: services.syncSettings(setting), events: services.events,
                log: services.log, scansAtStart: state.withLock { $0.wantsScan })
            services.content.add(origin, setting)
            services.content.health.add(origin, threshold: services.settings.health.thresholds[setting.kind])
            state.withLock { state in
                state.synchronizer = synchronizer
                state.message = nil
            }
            state.broadcast()
            services.events.publish(.originConnected(origin: setting.id))
        } catch {
            let isNew = state.withLock { state in
                defer { state.message = "\(error)" }
                return state.message == nil
            }
            if isNew {
                services.log.error(
                    "the origin cannot be used; it is tried again every 10 s",
                    metadata: ["origin": "\(setting.id)", "error": "\(error)"])
            }
        }
    }

    /// Brings the origin up on a thread of its own.
    func beginToBringUp() {
        do throws(SystemError) {
            try startThread("bring-up") { [self] in
                bringUp()
                state.broadcast()
            }
        } catch { services.log.error("no thread for an origin", metadata: ["error": "\(error)"]) }
    }

    /// Waits until the origin is up or cannot be, at most until `deadline`.
    func waitUntilUp(_ deadline: UInt64) {
        _ = state.wait(until: deadline) { $0.synchronizer != nil || $0.message != nil ? true : nil }
    }

    /// Follows the origin; a supervised task.
    func run(_ context: TaskContext) throws -> TaskExit {
        while synchronizer == nil {
            context.beat()
            waitUntilUp(monotonicNanoseconds() &+ 5_000_000_000)
            if message != nil { bringUp() }
            if synchronizer == nil, !context.wait(for: message == nil ? .seconds(1) : .seconds(10)) { return .stopped }
        }
        return try synchronizer?.run(context) ?? .stopped
    }

    /// Reads the events of the origin's folders; a supervised task.
    func watch(_ context: TaskContext) throws -> TaskExit {
        while !context.isCancelled {
            context.beat()
            if let synchronizer { return try synchronizer.watch(context) }
            _ = context.wait(for: .milliseconds(200))
        }
        return .stopped
    }
}

/// What every origin needs of the daemon.
struct OriginServices: Sendable {
    let library: Library
    let media: MediaWorkers
    let content: ContentRouter
    let remote: any RemoteContent
    let events: EventBus
    let log: Logger
    let settings: DaemonSettings
    let factory: OriginFactory

    func syncSettings(_ origin: Configuration.Origin) -> SyncSettings {
        SyncSettings(
            showsCompanions: settings.showsCompanions, wantsIdentity: settings.origins.count > 1,
            removalBrake: settings.removalBrake, pollInterval: origin.pollInterval)
    }
}
