import MusicFSCAS
import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSOrigins
import MusicFSSystem

/// What the daemon answers about its cache.
struct CacheRoutes: Sendable {
    private let server: Server

    init(_ server: Server) { self.server = server }

    var all: [Route] {
        [
            Route(.get, "/v1/cache") { _ throws(ControlError) in try .json(report()) },
            Route(.post, "/v1/cache/verify") { request throws(ControlError) in
                request.flag("against_origin") ? compare() : check(repairs: false)
            },
            Route(.post, "/v1/cache/repair") { _ throws(ControlError) in check(repairs: true) },
            Route(.post, "/v1/cache/clear") { request throws(ControlError) in try clear(request) },
            Route(.post, "/v1/cache/prefetch") { request throws(ControlError) in try prefetch(request) },
            Route(.post, "/v1/cache/pin") { request throws(ControlError) in try pin(request, true) },
            Route(.post, "/v1/cache/unpin") { request throws(ControlError) in try pin(request, false) },
        ]
    }

    private var cache: ContentCache { server.content.cache }

    func report() -> CacheReport {
        var report = CacheReport(cache.statistics)
        report.origins = server.origins.map { origin in
            let traffic = server.content.router.traffic(of: origin.id)
            return CacheReport.Origin(
                id: origin.setting.id, fetchedBytes: traffic.bytes, requests: traffic.requests, errors: traffic.errors)
        }
        return report
    }

    // MARK: Looking after the store

    private func check(repairs: Bool) -> ControlResponse {
        .stream { writer in
            let total = cache.statistics.chunks
            do {
                let report = try cache.check(repairs: repairs) { report in
                    (try? writer.send(CacheProgress(report, isFinished: false, total: total))) ?? false
                }
                if let report { _ = try writer.send(CacheProgress(report, isFinished: true, total: total)) }
            } catch { fail(writer, error) }
        }
    }

    private func fail(_ writer: StreamWriter, _ error: any Error) {
        var last = CacheProgress()
        last.error = "\(error)"
        _ = try? writer.send(last)
    }

    private func clear(_ request: ControlRequest) throws(ControlError) -> ControlResponse {
        let origin = request.text("origin")
        do {
            return try .json(CacheChange(bytes: try cache.clear(origin: origin)))
        } catch let error as ControlError { throw error } catch { throw ControlError(.failed, "\(error)") }
    }

    // MARK: Files

    /// The files that the request names, each `path` a file or a directory of the mount.
    private func forEachFile(
        _ request: ControlRequest, _ body: (ContentVersion, [OtherReplica], FilePath) throws -> Bool
    ) throws {
        let reader = try server.library.makeTreeReader()
        let files = TreeFiles(reader: reader)
        let mount = server.settings.mountPoint
        for item in request.query where item.name == "path" {
            guard let path = FilePath(bytes: item.value) else { continue }
            let components =
                path.isWithin(mount) ? Array(path.components.dropFirst(mount.components.count)) : path.components
            guard let entry = try files.entry(components) else {
                throw CacheError(.failed, "there is no \(path) in the mount")
            }
            try files.forEach(entry, path) { file, path in
                guard let version = try reader.version(file.version) else { return true }
                return try body(version, try reader.otherReplicas(of: version), path)
            }
        }
    }

    private func pin(_ request: ControlRequest, _ isPinned: Bool) throws(ControlError) -> ControlResponse {
        do {
            var keys: [ContentKey] = []
            try forEachFile(request) { version, _, _ in
                if let key = version.key { keys.append(key) }
                return true
            }
            try cache.setPinned(keys, isPinned)
            return try .json(CacheChange(files: Int64(keys.count)))
        } catch let error as ControlError { throw error } catch let error as CacheError {
            throw ControlError(.notFound, error.message)
        } catch { throw ControlError(.failed, "\(error)") }
    }

    private func prefetch(_ request: ControlRequest) throws(ControlError) -> ControlResponse {
        .stream { writer in
            var progress = CacheProgress()
            do {
                var total: Int64 = 0
                try forEachFile(request) { _, _, _ in
                    total += 1
                    return writer.isOpen
                }
                progress.total = total
                try forEachFile(request) { version, others, path in
                    progress.path = path.description
                    if server.content.router.plan(origin: version.origin) == .cached {
                        progress.bytes += try fetch(version, others)
                    }
                    progress.done += 1
                    return try writer.send(progress)
                }
                progress.isFinished = true
                _ = try writer.send(progress)
            } catch { fail(writer, error) }
        }
    }

    /// Reads a whole file, so that it is stored.
    private func fetch(_ version: ContentVersion, _ others: [OtherReplica]) throws -> Int64 {
        let content = try waitFor { server.content.router.open(version, others: others, completion: $0) }.get()
        var offset: Int64 = 0
        while offset < version.size {
            let count = Int(min(1 << 20, version.size - offset))
            _ = try waitFor { content.read(at: offset, count: count, completion: $0) }.get()
            offset += Int64(count)
        }
        return version.size
    }

    private func waitFor<R: Sendable>(_ begin: (@escaping @Sendable (R) -> Void) -> Void) -> R {
        let answer = Condition<R?>(nil)
        begin { result in
            answer.withLock { $0 = result }
            answer.signal()
        }
        return answer.wait { $0 }
    }

    // MARK: Against the origins

    /// Reads every file that is stored from its origin, and forgets what differs.
    private func compare() -> ControlResponse {
        .stream { writer in
            var progress = CacheProgress()
            do {
                let reader = try server.library.makeTreeReader()
                guard let root = try reader.entry(node: 1) else { return }
                try TreeFiles(reader: reader).forEach(root, "/") { file, path in
                    guard let version = try reader.version(file.version), let key = version.key,
                        cache.storedCount(key) > 0
                    else { return writer.isOpen }
                    progress.path = path.description
                    if try differs(version, key, &progress.bytes) {
                        progress.damaged += 1
                        try cache.forget(key)
                    }
                    progress.done += 1
                    return try writer.send(progress)
                }
                progress.isFinished = true
                progress.path = nil
                _ = try writer.send(progress)
            } catch { fail(writer, error) }
        }
    }

    private func differs(_ version: ContentVersion, _ key: ContentKey, _ bytes: inout Int64) throws -> Bool {
        guard let path = version.path, let replica = server.content.router.location(version.origin, path, version.stamp)
        else { return false }
        let source = server.content.router.makeSource(replica)
        let step: Int64 = 64 << 10
        for start in stride(from: Int64(0), to: version.size, by: Int(step)) {
            let range = start..<min(version.size, start + step)
            guard let stored = cache.storedBytes(key, range) else { continue }
            let result = waitFor { source.fetch(range, completion: $0) }
            if case .failure(.changed) = result { return true }
            let fetched = try result.get()
            bytes += Int64(range.count)
            if unsafe !fetched.buffer.elementsEqual(stored) { return true }
        }
        return false
    }
}
