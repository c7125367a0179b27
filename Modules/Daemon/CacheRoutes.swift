import MusicFSCAS
import MusicFSCache
import MusicFSControl
import MusicFSCore
import MusicFSSystem

/// What the daemon answers about its cache.
struct CacheRoutes: Sendable {
    private let server: Server

    init(_ server: Server) { self.server = server }

    private static let paths = Operation.Parameter(
        "path", "A file or directory of the mount.", isRequired: true, isRepeated: true)

    var all: [Route] {
        [
            Route(.get, "/v1/cache", Operation("What the cache holds.", .json(CacheReport.self))) {
                _ throws(ControlError) in try .json(report())
            },
            Route(
                .post, "/v1/cache/verify",
                Operation(
                    "Check the chunks, or all cached bytes against the origins.",
                    [.init("against_origin", "Fetch and compare.", .flag)], .stream(CacheProgress.self))
            ) { request throws(ControlError) in
                request.flag("against_origin") ? compare() : check(repairs: false)
            },
            Route(
                .post, "/v1/cache/repair",
                Operation("Check the chunks, and put right what is wrong.", .stream(CacheProgress.self))
            ) { _ throws(ControlError) in check(repairs: true) },
            Route(
                .post, "/v1/cache/clear",
                Operation(
                    "Empty the cache.", [.init("origin", "The id of one origin; all by default.")],
                    .json(CacheChange.self))
            ) { request throws(ControlError) in try clear(request) },
            Route(
                .post, "/v1/cache/prefetch",
                Operation("Fetch files into the cache.", [Self.paths], .stream(CacheProgress.self))
            ) { request throws(ControlError) in prefetch(request) },
            Route(
                .post, "/v1/cache/pin",
                Operation("Keep files in the cache whatever happens.", [Self.paths], .json(CacheChange.self))
            ) { request throws(ControlError) in try pin(request, true) },
            Route(
                .post, "/v1/cache/unpin",
                Operation("Treat files like any others again.", [Self.paths], .json(CacheChange.self))
            ) { request throws(ControlError) in try pin(request, false) },
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

    private var files: CacheFiles { server.cacheFiles }

    private func paths(_ request: ControlRequest) -> [FilePath] {
        request.all("path").compactMap { FilePath(bytes: $0) }
    }

    private func pin(_ request: ControlRequest, _ isPinned: Bool) throws(ControlError) -> ControlResponse {
        do {
            return try .json(try files.pin(paths(request), isPinned))
        } catch let error as ControlError { throw error } catch let error as CacheError {
            throw ControlError(.notFound, error.message)
        } catch { throw ControlError(.failed, "\(error)") }
    }

    private func prefetch(_ request: ControlRequest) -> ControlResponse {
        .stream { writer in
            do {
                try files.prefetch(paths(request)) { try writer.send($0) }
            } catch { fail(writer, error) }
        }
    }

    private func compare() -> ControlResponse {
        .stream { writer in
            do { try files.compare { try writer.send($0) } } catch { fail(writer, error) }
        }
    }
}
