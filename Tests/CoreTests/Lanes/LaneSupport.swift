import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

/// A door that threads wait at until a test opens it.
final class Gate: Sendable {
    private let isOpen = Condition(false)
    private let arrived = Condition(0)

    func open() {
        isOpen.withLock { $0 = true }
        isOpen.broadcast()
    }

    /// What a blocked piece of work does. Opens by itself after 60 s, so that a failed test ends.
    func pass() {
        arrived.withLock { $0 += 1 }
        arrived.broadcast()
        _ = isOpen.wait(until: monotonicNanoseconds() + 60_000_000_000) { $0 ? true : nil }
    }

    /// Waits until so many threads are at the door.
    func hasArrived(_ count: Int = 1) -> Bool {
        arrived.wait(until: monotonicNanoseconds() + 10_000_000_000) { $0 >= count ? true : nil } ?? false
    }
}

/// Values that other threads add and a test waits for.
final class Collected<Value: Sendable>: Sendable {
    private let state = Condition<[Value]>([])

    func add(_ value: Value) {
        state.withLock { $0.append(value) }
        state.broadcast()
    }

    var values: [Value] { state.withLock { $0 } }

    /// The values once there are `count`; fewer only when that did not come about within 10 s.
    func values(_ count: Int) -> [Value] {
        state.wait(until: monotonicNanoseconds() + 10_000_000_000) { $0.count >= count ? $0 : nil } ?? values
    }

    /// The values once one of them fulfils the condition.
    func values(until condition: (Value) -> Bool) -> [Value] {
        state.wait(until: monotonicNanoseconds() + 10_000_000_000) { $0.contains(where: condition) ? $0 : nil }
            ?? values
    }
}

/// Whether the condition, which nothing announces, comes about within 10 s.
func eventually(_ condition: () -> Bool) -> Bool {
    let deadline = monotonicNanoseconds() + UInt64(10e9 * patience)
    let never = Condition(())
    while !condition() {
        if monotonicNanoseconds() > deadline { return false }
        _ = never.wait(until: monotonicNanoseconds() + 1_000_000) { _ -> Bool? in nil }
    }
    return true
}
