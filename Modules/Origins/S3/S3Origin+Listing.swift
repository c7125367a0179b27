import MusicFSCore
import MusicFSSystem
import Synchronization

/// Listing by ListObjectsV2.
extension S3Origin {
    /// One page of a listing.
    struct Page {
        /// Keys below the prefix.
        var objects: [(key: [UInt8], stamp: FileStamp)] = []
        /// Folders, as paths that end with a slash.
        var folders: [[UInt8]] = []
        var next: String?
    }

    /// - Parameter prefix: what all keys of the page begin with, the origin's own prefix included.
    func page(
        prefix: [UInt8], delimiter: Bool, token: String?, most: Int = 1000, allowsLastAddress: Bool = true,
        deadline: UInt64
    ) throws(OriginError) -> Page {
        var query: [(name: String, value: [UInt8])] = [
            ("list-type", Array("2".utf8)), ("encoding-type", Array("url".utf8)), ("prefix", prefix),
            ("max-keys", Array("\(most)".utf8)),
        ]
        if delimiter { query.append(("delimiter", Array("/".utf8))) }
        if let token { query.append(("continuation-token", Array(token.utf8))) }
        var request = try request(query: query)
        request.allowsLastAddress = allowsLastAddress
        let response = try client.perform(request, deadline: deadline)
        guard response.status == 200 else { throw failure(response) }
        guard let document = try response.document("ListBucketResult") else { throw failure(response) }
        return try read(document, prefix)
    }

    /// An entry that cannot be understood is an error: left out, it would look like one that was removed.
    private func read(_ document: XMLElement, _ prefix: [UInt8]) throws(OriginError) -> Page {
        let isEncoded = document["EncodingType"]?.text == "url"
        func path(_ text: String) throws(OriginError) -> [UInt8] {
            // In a query's encoding a plus is a space.
            let bytes = Array(text.utf8).map { isEncoded && $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }
            guard let key = isEncoded ? PercentCoding.decode(bytes) : bytes, key.starts(with: prefix) else {
                throw OriginError(.invalid, "the server lists what was not asked for; does it speak S3?")
            }
            return Array(key.dropFirst(settings.prefix.utf8.count))
        }
        var page = Page()
        for object in document.all("Contents") {
            guard let key = object["Key"]?.text, let size = object["Size"].flatMap({ Int64($0.text) }), size >= 0
            else { throw OriginError(.invalid, "the server lists an object without its key or size") }
            let modified = object["LastModified"].flatMap { InternetTime.nanoseconds($0.text) } ?? 0
            let etag = HTTPResponse.etag(object["ETag"]?.text)
            page.objects.append((try path(key), FileStamp(size: size, modified: modified, inode: 0, etag: etag)))
        }
        for folder in document.all("CommonPrefixes") { page.folders.append(try path(folder["Prefix"]?.text ?? "")) }
        let token = document["NextContinuationToken"]?.text ?? ""
        // Who leaves out whether it goes on, and says how, goes on.
        if document["IsTruncated"].map({ $0.text.lowercased() == "true" }) ?? !token.isEmpty {
            guard !token.isEmpty else {
                throw OriginError(.invalid, "the server says that its listing goes on, but not how")
            }
            page.next = token
        }
        return page
    }

    package func list(
        _ folder: [UInt8], deadline: UInt64, isWanted: (_ name: [UInt8]) -> Bool
    ) throws(OriginError) -> [OriginEntry] {
        var entries: [OriginEntry] = []
        var known: Set<[UInt8]> = []
        var leftOut = LeftOutNames()
        var pages = PageSequence()
        let below = folder.isEmpty ? [] : folder + [UInt8(ascii: "/")]
        repeat {
            let page = try page(prefix: key(below), delimiter: true, token: pages.token, deadline: deadline)
            let before = known.count
            // The folder's own marker has no name.
            for (key, stamp) in page.objects where key.count > below.count && known.insert(key).inserted {
                let name = Array(key[below.count...])
                guard leftOut.accepts(name), isWanted(name) else { continue }
                entries.append(OriginEntry(name: name, kind: .file, stamp: stamp))
            }
            for path in page.folders where known.insert(path).inserted {
                let name = Array(path.dropFirst(below.count).dropLast())
                guard leftOut.accepts(name), isWanted(name) else { continue }
                let stamp = FileStamp(size: 0, modified: 0, inode: 0)
                entries.append(OriginEntry(name: name, kind: .folder, stamp: stamp))
            }
            try pages.follow(page, isNews: known.count > before)
        } while pages.token != nil
        leftOut.tell(log, name)
        return entries
    }

