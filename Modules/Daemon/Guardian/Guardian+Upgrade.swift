import MusicFSCore
import MusicFSFUSE
import MusicFSSystem

/// The planned take-over by the program that is on disk by now (`musicfs upgrade`, SIGUSR2).
///
/// The program is asked first whether it could, with the configuration as it is now. Then this process becomes that
/// program, with the mount, the journal, the locks and the running server as they are, and the server is replaced the way
/// one that died is: what it had not answered its successor answers.
extension Guardian {
    /// The program on disk while it is asked.
    struct Candidate {
        let process: ChildProcess
        let begin = monotonicNanoseconds()
        var isKilled = false
    }

    func askCandidate() {
        guard !isStopping, candidate == nil, replacement == nil else { return }
        guard let program = ThisProcess.executable else {
            return log.error("cannot upgrade: /proc does not say where the program is")
        }
        do throws(SystemError) {
            candidate = Candidate(
                process: try ChildProcess.start(
                    program, arguments: ["musicfs"] + Handover.question(configuration.arguments)))
        } catch { log.error("cannot upgrade", metadata: ["program": "\(program)", "error": "\(error)"]) }
    }

    func hearCandidate() {
        guard let asked = candidate else { return }
        guard let end = asked.process.reap() else {
            if !asked.isKilled, monotonicNanoseconds() - asked.begin > Handover.patience {
                log.error("the program on disk does not answer and is killed")
                asked.process.send(Signal.kill)
                candidate?.isKilled = true
            }
            return
        }
        candidate = nil
        guard end == .code(0) else {
            return log.error("the program on disk cannot take over; nothing is changed", metadata: ["end": "\(end)"])
        }
        guard let program = ThisProcess.executable else { return }
        do {
            try becomeSuccessor(program)
        } catch { log.error("cannot upgrade", metadata: ["program": "\(program)", "error": "\(error)"]) }
    }

    /// Returns only by throwing; nothing is changed then.
    private func becomeSuccessor(_ program: FilePath) throws {
        let handover = Handover(
            device: device.raw, journal: journal.fd, locks: locks.map(\.raw),
            storedName: storedName,
            server: server.map {
                Handover.Server(pid: $0.process.pid, channel: $0.channel.raw, heartbeat: $0.heartbeat.raw)
            })
        let text = try handover.encode()
        defer { for fd in handover.descriptors { try? setInherited(fd, false) } }
        for fd in handover.descriptors { try setInherited(fd, true) }
        log.notice("becoming the program on disk", metadata: ["program": "\(program)"])
        try execute(program, arguments: configuration.arguments(of: "mount", "--resume=\(text)"))
    }

    /// Whoever asked for it through the server is answered first.
    func planReplacement() { replacement = monotonicNanoseconds() + 100_000_000 }

    func replaceIfDue() {
        guard let due = replacement, monotonicNanoseconds() >= due else { return }
        replacement = nil
        guard let server, server.killed == nil else { return }
        killServer()
        self.server?.isReplaced = true
    }
}
