import MusicFSSystem

/// From the process's start to READY, for libraries of growing size; no file of theirs exists.
func measureMount(_ place: Workplace) throws -> [Row] {
    var sizes = place.quick ? [10, 1000] : [10, 100_000, 1_000_000]
    if place.large { sizes.append(10_000_000) }
    var rows: [Row] = []
    var smallest: Double?
    for size in sizes {
        let directories = try place.database(tracks: size)
        var times: [Double] = []
        for _ in 0..<(place.quick ? 3 : 11) {
            times.append(try place.withMount(directories) { $0.readySeconds * 1000 })
        }
        let time = median(times)
        rows.append(Row(name: "mount_ready_\(size)", ours: time, unit: "ms", better: .lower, target: 100))
        if let smallest {
            rows.append(
                Row(
                    name: "mount_ready_\(size)_growth", ours: time, unit: "ms", better: .lower,
                    peer: ("ours, 10 tracks", smallest), targetRatio: 1.2))
        } else {
            smallest = time
        }
    }
    return rows
}

/// Anonymous memory of all processes, idle after the mount and after a full `find`.
func measureMemory(_ place: Workplace) throws -> [Row] {
    var sizes = [place.quick ? 1000 : 1_000_000]
    if place.large { sizes.append(10_000_000) }
    var rows: [Row] = []
    for size in sizes {
        let directories = try place.database(tracks: size)
        try place.withMount(directories) { mount in
            // Idle is when it has settled: the same twice in a row, a second apart.
            let idle = settled { mount.anonymousMemory() }
            rows.append(
                Row(name: "memory_idle_\(size)", ours: megabytes(idle), unit: "MB", better: .lower, target: 50))
            _ = try findSeconds(place, mount.point)
            let after = settled { mount.anonymousMemory() }
            rows.append(
                Row(
                    name: "memory_after_find_\(size)", ours: megabytes(after), unit: "MB", better: .lower,
                    target: size <= 1_000_000 ? 120 : nil))
        }
    }
    return rows
}

private func megabytes(_ bytes: Int) -> Double { Double(bytes) / 1e6 }

/// The value that changes by less than a hundredth in a second; the last one after thirty seconds.
private func settled(_ value: () -> Int) -> Int {
    var last = value()
    for _ in 0..<30 {
        _ = pollReadable([], milliseconds: 1000)
        let now = value()
        if (now - last).magnitude * 100 < now.magnitude { return now }
        last = now
    }
    return last
}
