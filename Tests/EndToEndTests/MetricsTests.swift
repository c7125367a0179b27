import Foundation
import MusicFSSystem
import TestSupport
import Testing

/// A page in the Prometheus text format 0.0.4, read strictly.
private struct MetricsReader {
    struct Family {
        var type: String
        var hasHelp: Bool
    }

    var families: [String: Family] = [:]
    /// By the name with its labels as they stand.
    var samples: [String: Double] = [:]
    var problems: [String] = []

    init(_ text: String) {
        if !text.hasSuffix("\n") { problems.append("the last line has no end") }
        var current = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix("# HELP ") {
                current = String(line.dropFirst(7).prefix { $0 != " " })
                if families.updateValue(Family(type: "", hasHelp: true), forKey: current) != nil {
                    problems.append("twice: \(current)")
                }
            } else if line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ")
                if words.count != 4 || words[2] != current { problems.append("misplaced: \(line)") }
                if !["counter", "gauge", "histogram", "summary"].contains(words[3]) {
                    problems.append("type: \(line)")
                }
                families[current]?.type = String(words[3])
            } else {
                take(line, of: current)
            }
        }
    }

    private mutating func take(_ line: Substring, of family: String) {
        guard
            let match = try?
                /([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)/
                .wholeMatch(in: line),
            let value = Double(match.3.replacing("+Inf", with: "inf"))
        else { return problems.append("no sample: \(line)") }
        let name = String(match.1)
        let type = families[family]?.type ?? ""
        let endings = ["histogram": ["_bucket", "_sum", "_count"], "summary": ["", "_sum", "_count"]][type] ?? [""]
        if !endings.contains(where: { name == family + $0 }) { problems.append("misplaced: \(line)") }
        if type == "counter", !(value >= 0 && value == value.rounded()) { problems.append("no count: \(line)") }
        let key = name + (match.2 ?? "")
        if samples.updateValue(value, forKey: key) != nil { problems.append("twice: \(key)") }
    }

    subscript(_ key: String) -> Double { samples[key] ?? -.infinity }
}

extension EndToEnd {
    @Suite struct MetricsTests {
        private func page(_ library: MountedLibrary) throws -> MetricsReader {
            let answer = try run(
                "curl", "-s", "-D", "/dev/stderr", "--unix-socket", library.socket.description,
                "http://localhost/metrics")
            // Headers first, then the page.
            let parts = answer.text.components(separatedBy: "\r\n\r\n")
            try #require(
                parts.count == 2 && parts[0].contains("text/plain; version=0.0.4"), "\(answer.text.prefix(500))")
            return MetricsReader(parts[1])
        }

        @Test(.timeLimit(.minutes(1))) func numbersMoveByWhatIsDone() throws {
            let library = try MountedLibrary()
            try writeAudio(library.origin.appending("1.wav"), megabytes: 2)
            library.configuration = Section.directory(
                library.origin, id: "lo.cal", type: "local", extra: "cache = \"always\"")
            try library.start()
            #expect(eventually { (try? library.files().count) == 1 })
            let before = try page(library)
            #expect(before.problems == [])
            let shown = library.mount.appending(try #require(try library.files().first))
            let size = Double(try FileStatus.of(shown).size)
            let held = try open(shown, [.read])
            #expect(try readFully(held.raw, at: 0, count: 4 << 20).count == Int(size))
            #expect(throws: SystemError.self) { try FileStatus.of(library.mount.appending("absent")) }
            let reading = try page(library)
            #expect(reading["musicfs_open_files"] == 1)
            #expect(eventually { (try? page(library))?["musicfs_cache_chunks_total"] ?? 0 > 20 })
            try writeAudio(library.origin.appending("2.wav"), megabytes: 1)
            #expect(eventually { (try? library.files().count) == 2 })
            let follower = try ChildProcess.start(
                FilePath(Programs.musicfs), arguments: ["musicfs", "events", "--name", library.name],
                descriptors: [(try open("/dev/null", [.write]).release(), 1)])
            #expect(eventually { (try? page(library))?["musicfs_event_subscribers"] == 1 })
            follower.send(SIGKILL)
            _ = follower.wait(until: monotonicNanoseconds() + 5_000_000_000)
            let after = try page(library)
            #expect(after.problems == [])
            // What grows by each of these, and by how much at least.
            let label = "{origin=\"lo.cal\"}"
            for (key, growth) in [
                "musicfs_fuse_ops_total{op=\"read\"}": 1, "musicfs_fuse_ops_total{op=\"open\"}": 1,
                "musicfs_fuse_ops_total{op=\"lookup\"}": 1, "musicfs_fuse_latency_seconds_count{op=\"read\"}": 1,
                "musicfs_fuse_latency_seconds_sum{op=\"read\"}": 1e-6,
                "musicfs_fuse_callback_seconds_count{op=\"read\"}": 1,
                "musicfs_fuse_callback_seconds_bucket{op=\"read\",le=\"+Inf\"}": 1,
                "musicfs_fuse_read_bytes_total": size, "musicfs_cache_misses_total": 1,
                "musicfs_cache_size_bytes": size,
                "musicfs_origin_requests_total" + label: 1, "musicfs_origin_fetched_bytes_total" + label: size,
                "musicfs_sync_files_changed" + label: 1, "musicfs_tracks": 1, "musicfs_origin_tracks" + label: 1,
                "musicfs_files": 1, "musicfs_events_total": 3, "musicfs_processor_seconds": 1e-4,
                "musicfs_uptime_seconds": 1e-3,
            ] { #expect(after[key] - before[key] >= growth, "\(key): \(before[key]) to \(after[key])") }
            // A request is answered once, whichever thread does it.
            for operation in ["open", "read", "lookup", "getattr", "readdir"] {
                let count = after["musicfs_fuse_latency_seconds_count{op=\"\(operation)\"}"]
                #expect(abs(count - after["musicfs_fuse_ops_total{op=\"\(operation)\"}"]) <= 1, "\(operation)")
            }
            let quantiles = ["0.5", "0.95", "0.99"].map {
                after["musicfs_fuse_latency_seconds{op=\"read\",quantile=\"\($0)\"}"]
            }
            #expect(quantiles == quantiles.sorted() && quantiles[0] > 0 && quantiles[2] < 60, "\(quantiles)")
            for (key, range) in [
                "musicfs_origin_health" + label: 1.0...1, "musicfs_state{state=\"ready\"}": 0...1,
                "musicfs_build_info{version=\"0.1.0\"}": 1...1, "musicfs_fuse_queue_depth": 0...1000,
                "musicfs_origin_errors_total" + label: 0...0, "musicfs_events_lagged_total": 0...0,
                "musicfs_server_restarts_total": 0...0, "musicfs_cache_hits_total": 0...1e9,
                "process_open_fds": 10...10_000, "process_max_fds": 256...1e10,
                "process_resident_memory_bytes": 1e6...1e10, "process_start_time_seconds": 1.7e9...1e10,
                "musicfs_disk_free_bytes{directory=\"cache\"}": 1...1e18,
                "musicfs_disk_size_bytes{directory=\"state\"}": 1...1e18,
                "musicfs_task_restarts_total{task=\"accesses\"}": 0...0, "musicfs_cache_buffer_bytes": 0...1e9,
                "musicfs_fuse_oldest_callback_seconds": 0...60, "musicfs_quarantined": 0...0,
            ] { #expect(range.contains(after[key]), "\(key): \(after[key])") }
            withExtendedLifetime(held) {}
        }
    }
}
