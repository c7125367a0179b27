package import MusicFSCore

/// What the kernel knows a directory or a content version by: 64 bits with all that a server needs to serve it.
///
///     63   62..60   59..46       45..36   35..0
///     0    plan     generation   epoch    nodes.id (directories) or versions.id (files)
///
/// The generation is that of the server which registered a passthrough file; else 0. The root is 1. What is in a virtual
/// directory has the plan 4 (`VirtualNode`).
package struct NodeID: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case directory
        case file(ReadPlan)
    }

    package var kind: Kind
    package var generation: UInt64
    package var epoch: UInt64
    package var id: Int64

    package static let root = NodeID(kind: .directory, generation: 0, epoch: 0, id: 1)
    static let rootRaw: UInt64 = 1

    package init(kind: Kind, generation: UInt64, epoch: UInt64, id: Int64) {
        self.kind = kind
        self.generation = generation & 0x3fff
        self.epoch = epoch & 0x3ff
        self.id = id & 0xf_ffff_ffff
    }

    /// - Returns: nil for a number that no server gave out.
    package init?(raw: UInt64) {
        if raw == NodeID.rootRaw {
            self = .root
            return
        }
        switch raw >> 60 {
        case 0: kind = .directory
        case UInt64(ReadPlan.direct.rawValue): kind = .file(.direct)
        case UInt64(ReadPlan.cached.rawValue): kind = .file(.cached)
        case UInt64(ReadPlan.passthrough.rawValue): kind = .file(.passthrough)
        default: return nil
        }
        generation = raw >> 46 & 0x3fff
        epoch = raw >> 36 & 0x3ff
        id = Int64(raw & 0xf_ffff_ffff)
    }

    package var raw: UInt64 {
        if id == 1, kind == .directory { return NodeID.rootRaw }
        let plan: UInt64 =
            switch kind {
            case .directory: 0
            case .file(let plan): UInt64(plan.rawValue)
            }
        return plan << 60 | generation << 46 | epoch << 36 | UInt64(id)
    }

    /// `st_ino` of a node: never that of another one, in this database or one that comes after it.
    package static func inode(epoch: UInt64, node: Int64) -> UInt64 {
        node == 1 ? 1 : (epoch & 0x3ff) << 36 | UInt64(node & 0xf_ffff_ffff)
    }
}