    package func listAll(
        below folder: [UInt8], isWanted: (_ name: [UInt8]) -> Bool, progress: () -> Bool,
        _ body: (_ folder: [UInt8], _ entries: [OriginEntry]) throws -> Void
    ) throws {
        var open = OpenFolders()
        var pages = PageSequence()
        var last: [UInt8]?
        var leftOut = LeftOutNames()
        let prefix = key(folder.isEmpty ? [] : folder + [UInt8(ascii: "/")])
        repeat {
            let page = try patiently { () throws(OriginError) -> Page in
                try self.page(
                    prefix: prefix, delimiter: false, token: pages.token,
                    deadline: monotonicNanoseconds() &+ timeout.nanoseconds)
            }
            for (key, stamp) in page.objects {
                guard last.map({ $0.lexicographicallyPrecedes(key) }) ?? true else {
                    isUnordered.withLock { $0 = true }
                    throw OriginError(
                        .transient, "the server lists out of order; it is listed folder by folder from now on")
                }
                last = key
                let parts = key.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { Array($0) }
                // A folder's marker ends with a slash.
                guard let name = parts.last, !name.isEmpty else { continue }
                guard parts.allSatisfy(SafeName.isComponent) else {
                    leftOut.add(key)
                    continue
                }
                guard parts.allSatisfy(isWanted) else { continue }
                let path = Array(key.dropLast(name.count + (parts.count > 1 ? 1 : 0)))
                for folder in open.add(OriginEntry(name: name, kind: .file, stamp: stamp), to: path) {
                    try body(folder.path, folder.entries)
                }
            }
            try pages.follow(page, isNews: !page.objects.isEmpty)
            if !progress() { return }
        } while pages.token != nil
        leftOut.tell(log, name)
        for folder in open.closeAll() { try body(folder.path, folder.entries) }
    }

    /// A page in the middle of a long listing is worth some more tries.
    private func patiently<R>(_ body: () throws(OriginError) -> R) throws(OriginError) -> R {
        for pause in [CInt(100), 500, 2000] {
            do throws(OriginError) { return try body() } catch {
                guard error.isWorthRetrying else { throw error }
                _ = pollReadable([], milliseconds: pause)
            }
        }
        return try body()
    }

    /// Sees to it that a listing ends, whatever the server says.
    private struct PageSequence {
        /// Of the next page; nil before the first and after the last.
        private(set) var token: String?
        private var seen: Set<String> = []
        private var emptyPages = 0

        /// - Parameter isNews: the page has something that none before it had. Where much was deleted, there may be many
        ///   that have nothing.
        mutating func follow(_ page: Page, isNews: Bool) throws(OriginError) {
            token = page.next
            guard let next = page.next else { return }
            emptyPages = isNews ? 0 : emptyPages + 1
            guard seen.insert(next).inserted, emptyPages < 1000 else {
                throw OriginError(.invalid, "the server's listing goes round in circles")
            }
        }
    }

    /// Folders whose files are not all there yet. In the order of keys a folder's files lie around its subfolders:
    /// it is complete when a key comes that does not lie within it.
    private struct OpenFolders {
        private var stack: [(path: [UInt8], entries: [OriginEntry])] = []

        /// - Returns: the folders that are complete by this.
        mutating func add(_ entry: OriginEntry, to path: [UInt8]) -> [(path: [UInt8], entries: [OriginEntry])] {
            var complete: [(path: [UInt8], entries: [OriginEntry])] = []
            while let top = stack.last, !isWithin(path, top.path) {
                stack.removeLast()
                complete.append(top)
            }
            if stack.last?.path != path { stack.append((path, [])) }
            stack[stack.count - 1].entries.append(entry)
            return complete
        }

        mutating func closeAll() -> [(path: [UInt8], entries: [OriginEntry])] {
            defer { stack = [] }
            return stack.reversed()
        }

        private func isWithin(_ path: [UInt8], _ ancestor: [UInt8]) -> Bool {
            ancestor.isEmpty || path == ancestor || path.starts(with: ancestor + [UInt8(ascii: "/")])
        }
    }
}
