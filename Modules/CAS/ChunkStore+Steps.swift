import MusicFSCore

extension ChunkStore {
    /// What the writing thread does at one go.
    struct Step {
        var finished: [ChunkGroup.Outcome]
        var puts: [Put] = []
        var jobs: [@Sendable (ChunkWriter?) throws -> Void] = []
    }
}

extension ChunkStore.Work {
    /// So many bytes are taken at a time, as their memory is free when they are written, not when all are.
    private static let stepBytes = 8 << 20

    /// Whether there is something to do for the writing thread now.
    var hasStep: Bool { !finished.isEmpty || canTakePuts || canRunJobs || isClosing && isIdle }

    var isIdle: Bool { puts.isEmpty && jobs.isEmpty && finished.isEmpty && underWay == 0 }

    /// What was put before a job is stored before it is done, and the rest waits for it.
    private var canTakePuts: Bool {
        !puts.isEmpty && underWay < ChunkStore.fileThreads && takenPuts < jobs.first?.after ?? .max
    }

    private var canRunJobs: Bool { underWay == 0 && takenPuts >= jobs.first?.after ?? .max }

    mutating func addJob(_ body: @escaping @Sendable (ChunkWriter?) throws -> Void) {
        jobs.append(ChunkStore.Job(after: takenPuts + puts.count, body: body))
    }

    mutating func takeStep() -> ChunkStore.Step {
        var step = ChunkStore.Step(finished: finished)
        underWay -= finished.count
        finished = []
        if canRunJobs {
            let count = jobs.prefix { $0.after <= takenPuts }.count
            step.jobs = jobs.prefix(count).map(\.body)
            jobs.removeFirst(count)
        } else if canTakePuts {
            step.puts = takePuts()
        }
        return step
    }

    private mutating func takePuts() -> [ChunkStore.Put] {
        let most = (jobs.first?.after ?? .max) - takenPuts
        var size = 0
        let count = puts.prefix(most).prefix { put in
            size += unsafe put.bytes.buffer.count
            return size <= Self.stepBytes
        }.count
        let taken = Array(puts.prefix(max(count, 1)))
        puts.removeFirst(taken.count)
        takenPuts += taken.count
        return taken
    }
}
