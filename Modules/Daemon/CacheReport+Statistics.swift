import MusicFSCAS
import MusicFSControl

extension CacheReport {
    init(_ statistics: CacheStatistics) {
        self.init()
        usedBytes = statistics.usedBytes
        maxBytes = statistics.maxBytes
        chunks = statistics.chunks
        chunksUnique = statistics.chunks
        references = statistics.references
        dedupRatio = statistics.dedupRatio
        savedBytes = statistics.savedBytes
        pinnedBytes = statistics.pinnedBytes
        hits = Int64(clamping: statistics.hits)
        misses = Int64(clamping: statistics.misses)
        hitRatio = statistics.hitRatio
        evictedBytes = statistics.evictedBytes
        error = statistics.isOff ? statistics.lastError ?? "its disk gives errors" : nil
    }
}

extension CacheProgress {
    init(_ report: StoreReport, isFinished: Bool, total: Int64?) {
        self.init()
        done = Int64(report.chunks)
        self.total = total
        bytes = report.bytes
        damaged = Int64(report.damaged)
        missing = Int64(report.missing)
        orphans = Int64(report.orphans)
        strays = Int64(report.strays)
        self.isFinished = isFinished
    }
}
