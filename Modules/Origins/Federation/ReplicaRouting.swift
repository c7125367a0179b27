package import MusicFSCore

/// Where the same bytes lie once more.
package struct ReplicaLocation: Sendable {
    package var origin: any Origin
    /// Lower is preferred.
    package var priority: Int
    /// Below the origin's root.
    package var path: [UInt8]
    package var stamp: FileStamp
    package var bandwidth: BandwidthLimit
    /// Whether it lies on a disk of this machine.
    package var isLocal: Bool

    package init(
        origin: any Origin, priority: Int, path: [UInt8], stamp: FileStamp, bandwidth: BandwidthLimit,
        isLocal: Bool
    ) {
        self.origin = origin
        self.priority = priority
        self.path = path
        self.stamp = stamp
        self.bandwidth = bandwidth
        self.isLocal = isLocal
    }
}

/// What reading from several replicas needs to know of the origins, and tells about them.
package protocol ReplicaRouting: AnyObject, Sendable {
    /// The origins in the order in which they are to be asked (D9, D18).
    func order(_ replicas: [(origin: Int64, priority: Int)]) -> [Int64]
    /// Whether the origin is worth asking: false while it is known to be down.
    func isUsable(origin: Int64) -> Bool
    /// A request for so many bytes ended; `latency` in nanoseconds.
    func note(origin: Int64, error: OriginError?, bytes: Int, latency: UInt64)
    /// The origin says that a file is gone, or another one: its folder is to be looked at.
    func noteStale(origin: Int64, path: [UInt8])
}
