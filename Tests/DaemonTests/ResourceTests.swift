import MusicFSSystem
import Testing

@testable import MusicFSDaemon

@Suite struct ResourceTests {
    @Test func descriptorsAreScarceAndThenShort() {
        var levels = ResourceLevels()
        let expected: [(Int, Bool, ResourceLevels.Level)] = [
            (799, false, .ample), (800, true, .scarce), (949, false, .scarce), (950, true, .exhausted),
            (10, true, .ample),
        ]
        for (count, isNew, level) in expected {
            let told = levels.noteDescriptors(count, limit: 1000)
            #expect(told == isNew && levels.descriptors == level, "\(count)")
        }
    }

    private func memory(
        resident: UInt64 = 10, anonymous: UInt64 = 10, high: UInt64? = nil, max: UInt64? = nil, events: UInt64 = 0,
        stalled: Double = 0
    ) -> ResourceLevels.Memory {
        var group = MemoryGroup()
        (group.anonymous, group.high, group.max, group.highEvents, group.stalled) = (
            anonymous, high, max, events, stalled
        )
        return ResourceLevels.Memory(resident: resident, group: group)
    }

    @Test func memoryIsShortNearItsLimitAndForAWhileAfterwards() {
        var levels = ResourceLevels()
        let quiet = memory(anonymous: 100, high: 1000)
        let looks: [(ResourceLevels.Memory, isShort: Bool, isScarce: Bool)] = [
            // Without a limit there is always enough.
            (memory(resident: 1 << 40), false, false), (memory(anonymous: 899, high: 1000), false, false),
            (memory(anonymous: 900, high: 1000), true, false), (quiet, true, false), (quiet, true, false),
            (quiet, false, false), (memory(resident: 800, max: 1000), true, true),
        ]
        for (look, isShort, isScarce) in looks {
            levels.note(look)
            #expect(levels.isMemoryShort == isShort && levels.isMemoryScarce == isScarce, "\(look)")
        }
    }

    /// A group that caches many files reaches its limit all the time, which is no reason to do with less.
    @Test func theKernelsFileCacheMakesNoMemoryShort() {
        var levels = ResourceLevels()
        // Events of memory.high, and what the group's processes have themselves.
        for (events, anonymous, isShort) in [(5, 400, false), (50, 400, false), (50, 600, false), (51, 600, true)] {
            levels.note(memory(anonymous: UInt64(anonymous), high: 1000, events: UInt64(events)))
            #expect(levels.isMemoryShort == isShort, "\(events) \(anonymous)")
        }
        var others = ResourceLevels()
        others.note(memory(stalled: 10))
        #expect(others.isMemoryShort)
    }

    @Test func whileOfflineThereIsALineNowAndThen() {
        var summary = OfflineSummary(interval: .seconds(60))
        func note(_ isOffline: Bool, _ cached: UInt64, _ failed: UInt64, at second: UInt64) -> String? {
            summary.note(
                isOffline: isOffline, OfflineSummary.Reads(cached: cached, failed: failed), now: second * 1_000_000_000)
        }
        #expect(note(false, 5, 5, at: 1) == nil)
        #expect(note(true, 10, 5, at: 2) == nil)
        #expect(note(true, 12, 5, at: 61) == nil)
        #expect(note(true, 13, 6, at: 62) == "still offline after 60 s: 3 reads from the cache, 1 failed")
        #expect(note(true, 14, 6, at: 122) == "still offline after 120 s: 1 reads from the cache, 0 failed")
        #expect(note(false, 15, 6, at: 123) == "no longer offline after 121 s: 5 reads from the cache, 1 failed")
        #expect(note(false, 15, 6, at: 1000) == nil)
    }

    @Test func oneWarningAMinutePasses() {
        let limit = WarningLimit()
        let second: UInt64 = 1_000_000_000
        #expect(limit.pass(now: 100 * second) == 0)
        #expect(limit.pass(now: 101 * second) == nil)
        #expect(limit.pass(now: 159 * second) == nil)
        #expect(limit.pass(now: 160 * second) == 2)
    }
}
