import MusicFSSystem

/// Hands every event to every subscriber, without ever making the publisher wait.
///
/// The newest events are kept in one ring; each subscriber has its own place in it. One that is slower than the ring
/// is long loses the oldest events, and is told how many.
package final class EventBus: Sendable {
    /// An event with its place in the stream.
    package struct Record: Hashable, Sendable {
        /// Counts all events of the bus, from 1.
        package let sequence: UInt64
        /// Nanoseconds since 1970.
        package let time: Int64
        package let event: Event
    }

    struct State: Sendable {
        /// The event with sequence n is at n modulo the capacity.
        var ring: [Record?]
        var nextSequence: UInt64 = 1
        /// By subscription: the sequence that it reads next.
        var places: [Int: UInt64] = [:]
        var lastID = 0
        /// What subscribers lost and were told of, or had lost when they left.
        var lost: UInt64 = 0
        var closed = false
        /// Publishers that wait for subscribers to come along.
        var waiting = 0

        /// The oldest sequence that the ring still holds.
        var oldest: UInt64 { nextSequence - min(nextSequence - 1, UInt64(ring.count)) }

        /// Whether a subscriber that has lost nothing yet would lose something to `count` more events.
        func wouldLose(_ count: Int) -> Bool {
            places.values.contains { $0 >= oldest && nextSequence - $0 + UInt64(count) > UInt64(ring.count) }
        }

        mutating func append(_ event: Event, _ time: Int64) {
            ring[Int(nextSequence % UInt64(ring.count))] = Record(sequence: nextSequence, time: time, event: event)
            nextSequence += 1
        }

        func pendingLoss(_ place: UInt64) -> UInt64 { place < oldest ? oldest - place : 0 }
    }

    let state: Condition<State>
    package let capacity: Int

    /// - Parameter capacity: how many events a subscriber may be behind; at least 1.
    package init(capacity: Int) {
        self.capacity = max(1, capacity)
        state = Condition(State(ring: Array(repeating: nil, count: self.capacity)))
    }

    /// Never waits for a subscriber. Nothing happens on a closed bus.
    package func publish(_ event: Event) {
        let time = wallClockNanoseconds()
        let heard = state.withLock { state in
            guard !state.closed else { return false }
            state.append(event, time)
            return !state.places.isEmpty
        }
        if heard { state.broadcast() }
    }

    /// Publishes what may be more than the ring holds, such as the files of a commit: in parts, between which those who
    /// keep up have a moment to take them. Who lags already is not waited for.
    ///
    /// - Parameter patience: how long to wait in all, at the most.
    package func publish(_ events: [Event], patience: Duration) {
        let deadline = SystemClock().deadline(after: patience)
        let time = wallClockNanoseconds()
        let part = max(1, capacity / 2)
        for start in stride(from: 0, to: events.count, by: part) {
            let events = events[start..<min(start + part, events.count)]
            state.withLock { $0.waiting += 1 }
            _ = state.wait(until: deadline) { $0.closed || !$0.wouldLose(events.count) ? true : nil }
            let heard = state.withLock { state in
                state.waiting -= 1
                guard !state.closed else { return false }
                for event in events { state.append(event, time) }
                return !state.places.isEmpty
            }
            if heard { state.broadcast() }
        }
    }

    /// A subscriber, until it goes, of all events that are published from now on; or of those behind the one with this
    /// number, as far as they are still there: of what is not, it is told how many there were.
    package func subscribe(after sequence: UInt64? = nil) -> EventSubscription {
        let id = state.withLock { state in
            state.lastID += 1
            state.places[state.lastID] = min(sequence.map { $0 &+ 1 } ?? .max, state.nextSequence)
            return state.lastID
        }
        return EventSubscription(bus: self, id: id)
    }

    /// How many events subscribers have lost since the start, those who have not noticed yet included.
    package var laggedTotal: UInt64 {
        state.withLock { state in state.lost + state.places.values.reduce(0) { $0 + state.pendingLoss($1) } }
    }

    /// How many events there have been.
    package var publishedTotal: UInt64 { state.withLock { $0.nextSequence - 1 } }

    package var subscribers: Int { state.withLock { $0.places.count } }

    /// Ends the stream: subscribers get what is left and then `.closed`.
    package func close() {
        state.withLock { $0.closed = true }
        state.broadcast()
    }
}
