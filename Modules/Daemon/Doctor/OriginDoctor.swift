import MusicFSControl
import MusicFSCore
import MusicFSOrigins
import MusicFSSystem

/// Asks origins whether they answer, without a daemon: all at a time, each for as long as a health check may take.
struct OriginDoctor {
    private let settings: DaemonSettings
    private let log: Logger

    init(_ settings: DaemonSettings, log: Logger) {
        self.settings = settings
        self.log = log
    }

    func examine() -> [Diagnosis] {
        guard let timer = try? DeadlineTimer() else { return [] }
        let factory = OriginFactory(timer: timer, makeClone: { _ in nil }, log: log)
        let answers = Condition<[String: Diagnosis]>([:])
        let limit = monotonicNanoseconds() &+ settings.health.timeout.nanoseconds
        for setting in settings.origins {
            let isStarted: Void? = try? startThread("doctor") {
                let diagnosis = ask(setting, factory, limit)
                answers.withLock { $0[setting.id] = diagnosis }
                answers.broadcast()
            }
            if isStarted == nil { answers.withLock { $0[setting.id] = silent(setting) } }
        }
        _ = answers.wait(until: limit &+ 500_000_000) { $0.count == settings.origins.count ? true : nil }
        let known = answers.withLock { $0 }
        return settings.origins.map { known[$0.id] ?? silent($0) }
    }

    private func silent(_ setting: Configuration.Origin) -> Diagnosis {
        Diagnosis(
            "origin \(setting.id)", .error, "\(setting.displayRoot) gave no answer within \(settings.health.timeout)",
            remedy: "see that it can be reached from here")
    }

    private func ask(_ setting: Configuration.Origin, _ factory: OriginFactory, _ deadline: UInt64) -> Diagnosis {
        let name = "origin \(setting.id)"
        do {
            let origin = try factory.make(0, setting)
            let begin = monotonicNanoseconds()
            try origin.check(deadline: deadline)
            let milliseconds = (monotonicNanoseconds() &- begin) / 1_000_000
            return Diagnosis(name, .ok, "\(setting.displayRoot) answers after \(milliseconds) ms")
        } catch {
            let code = (error as? OriginError)?.code
            let remedy =
                switch code {
                case .permission: "see that the credentials are right and allow reading"
                case .notFound: "see that the path, bucket or folder exists"
                default: "see that it can be reached from here"
                }
            return Diagnosis(name, .error, "\(setting.displayRoot): \(error)", remedy: remedy)
        }
    }
}
