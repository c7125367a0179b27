import MusicFSCore

/// Names that come from a server.
enum SafeName {
    /// Whether a name is one component of a path and nothing else, whatever it will be joined to.
    static func isComponent(_ name: [UInt8]) -> Bool {
        !name.isEmpty && name != [UInt8(ascii: ".")] && name != [UInt8(ascii: "."), UInt8(ascii: ".")]
            && !name.contains(0) && !name.contains(UInt8(ascii: "/")) && name.count <= 1024
    }
}

/// What one listing has left out because its name could lead elsewhere: told once, however much it is.
struct LeftOutNames {
    private var count = 0
    private var example: [UInt8] = []

    /// Whether a name can be used; one that cannot is counted.
    mutating func accepts(_ name: [UInt8]) -> Bool {
        if SafeName.isComponent(name) { return true }
        add(name)
        return false
    }

    mutating func add(_ name: [UInt8]) {
        count += 1
        if example.isEmpty { example = Array(name.prefix(200)) }
    }

    func tell(_ log: Logger, _ origin: String) {
        if count == 0 { return }
        log.warning(
            "files were left out of a listing: their names could lead elsewhere, or cannot be read",
            metadata: [
                "origin": "\(origin)", "count": "\(count)", "example": "\(String(decoding: example, as: UTF8.self))",
            ])
    }
}
