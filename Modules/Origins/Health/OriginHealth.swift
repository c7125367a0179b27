/// What is known of an origin's state: a pure state machine over the results of checks and requests.
package struct OriginHealth: Hashable, Sendable {
    package enum Status: String, Hashable, Sendable {
        case unknown, healthy, degraded, unhealthy
    }

    package private(set) var status = Status.unknown
    /// Why it is not healthy.
    package private(set) var message: String?
    /// Failures in a row.
    private var failures = 0
    /// Of the last 20 requests that were answered, in nanoseconds.
    private var latencies: [UInt64] = []
    private let threshold: Int
    private let slow: UInt64

    /// - Parameters:
    ///   - threshold: how many failures in a row make it unhealthy.
    ///   - slow: the median latency in nanoseconds above which it is degraded.
    package init(threshold: Int, slow: UInt64) {
        self.threshold = max(1, threshold)
        self.slow = slow
    }

    /// An answer came, whatever it said of a file.
    package mutating func noteAnswer(latency: UInt64) {
        latencies.append(latency)
        if latencies.count > 20 { latencies.removeFirst() }
        failures = 0
        let isSlow = latencies.count == 20 && (medianLatency ?? 0) > slow
        status = isSlow ? .degraded : .healthy
        message = isSlow ? "it is slow: half of its answers take more than \(slow / 1_000_000) ms" : nil
    }

    /// No answer came, or it refused as a whole.
    package mutating func noteFailure(_ error: OriginError) {
        message = error.message
        // A name that cannot be resolved is mostly our own network's trouble, and short (resilience 4.2.5).
        if error.code == .nameResolution {
            if status != .unhealthy { status = .degraded }
            return
        }
        failures += 1
        status = failures >= threshold ? .unhealthy : .degraded
    }

    /// Nanoseconds; nil before the first answer.
    package var medianLatency: UInt64? { latencies.isEmpty ? nil : latencies.sorted()[latencies.count / 2] }

    /// Lower is better.
    var rank: Int {
        switch status {
        case .healthy: 0
        case .unknown, .degraded: 1
        case .unhealthy: 2
        }
    }
}
