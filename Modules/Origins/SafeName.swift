/// Names that come from a server.
enum SafeName {
    /// Whether a name is one component of a path and nothing else, whatever it will be joined to.
    static func isComponent(_ name: [UInt8]) -> Bool {
        !name.isEmpty && name != [UInt8(ascii: ".")] && name != [UInt8(ascii: "."), UInt8(ascii: ".")]
            && !name.contains(0) && !name.contains(UInt8(ascii: "/")) && name.count <= 1024
    }
}
