import MusicFSCore
import MusicFSFUSE
import MusicFSSystem

/// What the server asks for.
extension Guardian {
    func answer() {
        guard let channel = server?.channel, let packet = try? receivePacket(channel.raw, limit: 8192) else { return }
        // At the end of the connection the process is on its way out, and its own descriptor will say so.
        guard !packet.bytes.isEmpty else { return }
        guard let request = GuardianRequest(decoding: packet.bytes) else {
            try? sendPacket(channel.raw, GuardianReply(.invalid).encode())
            return
        }
        switch request {
        case .serving(let thread):
            server?.serving = monotonicNanoseconds()
            server?.sentinel = try? openThread(thread)
            if !isReady {
                isReady = true
                ServiceManager.tell(.ready)
                onReady()
            } else if isReloading {
                ServiceManager.tell(.ready)
            }
            isReloading = false
            ServiceManager.tell(.status("serving \(configuration.mountPoint)"))
            try? sendPacket(channel.raw, GuardianReply().encode())
        case .disconnected:
            isUnmounted = true
            isAborted = (try? MountEntry.at(configuration.mountPoint))?.isMusicFS == true
            try? sendPacket(channel.raw, GuardianReply().encode())
        case .replace:
            ServiceManager.tell(.reloading)
            isReloading = true
            planReplacement()
            try? sendPacket(channel.raw, GuardianReply().encode())
        case .openBacking:
            try? sendPacket(channel.raw, openBacking(packet.descriptors.first).encode())
        case .closeBacking(let id):
            closeBackingFile(device: device.raw, id: id)
            try? sendPacket(channel.raw, GuardianReply().encode())
        case .nextEpoch(let minimum):
            journal.epoch = EpochFile.next(after: max(journal.epoch, minimum))
            try? sendPacket(channel.raw, GuardianReply(value: journal.epoch).encode())
        case .cloneMount(let path):
            cloneMount(path, to: channel)
        }
    }

    private func openBacking(_ file: SharedFD?) -> GuardianReply {
        guard journal.hasPassthrough, let file else { return GuardianReply(.notSupported) }
        do throws(SystemError) {
            return GuardianReply(value: UInt64(try registerBackingFile(device: device.raw, fd: file.raw)))
        } catch { return GuardianReply(error.errno) }
    }

    private func cloneMount(_ path: FilePath, to channel: SharedFD) {
        do throws(SystemError) {
            let clone = try cloneMountReadOnly(path)
            try sendPacket(channel.raw, GuardianReply(value: journal.hasPassthrough ? 1 : 0).encode(), fds: [clone.raw])
        } catch { try? sendPacket(channel.raw, GuardianReply(error.errno).encode()) }
    }
}
