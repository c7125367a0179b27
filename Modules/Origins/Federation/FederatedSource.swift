package import MusicFSCore
import MusicFSSystem
import Synchronization

/// Reads one content version from whichever of its replicas answers (D10).
///
/// All of them hold the same bytes, so that a file can change over from one to another in the middle; each is read at
/// its own stamp, and one that is another version by now is left out.
package final class FederatedSource: RangeSource {
    let replicas: [ReplicaLocation]
    let routing: any ReplicaRouting
    let scheduler: Scheduler
    let settings: FederationSettings
    let memory: MemoryPool
    private let lastServed = Atomic<Int64>(0)

    /// - Parameters:
    ///   - replicas: not empty.
    ///   - memory: where what is read is put.
    package init(
        replicas: [ReplicaLocation], routing: any ReplicaRouting, scheduler: Scheduler, settings: FederationSettings,
        memory: MemoryPool
    ) {
        self.replicas = replicas
        self.routing = routing
        self.scheduler = scheduler
        self.settings = settings
        self.memory = memory
    }

    /// The origin that gave the bytes of the last fetch; nil before the first.
    package var servedFrom: Int64? {
        let id = lastServed.load(ordering: .relaxed)
        return id == 0 ? nil : id
    }

    /// Positions in `replicas` in the order in which they are to be asked now, without those that are not worth it.
    var order: [Int] {
        routing.order(replicas.map { ($0.origin.id, $0.priority) })
            .compactMap { id in replicas.firstIndex { $0.origin.id == id } }
            .filter { routing.isUsable(origin: replicas[$0].origin.id) }
    }

    /// The replica that a fetch would ask first now; nil where none is worth asking.
    package var first: ReplicaLocation? { order.first.map { replicas[$0] } }

    package func fetch(
        _ parts: [Range<Int64>],
        completion: @escaping @Sendable (_ part: Int, Result<ContentBytes, ContentError>) -> Void
    ) {
        RangeFetch(self, parts, completion).start()
    }

    func served(by origin: Int64) { lastServed.store(origin, ordering: .relaxed) }
}

/// How patient reading from replicas is (D10).
package struct FederationSettings: Hashable, Sendable {
    /// The whole time of one read, over all tries and replicas.
    package var budget = Duration.seconds(30)
    /// The same where there are only replicas on local disks.
    package var localBudget = Duration.seconds(5)
    /// After which the next replica is asked beside one that has not answered.
    package var hedge = Duration.seconds(2)
    /// The pauses before further tries on one replica.
    package var retries: [Duration] = [.milliseconds(100), .milliseconds(500), .seconds(2)]

    package init() {}
}
