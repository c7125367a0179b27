import MusicFSSystem

/// One measured value, beside a peer's where there is one.
struct Row {
    enum Better: String { case lower, higher }

    var name: String
    var ours: Double
    var unit: String
    var better: Better
    var peer: (name: String, value: Double)?
    /// What ours divided by the peer's is to be, at least or at most.
    var targetRatio: Double?
    /// What ours is to be, in its unit.
    var target: Double?

    var ratio: Double? { peer.flatMap { $0.value > 0 ? ours / $0.value : nil } }

    /// nil where there is no target.
    var isMet: Bool? {
        func meets(_ value: Double, _ target: Double) -> Bool { better == .lower ? value <= target : value >= target }
        if let targetRatio { return ratio.map { meets($0, targetRatio) } }
        return target.map { meets(ours, $0) }
    }
}

/// The rows as a table of Markdown.
func tableText(of rows: [Row]) -> String {
    var lines = [["name", "ours", "peer", "peer name", "unit", "ratio", "target", "met"]]
    lines.append(lines[0].map { String(repeating: "-", count: $0.count) })
    for row in rows {
        let sign = row.better == .lower ? "≤" : "≥"
        let target = row.targetRatio.map { "\(sign) \(short($0)) × peer" } ?? row.target.map { "\(sign) \(short($0))" }
        lines.append([
            row.name, short(row.ours), row.peer.map { short($0.value) } ?? "", row.peer?.name ?? "", row.unit,
            row.ratio.map(short) ?? "", target ?? "", row.isMet.map { $0 ? "yes" : "no" } ?? "",
        ])
    }
    let widths = lines[0].indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
        "| "
            + zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: " | ")
            + " |\n"
    }.joined()
}

/// The rows in the form that docs/performance.md names.
func jsonText(of rows: [Row], bench: String) -> String {
    func number(_ value: Double?) -> String { value.map { $0.isFinite ? "\($0)" : "null" } ?? "null" }
    func text(_ value: String?) -> String {
        // Names and units are this program's own; the machine's name is filtered where it is read.
        value.map { "\"\($0)\"" } ?? "null"
    }
    let members = rows.map { row in
        """
        {"name":\(text(row.name)),"ours":\(number(row.ours)),"peer":\(number(row.peer?.value)),\
        "peer_name":\(text(row.peer?.name)),"unit":\(text(row.unit)),"ratio":\(number(row.ratio)),\
        "better":\(text(row.better.rawValue)),"target_ratio":\(number(row.targetRatio)),\
        "target":\(number(row.target)),"met":\(row.isMet.map { "\($0)" } ?? "null")}
        """
    }
    return """
        {"bench":\(text(bench)),"machine":\(text(machine())),"rows":[\(members.joined(separator: ","))]}

        """
}

/// Cores, memory and kernel, as one line.
func machine() -> String {
    func lines(_ path: FilePath) -> [Substring] {
        String(decoding: (try? readFile(path)) ?? [], as: UTF8.self).split(separator: "\n")
    }
    let processors = lines("/proc/cpuinfo")
    let cores = processors.count { $0.hasPrefix("processor") }
    let model = processors.first { $0.hasPrefix("model name") }?.split(separator: ":").last ?? "unknown processor"
    let memory = lines("/proc/meminfo").first { $0.hasPrefix("MemTotal") }?.split(separator: " ")
    let gibibytes = memory.flatMap { $0.count > 1 ? Double($0[1]) : nil }.map { $0 / 1_048_576 } ?? 0
    let kernel = lines("/proc/sys/kernel/osrelease").first ?? "unknown"
    let line = "\(cores) cores (\(model.drop { $0 == " " })), \(short(gibibytes)) GiB, Linux \(kernel)"
    return String(line.filter { $0 != "\"" && $0 != "\\" && $0 >= " " })
}

/// Three digits that count, without exponents.
func short(_ value: Double) -> String {
    guard value.isFinite else { return "?" }
    let magnitude = value.magnitude
    if magnitude >= 100 { return String(Int(value.rounded())) }
    let decimals = magnitude >= 10 ? 10.0 : magnitude >= 1 ? 100.0 : 1000.0
    let rounded = (value * decimals).rounded() / decimals
    return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
}

func median(_ values: [Double]) -> Double { percentile(values, 0.5) }

/// - Returns: 0 for no values.
func percentile(_ values: [Double], _ share: Double) -> Double {
    let sorted = values.sorted()
    if sorted.isEmpty { return 0 }
    if share == 0.5, sorted.count % 2 == 0 { return (sorted[sorted.count / 2 - 1] + sorted[sorted.count / 2]) / 2 }
    return sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
}

/// How long `body` takes, in seconds.
func seconds(_ body: () throws -> Void) rethrows -> Double {
    let begin = monotonicNanoseconds()
    try body()
    return Double(monotonicNanoseconds() - begin) / 1e9
}
