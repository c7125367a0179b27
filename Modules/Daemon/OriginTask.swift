import MusicFSCache
import MusicFSCore
import MusicFSOrigins
import MusicFSSync
import MusicFSSystem
import Synchronization

/// One configured origin: brings it up when it can be reached, and keeps the library in step with it from then on.
final class OriginTask: Sendable {
    let id: Int64
    let setting: DaemonSettings.Origin
    private let services: OriginServices
    private let state: Condition<State>

    private struct State: Sendable {
        var synchronizer: OriginSynchronizer?
        var message: String?
        var wantsScan: Bool
    }

    init(id: Int64, setting: DaemonSettings.Origin, services: OriginServices, scansAtStart: Bool) {
        self.id = id
        self.setting = setting
        self.services = services
        state = Condition(State(wantsScan: scansAtStart))
    }

    var synchronizer: OriginSynchronizer? { state.withLock { $0.synchronizer } }
    /// Why it cannot be used; nil when it can.
    var message: String? { state.withLock { $0.message } }

    /// Tries at once to bring the origin up, so that its files can be opened when the mount appears.
    func bringUp() {
        do {
            let origin = try services.makeOrigin(self)
            let synchronizer = try OriginSynchronizer(
                origin: origin, library: services.library, media: services.media,
                settings: services.syncSettings(setting), events: services.events,
                log: services.log, scansAtStart: state.withLock { $0.wantsScan })
            services.content.add(origin)
            state.withLock { state in
                state.synchronizer = synchronizer
                state.message = nil
            }
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

    /// Follows the origin; a supervised task.
    func run(_ context: TaskContext) throws -> TaskExit {
        while synchronizer == nil {
            context.beat()
            bringUp()
            if synchronizer == nil, !context.wait(for: .seconds(10)) { return .stopped }
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
    let media: any MediaReader
    let content: LocalContent
    let events: EventBus
    let log: Logger
    let settings: DaemonSettings
    let timer: DeadlineTimer
    let makeClone: @Sendable (FilePath) -> SharedFD?

    func makeOrigin(_ task: OriginTask) throws -> LocalOrigin {
        let lane = try IOLane(name: "io-\(task.setting.id)", deadline: task.setting.timeout, timer: timer)
        return try LocalOrigin(
            id: task.id, name: task.setting.id, root: task.setting.path, lane: lane, timeout: task.setting.timeout,
            makeClone: makeClone)
    }

    func syncSettings(_ origin: DaemonSettings.Origin) -> SyncSettings {
        SyncSettings(
            showsCompanions: settings.showsCompanions, wantsIdentity: settings.origins.count > 1,
            removalBrake: settings.removalBrake, pollInterval: origin.pollInterval)
    }
}
