import CLinux

/// What the control group that this process is in allows it of memory, and how it fares (cgroups(7); the kernel's
/// admin-guide/cgroup-v2). All sums are bytes.
package struct MemoryGroup: Hashable, Sendable {
    /// `memory.high`: above it the kernel slows the group down and takes memory from it; nil where there is none.
    package var high: UInt64?
    /// `memory.max`: above it something is killed; nil where there is none.
    package var max: UInt64?
    /// Memory of the group's processes themselves; what only caches files on disk is left out, as the kernel drops it.
    package var anonymous: UInt64 = 0
    /// How often `memory.high` was exceeded.
    package var highEvents: UInt64 = 0
    /// The share of the last ten seconds, of a hundred, in which all of the group waited for memory.
    package var stalled: Double = 0

    package init() {}

    /// Reads it; nothing is limited where there is no control group of memory.
    ///
    /// - Parameters:
    ///   - membership: what /proc/self/cgroup is.
    ///   - root: where the hierarchies are mounted.
    package init(membership: FilePath = "/proc/self/cgroup", root: FilePath = "/sys/fs/cgroup") {
        for line in (text(membership) ?? "").split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            // A path that leads out of the namespace tells nothing.
            guard fields.count == 3, !fields[2].contains("..") else { continue }
            let path = fields[2].split(separator: "/").map(String.init)
            if fields[0] == "0", fields[1].isEmpty { readSecond(root, path) }
            if fields[1].split(separator: ",").contains("memory") {
                readFirst(path.reduce(root.appending("memory")) { $0.appending($1) })
            }
        }
    }

    /// cgroup v1.
    private mutating func readFirst(_ folder: FilePath) {
        // "No limit" is the largest number of whole pages.
        func limit(_ name: String) -> UInt64? {
            text(folder.appending(name)).flatMap { UInt64($0) }.flatMap { $0 < 1 << 62 ? $0 : nil }
        }
        max = limit("memory.limit_in_bytes") ?? max
        high = limit("memory.soft_limit_in_bytes") ?? high
        anonymous = number("total_rss", in: folder.appending("memory.stat")) ?? anonymous
    }

    /// cgroup v2. The limits of all groups above hold too.
    private mutating func readSecond(_ root: FilePath, _ path: [String]) {
        var names = path
        let own = names.reduce(root) { $0.appending($1) }
        anonymous = number("anon", in: own.appending("memory.stat")) ?? anonymous
        let pressure = text(own.appending("memory.pressure")) ?? ""
        for line in pressure.split(separator: "\n") where line.hasPrefix("full ") {
            let average = line.split(separator: " ").first { $0.hasPrefix("avg10=") }
            stalled = average.flatMap { Double($0.dropFirst(6)) } ?? 0
        }
        while true {
            let folder = names.reduce(root) { $0.appending($1) }
            if let limit = text(folder.appending("memory.high")).flatMap({ UInt64($0) }), limit < high ?? .max {
                high = limit
                highEvents = number("high", in: folder.appending("memory.events")) ?? 0
            }
            if let limit = text(folder.appending("memory.max")).flatMap({ UInt64($0) }) {
                max = Swift.min(limit, max ?? .max)
            }
            if names.popLast() == nil { return }
        }
    }
}

private func text(_ path: FilePath) -> String? {
    guard let bytes = try? readFile(path, limit: 65536) else { return nil }
    var text = String(decoding: bytes, as: UTF8.self)
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
}

/// The number behind a word at the beginning of a line.
private func number(_ name: String, in path: FilePath) -> UInt64? {
    for line in (text(path) ?? "").split(separator: "\n") where line.hasPrefix("\(name) ") {
        return UInt64(line.dropFirst(name.count + 1))
    }
    return nil
}

extension ThisProcess {
    /// The limit of this process's address space, bytes (RLIMIT_AS); nil where there is none.
    package static var addressSpaceLimit: UInt64? {
        let limit = clinux_get_limit(CLINUX_RLIMIT_AS)
        return limit == .max ? nil : limit
    }

    /// Bytes of this process's address space.
    package static var addressSpace: Int64 {
        guard let text = try? readFile("/proc/self/statm", limit: 256) else { return 0 }
        let pages = String(decoding: text, as: UTF8.self).split(separator: " ").first.flatMap { Int64($0) }
        return (pages ?? 0) * Int64(sysconf(CInt(_SC_PAGESIZE)))
    }

    /// How many descriptors this process may have open.
    package static var descriptorLimit: Int { Int(clamping: clinux_get_limit(CLINUX_RLIMIT_NOFILE)) }
}
