import CLinux

/// Who is at the other end of a Unix socket, as that process was when it connected (unix(7)).
package struct PeerCredentials: Hashable, Sendable {
    package var user: UInt32
    package var group: UInt32
    /// Its supplementary groups.
    package var groups: [UInt32]

    /// - Throws: what getsockopt(2) says; `notSocket` and the like for what is no Unix socket.
    package static func of(_ socket: CInt) throws(SystemError) -> PeerCredentials {
        var credentials = ucred()
        var length = socklen_t(MemoryLayout<ucred>.size)
        _ = try checked("getsockopt") {
            unsafe getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length)
        }
        return PeerCredentials(
            user: credentials.uid, group: credentials.gid, groups: try supplementaryGroups(of: socket))
    }

    package func isMember(of group: UInt32) -> Bool { self.group == group || groups.contains(group) }

    private static func supplementaryGroups(of socket: CInt) throws(SystemError) -> [UInt32] {
        // NGROUPS_MAX (credentials(7)); asked for as many as are there, since most processes have a few.
        var room = 64
        while true {
            var groups = [gid_t](repeating: 0, count: room)
            var length = socklen_t(room * MemoryLayout<gid_t>.size)
            do throws(SystemError) {
                _ = try checked("getsockopt") {
                    unsafe getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, &groups, &length)
                }
                return Array(groups.prefix(Int(length) / MemoryLayout<gid_t>.size))
            } catch {
                guard error.errno == Errno(rawValue: ERANGE), room < 65_536 else { throw error }
                room = 65_536
            }
        }
    }
}
