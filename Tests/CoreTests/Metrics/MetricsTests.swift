import MusicFSCore
import MusicFSSystem
import Testing

@Suite struct MetricsTests {
    @Test func familiesAreRenderedOnceWithAllTheirMetrics() {
        let registry = MetricsRegistry()
        registry.counter("musicfs_fuse_ops_total", help: "Requests of the kernel.", labels: ["op": "read"])
            .increment(by: 3)
        registry.counter("musicfs_fuse_ops_total", help: "Requests of the kernel.", labels: ["op": "open"]).increment()
        registry.gauge("musicfs_cache_size_bytes", help: "Bytes\nin \\ the cache.").set(1 << 40)
        registry.gauge("musicfs_ratio", help: "Share.") { 0.25 }
        registry.counter("musicfs_events_lagged_total", help: "Lost.") { 7 }
        #expect(
            registry.renderPrometheus() == """
                # HELP musicfs_cache_size_bytes Bytes\\nin \\\\ the cache.
                # TYPE musicfs_cache_size_bytes gauge
                musicfs_cache_size_bytes 1099511627776
                # HELP musicfs_events_lagged_total Lost.
                # TYPE musicfs_events_lagged_total counter
                musicfs_events_lagged_total 7
                # HELP musicfs_fuse_ops_total Requests of the kernel.
                # TYPE musicfs_fuse_ops_total counter
                musicfs_fuse_ops_total{op="open"} 1
                musicfs_fuse_ops_total{op="read"} 3
                # HELP musicfs_ratio Share.
                # TYPE musicfs_ratio gauge
                musicfs_ratio 0.25

                """)
    }

    @Test func labelValuesCannotBreakALine() {
        let registry = MetricsRegistry()
        registry.gauge("musicfs_origin_health", help: "1 or 0.", labels: ["origin": "a\"} 9\n\\b"]).set(1)
        #expect(
            registry.renderPrometheus().split(separator: "\n").last
                == #"musicfs_origin_health{origin="a\"} 9\n\\b"} 1"#)
    }

    @Test func aHistogramCountsEachDurationInItsBucketAndAllAbove() {
        let registry = MetricsRegistry()
        let histogram = registry.histogram("musicfs_fuse_latency_seconds", help: "Time.", labels: ["op": "read"])
        histogram.record(.microseconds(100))
        histogram.record(.microseconds(101))
        histogram.record(.milliseconds(5))
        histogram.record(.seconds(2))
        let lines = registry.renderPrometheus().split(separator: "\n").dropFirst(2).map(String.init)
        let expected = zip(
            ["0.0001", "0.0005", "0.001", "0.005", "0.01", "0.05", "0.1", "0.5", "1", "+Inf"],
            [1, 2, 2, 3, 3, 3, 3, 3, 3, 4]
        ).map { "musicfs_fuse_latency_seconds_bucket{op=\"read\",le=\"\($0)\"} \($1)" }
        #expect(lines.dropLast(2) == expected[...])
        #expect(
            lines.suffix(2) == [
                "musicfs_fuse_latency_seconds_sum{op=\"read\"} 2.005201",
                "musicfs_fuse_latency_seconds_count{op=\"read\"} 4",
            ])
    }

    @Test func theSameNameAndLabelsAreTheSameMetric() {
        let registry = MetricsRegistry()
        let first = registry.counter("a_total", help: "", labels: ["x": "1"])
        #expect(registry.counter("a_total", help: "", labels: ["x": "1"]) === first)
        #expect(registry.counter("a_total", help: "", labels: ["x": "2"]) !== first)
    }

    @Test func nothingIsLostBetweenThreads() throws {
        let counter = Counter()
        let gauge = Gauge()
        let histogram = Histogram()
        let done = Collected<Int>()
        for index in 0..<4 {
            try startThread("count-\(index)") {
                for number in 0..<10_000 {
                    counter.increment()
                    gauge.add(number.isMultiple(of: 2) ? 3 : -1)
                    histogram.recordNanoseconds(UInt64(number) * 100_000)
                }
                done.add(index)
            }
        }
        #expect(done.values(4).count == 4)
        #expect(counter.value == 40_000)
        #expect(gauge.value == 40_000)
        #expect(histogram.snapshot.count == 40_000)
        #expect(histogram.snapshot.cumulative == histogram.snapshot.cumulative.sorted())
        #expect(histogram.snapshot.cumulative.first == 8, "0 and 100 µs of each thread")
    }

    @Test func aContradictionStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            let registry = MetricsRegistry()
            _ = registry.counter("a_total", help: "")
            _ = registry.gauge("a_total", help: "")
        }
        await #expect(processExitsWith: .failure) {
            _ = MetricsRegistry().counter("a total", help: "")
        }
    }
}
