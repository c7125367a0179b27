import CLinux

/// Nanoseconds of CLOCK_MONOTONIC: for deadlines and durations; never goes back, stands still in suspend.
package func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}

/// Nanoseconds since 1970 of the wall clock: for showing only, never subtracted.
package func wallClockNanoseconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
}

/// The hour of the day, from 0 to 23, that a moment has where this machine is (localtime_r).
///
/// - Parameter nanoseconds: since 1970.
package func localHour(_ nanoseconds: Int64) -> Int {
    var moment = time_t(nanoseconds / 1_000_000_000)
    var parts = unsafe tm()
    guard unsafe localtime_r(&moment, &parts) != nil else { return 0 }
    return min(max(Int(unsafe parts.tm_hour), 0), 23)
}

extension ThisProcess {
    /// Nanoseconds that its threads have run, in the kernel too.
    package static var processorNanoseconds: UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
