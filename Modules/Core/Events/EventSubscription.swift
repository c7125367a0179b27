import MusicFSSystem

/// One reader's place in the event stream; it leaves the bus when the last reference goes.
package final class EventSubscription: Sendable {
    package enum Delivery: Hashable, Sendable {
        case event(EventBus.Record)
        /// So many events were dropped at this point, because the reader was too slow.
        case lost(UInt64)
        case timedOut
        /// The bus was closed, or this subscription cancelled: nothing follows.
        case closed
    }

    private let bus: EventBus
    private let id: Int

    init(bus: EventBus, id: Int) {
        self.bus = bus
        self.id = id
    }

    deinit { cancel() }

    /// The next event; blocks at most for `timeout`.
    package func next(timeout: Duration) -> Delivery {
        let (delivery, isAwaited) = take(timeout)
        if isAwaited { bus.state.broadcast() }
        return delivery
    }

    /// - Returns: the event, and whether a publisher waits for its being taken.
    private func take(_ timeout: Duration) -> (Delivery, Bool) {
        let id = self.id
        return bus.state.wait(until: SystemClock().deadline(after: timeout)) { state -> (Delivery, Bool)? in
            guard let place = state.places[id] else { return (.closed, false) }
            let loss = state.pendingLoss(place)
            if loss > 0 {
                state.lost += loss
                state.places[id] = state.oldest
                return (.lost(loss), state.waiting > 0)
            }
            if place < state.nextSequence, let record = state.ring[Int(place % UInt64(state.ring.count))] {
                state.places[id] = place + 1
                return (.event(record), state.waiting > 0)
            }
            return state.closed ? (.closed, false) : nil
        } ?? (.timedOut, false)
    }

    /// Leaves the bus; a `next` that waits on another thread returns `.closed`.
    package func cancel() {
        let id = self.id
        let left = bus.state.withLock { state in
            guard let place = state.places.removeValue(forKey: id) else { return false }
            state.lost += state.pendingLoss(place)
            return true
        }
        if left { bus.state.broadcast() }
    }
}
