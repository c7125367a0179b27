import CFuse3
import CLinux
package import MusicFSSystem

/// Mounting, through libfuse: mount(2) with privilege, else fusermount3.
package enum FUSEMount {
    /// Mounts an empty FUSE file system and gives the connection's descriptor.
    ///
    /// - Parameter options: as behind `-o`, in pieces.
    /// - Throws: EIO when libfuse failed; it has said why on standard error.
    package static func mount(_ mountPoint: FilePath, options: [String]) throws(SystemError) -> OwnedFD {
        let arguments = ["musicfs", "-o", options.joined(separator: ",")]
        var vector = unsafe arguments.map { unsafe strdup($0) }
        unsafe vector.append(nil)
        defer { unsafe vector.forEach { unsafe free($0) } }
        var operations = fuse_lowlevel_ops()
        let count = CInt(arguments.count)
        // The session only mounts; it is kept for the life of the process, since freeing it would unmount.
        let fd: CInt? = unsafe vector.withUnsafeMutableBufferPointer { vector in
            var list = unsafe fuse_args(argc: count, argv: vector.baseAddress, allocated: 0)
            defer { unsafe fuse_opt_free_args(&list) }
            guard
                let session = unsafe fuse_session_new(&list, &operations, MemoryLayout<fuse_lowlevel_ops>.size, nil)
            else { return nil }
            let result = unsafe mountPoint.withCString { unsafe fuse_session_mount(session, $0) }
            return result == 0 ? unsafe fuse_session_fd(session) : nil
        }
        guard let fd else { throw SystemError("mount", mountPoint, .io) }
        return OwnedFD(owning: try checked("fcntl") { clinux_fcntl_int(fd, F_DUPFD_CLOEXEC, 3) })
    }
}

extension FUSEMount {
    /// Whether this is a descriptor of /dev/fuse whose connection still stands.
    package static func isConnected(_ device: CInt) -> Bool {
        var status = stat()
        // Character device 10:229 (admin-guide/devices.txt); what stands for it in /dev may have any name.
        guard unsafe fstat(device, &status) == 0, status.st_mode & UInt32(S_IFMT) == UInt32(S_IFCHR),
            status.st_rdev == 10 << 8 | 229
        else { return false }
        return !pollReadable([device], milliseconds: 0)[0].isBroken
    }
}

/// The first exchange with the kernel: what both sides can do (linux/fuse.h, FUSE_INIT).
package enum InitNegotiation {
    // Flags of FUSE_INIT; the second word is valid with FUSE_INIT_EXT.
    private static let asyncRead: UInt32 = 1 << 0
    private static let doReaddirPlus: UInt32 = 1 << 13
    private static let asyncDirectIO: UInt32 = 1 << 15
    private static let parallelDirectoryOperations: UInt32 = 1 << 18
    private static let maxPages: UInt32 = 1 << 22
    private static let initExtended: UInt32 = 1 << 30
    private static let expireOnly: UInt32 = 1 << (35 - 32)
    private static let passthrough: UInt32 = 1 << (37 - 32)

    /// The answer to an INIT request.
    ///
    /// - Parameters:
    ///   - request: the whole message: fuse_in_header, fuse_init_in.
    ///   - wantsPassthrough: asks for FUSE_PASSTHROUGH, which takes CAP_SYS_ADMIN to use.
    /// - Returns: the whole message, and whether the kernel offers passthrough; nil when it is no INIT of protocol 7.
    package static func reply(
        to request: [UInt8], wantsPassthrough: Bool
    ) -> (message: [UInt8], hasPassthrough: Bool)? {
        func word(_ offset: Int) -> UInt32 {
            guard offset + 4 <= request.count else { return 0 }
            return request[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        // fuse_in_header is 40 bytes; fuse_init_in: major, minor, max_readahead, flags, flags2.
        guard request.count >= 56, word(4) == 26, word(40) == 7 else { return nil }
        let minor = word(44)
        let offered = word(52)
        let offered2 = offered & initExtended != 0 ? word(56) : 0
        // Not FUSE_CACHE_SYMLINKS: a track that moves would take every link to it along, and the kernel would have to be
        // told of each.
        let wanted =
            asyncRead | doReaddirPlus | asyncDirectIO | parallelDirectoryOperations | maxPages | initExtended
        let hasPassthrough = wantsPassthrough && offered2 & passthrough != 0
        var writer = LittleEndian()
        writer.add(UInt32(7))
        writer.add(min(minor, 45))
        writer.add(UInt32(1 << 20))  // max_readahead
        writer.add(offered & wanted)
        writer.add(UInt16.max)  // max_background: 12 by default, which a hung origin would use up (rule 13)
        writer.add(UInt16.max)  // congestion_threshold
        writer.add(UInt32(4096))  // max_write
        writer.add(UInt32(1))  // time_gran: nanoseconds
        writer.add(UInt16(256))  // max_pages: 1 MiB
        writer.add(UInt16(0))
        writer.add(offered2 & (expireOnly | (hasPassthrough ? passthrough : 0)))
        writer.add(UInt32(hasPassthrough ? 1 : 0))  // max_stack_depth
        writer.bytes += [UInt8](repeating: 0, count: 24)
        var header = LittleEndian()
        header.add(UInt32(16 + writer.bytes.count))
        header.add(UInt32(0))
        return (header.bytes + request[8..<16] + writer.bytes, hasPassthrough)
    }

    /// Whether a reply agreed on passthrough: the second word of flags, at 32 of fuse_init_out behind its header of 16.
    static func hasPassthrough(reply: [UInt8]) -> Bool { reply.count >= 52 && reply[48] & UInt8(passthrough) != 0 }

    private struct LittleEndian {
        var bytes: [UInt8] = []

        mutating func add(_ value: some FixedWidthInteger) {
            for shift in stride(from: 0, to: value.bitWidth, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: value >> shift))
            }
        }
    }
}
