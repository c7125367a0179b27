import CLinux

/// The number of a group of the user database (getgrnam_r(3)).
///
/// - Returns: nil when there is no such group.
package func groupID(named name: String) throws(SystemError) -> UInt32? {
    var room = 1024
    while true {
        var buffer = [CChar](repeating: 0, count: room)
        var entry = unsafe group()
        var found: UnsafeMutablePointer<group>?
        let result = unsafe getgrnam_r(name, &entry, &buffer, room, &found)
        switch result {
        case 0: return unsafe found == nil ? nil : entry.gr_gid
        case ERANGE where room < 1 << 20: room *= 4
        case EINTR: continue
        // getgrnam_r(3): systems differ in what they answer for a name that is not there.
        case ENOENT, ESRCH, EBADF, EPERM: return nil
        default: throw SystemError("getgrnam_r", nil, Errno(rawValue: result))
        }
    }
}
