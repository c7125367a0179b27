extension MetricsRegistry {
    /// All metrics in the Prometheus text exposition format 0.0.4, families and label sets in alphabetical order.
    package func renderPrometheus() -> String {
        var text = ""
        for (name, family) in snapshot.sorted(by: { $0.key < $1.key }) {
            text += "# HELP \(name) \(escape(family.help, quotes: false))\n# TYPE \(name) \(family.type)\n"
            for (labels, metric) in family.metrics.sorted(by: { $0.key < $1.key }) {
                render(name, labels, metric, into: &text)
            }
        }
        return text
    }
}

private func render(_ name: String, _ labels: String, _ metric: MetricsRegistry.Metric, into text: inout String) {
    let braced = labels.isEmpty ? "" : "{\(labels)}"
    switch metric {
    case .counter(let counter): text += "\(name)\(braced) \(counter.value)\n"
    case .computedCounter(let read): text += "\(name)\(braced) \(read())\n"
    case .gauge(let gauge): text += "\(name)\(braced) \(number(gauge.value))\n"
    case .computedGauge(let read): text += "\(name)\(braced) \(number(read()))\n"
    case .summary(let summary):
        let snapshot = summary.snapshot
        let prefix = labels.isEmpty ? "" : labels + ","
        for (quantile, value) in zip(Summary.quantiles, snapshot.quantiles) {
            let seconds = value.map { number(Double($0) / 1e9) } ?? "NaN"
            text += "\(name){\(prefix)quantile=\"\(number(quantile))\"} \(seconds)\n"
        }
        text += "\(name)_sum\(braced) \(number(Double(snapshot.sumNanoseconds) / 1e9))\n"
        text += "\(name)_count\(braced) \(snapshot.count)\n"
    case .histogram(let histogram):
        let snapshot = histogram.snapshot
        let bounds = Histogram.bounds.map { number(Double($0) / 1e9) } + ["+Inf"]
        let prefix = labels.isEmpty ? "" : labels + ","
        for (bound, count) in zip(bounds, snapshot.cumulative) {
            text += "\(name)_bucket{\(prefix)le=\"\(bound)\"} \(count)\n"
        }
        text += "\(name)_sum\(braced) \(number(Double(snapshot.sumNanoseconds) / 1e9))\n"
        text += "\(name)_count\(braced) \(snapshot.count)\n"
    }
}

/// `a="x",b="y"` in the order given.
func renderLabels(_ labels: KeyValuePairs<String, String>) -> String {
    labels.map { "\($0.key)=\"\(escape($0.value, quotes: true))\"" }.joined(separator: ",")
}

private func escape(_ text: String, quotes: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\"" where quotes: result += "\\\""
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

private func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if let whole = Int64(exactly: value) { return String(whole) }
    return value.description
}
