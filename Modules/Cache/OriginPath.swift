/// A file by where it lies: what it is called in the mount, and its ids, may change.
package struct OriginPath: Hashable, Sendable {
    /// The configuration's id of the origin.
    package var origin: String
    /// Below the origin's root.
    package var path: [UInt8]

    package init(origin: String, path: [UInt8]) {
        self.origin = origin
        self.path = path
    }
}
