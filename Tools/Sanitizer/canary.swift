// Shows that the thread sanitizer works before it is relied on: `racing` must be reported, `locked` must not (Tools/tsan.sh).
import Glibc
import Synchronization

final class Racing: @unchecked Sendable {
    var count = 0
}

final class Locked: Sendable {
    let values = Mutex<[Int]>([0])
}

final class Start: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

func runThreads(_ body: @escaping @Sendable () -> Void) {
    var threads: [pthread_t] = []
    for _ in 0..<4 {
        var thread = pthread_t()
        let start = Unmanaged.passRetained(Start(body)).toOpaque()
        let failure = pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<Start>.fromOpaque(context).takeRetainedValue().body() }
                return nil
            }, start)
        guard failure == 0 else { fatalError("pthread_create: \(failure)") }
        threads.append(thread)
    }
    for thread in threads { pthread_join(thread, nil) }
}

if CommandLine.arguments.dropFirst().first == "racing" {
    let racing = Racing()
    runThreads { for _ in 0..<1000 { racing.count += 1 } }
} else {
    // Enough that threads meet at the lock, and that arrays pass between them by their reference counts.
    let locked = Locked()
    runThreads {
        for index in 0..<20_000 {
            let copy = locked.values.withLock { $0 }
            locked.values.withLock { $0[0] += copy.count + index }
        }
    }
}
