import Foundation
import MusicFSControl
import MusicFSCore
import Testing

let sampleStatus = StatusReport(
    name: "music", version: "1.0", state: "ready", mountPoint: "/mnt/music", cacheDirectory: "/c", stateDirectory: "/s",
    pid: 7, guardianPID: 6, uptimeSeconds: 5,
    restarts: 0, lastCrash: nil, tracks: 1, directories: 2, quarantined: 3, openFiles: 4, fuseOperations: 5,
    residentBytes: 6, descriptors: 7,
    origins: [
        OriginReport(
            id: "local", type: "local", health: "healthy", message: nil, tracks: 1, replicas: 1,
            latencyMilliseconds: 0.5, lastCheck: Timestamp(nanoseconds: 1), lastScan: nil, isSuspect: false,
            isWatching: true)
    ], cache: CacheUse(usedBytes: 1, maxBytes: 2), search: SearchUse(documents: 1, pending: 0, state: "ready"),
    tasks: [TaskReport(name: "watch", state: "running", attempt: 1, since: Timestamp(nanoseconds: 0))],
    events: EventsReport(capacity: 1024, lagged: 0),
    stores: [StoreCheckReport(name: "library", checked: Timestamp(nanoseconds: 0), problems: [])],
    degradedBecause: [])

@Suite struct ReportTests {
    private func object(_ value: some Encodable) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(try JSON.encode(value))) as? [String: Any])
    }

    @Test func aStatusHasTheKeysThatOtherProgramsRead() throws {
        let status = try object(sampleStatus)
        #expect(
            status.keys.sorted() == [
                "cache", "cache_dir", "degraded_because", "directories", "events", "fds", "fuse_ops_total",
                "guardian_pid",
                "last_crash",
                "mount_point", "name", "open_files", "origins", "pid", "quarantined", "restarts", "rss_bytes", "search",
                "state",
                "state_dir",
                "stores", "tasks", "tracks", "uptime_s", "version",
            ])
        #expect(status["last_crash"] is NSNull)
        let origin = try #require((status["origins"] as? [[String: Any]])?.first)
        #expect(
            origin.keys.sorted() == [
                "health", "id", "last_check", "last_scan", "latency_ms", "message", "replicas", "suspect", "tracks",
                "type", "watching",
            ])
        #expect(origin["last_check"] as? String == "1970-01-01T00:00:00.000000001Z")
        #expect((status["events"] as? [String: Any])?.keys.sorted() == ["capacity", "lagged_total"])
        #expect(
            (status["tasks"] as? [[String: Any]])?.first?.keys.sorted() == ["attempt", "name", "since", "state"])
        var crashed = sampleStatus
        crashed.lastCrash = CrashReport(time: Timestamp(nanoseconds: 0), signal: "SIGSEGV", summary: "x")
        #expect(
            (try object(crashed)["last_crash"] as? [String: Any])?.keys.sorted() == ["signal", "summary", "time"])
        for report in [sampleStatus, crashed] {
            #expect(try JSON.decode(StatusReport.self, from: JSON.encode(report)) == report)
        }
    }

    @Test func aKeyThatIsMissingIsNullAndAnUnknownOneIsIgnored() throws {
        var status = try object(sampleStatus)
        status["last_crash"] = nil
        status["future"] = ["documents": 1]
        let bytes = [UInt8](try JSONSerialization.data(withJSONObject: status))
        #expect(try JSON.decode(StatusReport.self, from: bytes) == sampleStatus)
    }

    @Test func progressLeavesOutWhatItDoesNotKnow() throws {
        #expect(
            try object(ScanProgress(origin: "a", phase: .walking)).keys.sorted() == [
                "files_changed", "files_new", "files_per_second", "files_removed", "files_seen", "origin", "phase",
            ])
        let full = ScanProgress(
            origin: "a", phase: .done, filesSeen: 1, filesTotal: 2, filesNew: 3, filesChanged: 4, filesRemoved: 5,
            filesPerSecond: 1.5, etaSeconds: 0, isSuspect: true, error: "x")
        #expect(try object(full).keys.count == 11)
        #expect(try JSON.decode(ScanProgress.self, from: JSON.encode(full)) == full)
        #expect(throws: ControlError.self) {
            _ = try JSON.encode(ScanProgress(origin: "a", phase: .walking, filesPerSecond: .nan))
        }
    }

    @Test func anInfoReportShowsWhatTheMediaReportHolds() throws {
        let media = MediaReport(
            tags: Tags(
                entries: [.init(.artist, "A"), .init(.title, "T"), .init(.artist, "B")], custom: [.init("MOOD", "x")]),
            properties: AudioProperties(
                durationMilliseconds: 1000, bitrate: 320, sampleRate: 44100, channels: 2, bitsPerSample: 16),
            layout: AudioLayout(audioStart: 10, audioEnd: 20, checksum: [0x0a, 0xff]),
            pictures: [EmbeddedPicture(type: 3, mimeType: "image/png", size: 5, offset: nil)])
        let report = InfoReport(
            path: "A/T.flac", trackID: 9, size: 20, media: media,
            replicas: [
                ReplicaReport(
                    origin: "local", realPath: "/m/t.flac", size: 20,
                    mtime: Timestamp(nanoseconds: 1_700_000_000_123_456_789),
                    isHealthy: true, isPreferred: true)
            ], plan: "passthrough", cachedBytes: 0)
        #expect(report.tags == ["artist": ["A", "B"], "title": ["T"]])
        let json = try object(report)
        #expect(
            json.keys.sorted() == [
                "cached_bytes", "custom", "layout", "path", "pictures", "plan", "properties", "replicas", "size",
                "tags",
                "track_id",
            ])
        #expect((json["layout"] as? [String: Any])?["checksum"] as? String == "0aff")
        let replica = try #require((json["replicas"] as? [[String: Any]])?.first)
        #expect(replica.keys.sorted() == ["healthy", "mtime", "origin", "preferred", "real_path", "size"])
        #expect(replica["mtime"] as? String == "2023-11-14T22:13:20.123456789Z")
        #expect(try JSON.decode(InfoReport.self, from: JSON.encode(report)) == report)
    }

    @Test func timesAgreeWithFoundationAndComeBack() throws {
        let formatter = ISO8601DateFormatter()
        for _ in 0..<2000 {
            let time = Timestamp(nanoseconds: Int64.random(in: .min ... .max))
            #expect(Timestamp(time.description) == time)
            let seconds = Int64.random(in: -9_000_000_000...9_000_000_000)
            let whole = Timestamp(nanoseconds: seconds * 1_000_000_000)
            #expect(whole.description == formatter.string(from: Date(timeIntervalSince1970: Double(seconds))))
        }
        for edge in [Int64.min, .max, 0, -1] {
            #expect(Timestamp(Timestamp(nanoseconds: edge).description)?.nanoseconds == edge)
        }
        #expect(Timestamp("2000-02-29T00:00:00Z")?.nanoseconds == 951_782_400_000_000_000)
        #expect(Timestamp("2026-01-01T02:00:00.5+02:00") == Timestamp("2026-01-01T00:00:00.500Z"))
        #expect(Timestamp("2026-01-01T00:00:00-00:30") == Timestamp("2026-01-01T00:30:00Z"))
        for text in [
            "", "2026", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "1900-02-29T00:00:00Z",
            "0000-01-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z", "2026-01-01T00:00:00Zx", "9999-01-01T00:00:00Z",
            "2026-01-01T00:00:00+9:00",
        ] { #expect(Timestamp(text) == nil, "\(text)") }
    }
}
