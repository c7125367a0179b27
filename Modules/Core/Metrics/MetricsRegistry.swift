import Synchronization

/// All metrics of a program, by name and labels.
///
/// A metric is created once and kept by the code that counts with it; asking again for the same name and labels gives
/// the same one. Names, and label names, are the program's own constants, so a malformed or contradictory one stops
/// the program; label values may be anything.
package final class MetricsRegistry: Sendable {
    enum Metric: Sendable {
        case counter(Counter)
        case gauge(Gauge)
        case computedCounter(@Sendable () -> UInt64)
        case computedGauge(@Sendable () -> Double)
        case histogram(Histogram)
        case summary(Summary)

        /// The word of the TYPE line.
        var type: String {
            switch self {
            case .counter, .computedCounter: "counter"
            case .gauge, .computedGauge: "gauge"
            case .histogram: "histogram"
            case .summary: "summary"
            }
        }
    }

    struct Family: Sendable {
        var help: String
        var type: String
        /// By the labels as they are rendered.
        var metrics: [String: Metric] = [:]
    }

    private let families = Mutex<[String: Family]>([:])

    package init() {}

    package func counter(
        _ name: String, help: String, labels: KeyValuePairs<String, String> = [:]
    ) -> Counter {
        guard case .counter(let counter) = metric(name, help, labels, else: .counter(Counter())) else {
            preconditionFailure("metric \(name) is no counter")
        }
        return counter
    }

    package func gauge(_ name: String, help: String, labels: KeyValuePairs<String, String> = [:]) -> Gauge {
        guard case .gauge(let gauge) = metric(name, help, labels, else: .gauge(Gauge())) else {
            preconditionFailure("metric \(name) is no gauge")
        }
        return gauge
    }

    package func histogram(
        _ name: String, help: String, labels: KeyValuePairs<String, String> = [:]
    ) -> Histogram {
        guard case .histogram(let histogram) = metric(name, help, labels, else: .histogram(Histogram())) else {
            preconditionFailure("metric \(name) is no histogram")
        }
        return histogram
    }

    package func summary(_ name: String, help: String, labels: KeyValuePairs<String, String> = [:]) -> Summary {
        guard case .summary(let summary) = metric(name, help, labels, else: .summary(Summary())) else {
            preconditionFailure("metric \(name) is no summary")
        }
        return summary
    }

    /// A counter that somebody else keeps: `read` is called at each rendering, on the thread that renders.
    package func counter(
        _ name: String, help: String, labels: KeyValuePairs<String, String> = [:],
        read: @escaping @Sendable () -> UInt64
    ) {
        _ = metric(name, help, labels, else: .computedCounter(read))
    }

    /// A gauge that is asked for at each rendering, on the thread that renders.
    package func gauge(
        _ name: String, help: String, labels: KeyValuePairs<String, String> = [:],
        read: @escaping @Sendable () -> Double
    ) {
        _ = metric(name, help, labels, else: .computedGauge(read))
    }

    /// All families, for rendering, which calls out and so must not hold the lock.
    var snapshot: [String: Family] { families.withLock { $0 } }

    private func metric(
        _ name: String, _ help: String, _ labels: KeyValuePairs<String, String>, else new: Metric
    ) -> Metric {
        precondition(isMetricName(name) && labels.allSatisfy { isLabelName($0.key) }, "metric \(name) is misnamed")
        let key = renderLabels(labels)
        return families.withLock { families in
            var family = families[name] ?? Family(help: help, type: new.type)
            precondition(family.type == new.type, "metric \(name) is a \(family.type) and a \(new.type)")
            if let known = family.metrics[key] { return known }
            family.metrics[key] = new
            families[name] = family
            return new
        }
    }
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`, as the exposition format asks.
private func isMetricName(_ name: String) -> Bool {
    isLabelName(name.filter { $0 != ":" }) && name.utf8.allSatisfy { $0 < 0x80 }
}

private func isLabelName(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
    return name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
