import MusicFSCore
import MusicFSSystem
import Testing

@Suite struct EventBusTests {
    private static func event(_ number: Int) -> Event { .syncCompleted(origin: "home", filesChanged: number) }

    @Test func everySubscriberGetsEveryEventInOrder() {
        let bus = EventBus(capacity: 16)
        let subscriptions = [bus.subscribe(), bus.subscribe()]
        for number in 0..<10 { bus.publish(Self.event(number)) }
        for subscription in subscriptions {
            let got = (0..<10).map { _ in subscription.next(timeout: .zero) }
            for (index, delivery) in got.enumerated() {
                guard case .event(let record) = delivery else {
                    Issue.record("\(delivery) instead of an event")
                    continue
                }
                #expect(record.event == Self.event(index))
                #expect(record.sequence == UInt64(index + 1))
                #expect(record.time > 1_500_000_000_000_000_000)
            }
            #expect(subscription.next(timeout: .zero) == .timedOut)
        }
    }

    @Test func aSlowSubscriberLosesTheOldestAndIsTold() {
        let bus = EventBus(capacity: 4)
        let slow = bus.subscribe()
        let fast = bus.subscribe()
        for number in 0..<10 {
            bus.publish(Self.event(number))
            guard case .event = fast.next(timeout: .zero) else {
                Issue.record("the fast subscriber lost an event")
                continue
            }
        }
        #expect(bus.laggedTotal == 6, "counted before the subscriber notices")
        #expect(slow.next(timeout: .zero) == .lost(6))
        #expect(bus.laggedTotal == 6)
        for number in 6..<10 {
            guard case .event(let record) = slow.next(timeout: .zero) else {
                Issue.record("an event is missing")
                continue
            }
            #expect(record.event == Self.event(number))
        }
        #expect(slow.next(timeout: .zero) == .timedOut)
    }

    @Test func aSubscriberHearsNothingOfThePast() {
        let bus = EventBus(capacity: 4)
        for number in 0..<10 { bus.publish(Self.event(number)) }
        let subscription = bus.subscribe()
        #expect(subscription.next(timeout: .zero) == .timedOut)
        #expect(bus.laggedTotal == 0)
    }

    @Test func whatWasPublishedIsReceivedOrCountedAsLost() throws {
        let bus = EventBus(capacity: 32)
        let published = 4000
        let ends = Collected<(received: UInt64, lost: UInt64, ordered: Bool)>()
        for index in 0..<3 {
            let subscription = bus.subscribe()
            try startThread("reader-\(index)") {
                var (received, lost, last, ordered) = (UInt64(0), UInt64(0), UInt64(0), true)
                while true {
                    switch subscription.next(timeout: .seconds(30)) {
                    case .event(let record):
                        // Exactly what was lost lies between two events.
                        ordered = ordered && record.sequence == last + 1
                        last = record.sequence
                        received += 1
                    case .lost(let count):
                        lost += count
                        last += count
                    case .timedOut, .closed:
                        ends.add((received, lost, ordered))
                        return
                    }
                }
            }
        }
        let done = Collected<Int>()
        for index in 0..<4 {
            try startThread("writer-\(index)") {
                for number in 0..<(published / 4) { bus.publish(Self.event(number)) }
                done.add(index)
            }
        }
        #expect(done.values(4).count == 4)
        bus.close()
        let results = ends.values(3)
        #expect(results.count == 3)
        for result in results {
            #expect(result.received + result.lost == UInt64(published))
            #expect(result.ordered)
        }
        #expect(bus.laggedTotal == results.reduce(0) { $0 + $1.lost })
    }

    @Test func manyEventsAtOnceCostWhoKeepsUpNothing() throws {
        let bus = EventBus(capacity: 8)
        let idle = bus.subscribe()
        let subscription = bus.subscribe()
        let received = Collected<Int>()
        try startThread("reader") {
            var count = 0
            while case .event = subscription.next(timeout: .seconds(30)) { count += 1 }
            received.add(count)
        }
        // One that takes nothing is waited for until the patience is over, and then never again.
        let start = monotonicNanoseconds()
        bus.publish((0..<16).map { Self.event($0) }, patience: .milliseconds(50))
        #expect(monotonicNanoseconds() - start >= 50_000_000)
        bus.publish((0..<1000).map { Self.event($0) }, patience: .seconds(600))
        bus.close()
        #expect(received.values(1) == [1016])
        guard case .lost(1008) = idle.next(timeout: .zero) else {
            Issue.record("not told of what it lost")
            return
        }
    }

