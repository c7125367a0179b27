import MusicFSControl
import MusicFSCore
import MusicFSSystem
import Synchronization

/// The control interface on TCP.
extension Server {
    /// Serves it as soon as it can be: what stands in the way is no reason to do without the mount, and a predecessor that
    /// hangs on its way out keeps the port for a while.
    func listen(
        _ control: ControlServer, on address: LoopbackAddress, _ tokenFile: FilePath, _ context: TaskContext
    ) throws -> TaskExit {
        var told: String?
        repeat {
            do throws(ControlError) {
                let token = try BearerToken.read(tokenFile)
                let port = try control.listen(on: address, token: token)
                self.token.withLock { $0 = token }
                log.info("the control interface is on TCP too", metadata: ["port": "\(port)"])
                return .finished
            } catch {
                if error.code == .unavailable { return .stopped }
                // Each second the same is no news.
                if told != error.description {
                    log.error("the control interface is not on TCP", metadata: ["error": "\(error)"])
                }
                told = error.description
            }
        } while context.wait(for: .seconds(1))
        return .stopped
    }

    /// Whether the token's file holds another token than the one that is asked for.
    ///
    /// - Throws: what is wrong with the file.
    func hasNewToken() throws(ControlError) -> Bool {
        guard let tcp = settings.tcp, let known = token.withLock({ $0 }) else { return false }
        return try BearerToken.read(tcp.tokenFile) != known
    }
}