    @Test func aWaitingSubscriberIsWokenByAnEventAndByItsCancellation() throws {
        let bus = EventBus(capacity: 4)
        let subscription = bus.subscribe()
        let deliveries = Collected<EventSubscription.Delivery>()
        try startThread("reader") {
            deliveries.add(subscription.next(timeout: .seconds(60)))
            deliveries.add(subscription.next(timeout: .seconds(60)))
        }
        bus.publish(Self.event(1))
        guard case .event? = deliveries.values(1).first else {
            Issue.record("no event came")
            return
        }
        subscription.cancel()
        #expect(deliveries.values(2).last == .closed)
        #expect(bus.subscribers == 0)
    }

    @Test func aSubscriberLeavesWithItsLastReference() {
        let bus = EventBus(capacity: 2)
        var subscription: EventSubscription? = bus.subscribe()
        #expect(bus.subscribers == 1)
        for number in 0..<5 { bus.publish(Self.event(number)) }
        #expect(subscription != nil)
        subscription = nil
        #expect(bus.subscribers == 0)
        #expect(bus.laggedTotal == 3, "what it had lost stays counted")
    }

    @Test func aClosedBusDeliversWhatIsLeft() {
        let bus = EventBus(capacity: 4)
        let subscription = bus.subscribe()
        bus.publish(Self.event(1))
        bus.close()
        bus.publish(Self.event(2))
        guard case .event(let record) = subscription.next(timeout: .zero) else {
            Issue.record("the event before the end is missing")
            return
        }
        #expect(record.event == Self.event(1))
        #expect(subscription.next(timeout: .seconds(60)) == .closed)
    }

    @Test func namesAndFieldsAreThoseOfTheWire() {
        let events: [(Event, String, [String])] = [
            (.fileAdded(path: "a", origin: "o", file: 2), "file_added", ["path", "origin_id", "file_id"]),
            (.fileRemoved(path: "a", origin: "o", file: nil), "file_removed", ["path", "origin_id"]),
            (.fileRemoved(path: "a", origin: "o", file: 1), "file_removed", ["path", "origin_id", "file_id"]),
            (.fileModified(path: "a", origin: "o", file: nil), "file_modified", ["path", "origin_id"]),
            (
                .fileAccessed(file: 1, path: "a", origin: "o", offset: 0, size: 9), "file_accessed",
                ["path", "origin_id", "file_id", "offset", "size"]
            ),
            (.syncStarted(origin: "o"), "sync_started", ["origin_id"]),
            (.syncCompleted(origin: "o", filesChanged: 3), "sync_completed", ["origin_id", "files_changed"]),
            (.originConnected(origin: "o"), "origin_connected", ["origin_id"]),
            (.originDisconnected(origin: "o"), "origin_disconnected", ["origin_id"]),
            (
                .mountStateChanged(from: .ready, to: .degraded, because: "x"), "mount_state_changed",
                ["from", "to", "because"]
            ),
            (
                .originHealthChanged(origin: "a", isHealthy: false), "origin_health_changed",
                ["origin_id", "healthy"]
            ),
            (.allOriginsUnhealthy(origins: 2), "all_origins_unhealthy", ["candidate_count"]),
            (.cacheEviction(bytesFreed: 3), "cache_eviction", ["bytes_freed"]),
            (.configReloaded(changed: ["a"], needsRestart: []), "config_reloaded", ["changed", "needs_restart"]),
        ]
        for (event, name, fields) in events {
            #expect(event.name == name)
            #expect(event.fields.map(\.name) == fields)
            #expect((event.origin != nil) == fields.contains("origin_id"))
        }
        #expect(Set(events.map(\.1)) == Set(Event.names))
    }
}
