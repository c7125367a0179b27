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

    func page(
        folder: [UInt8], delimiter: Bool, token: String?, most: Int = 1000, deadline: UInt64
    ) throws(OriginError) -> Page {
        let prefix = key(folder.isEmpty ? [] : folder + [UInt8(ascii: "/")])
        var query: [(name: String, value: [UInt8])] = [
            ("list-type", Array("2".utf8)), ("encoding-type", Array("url".utf8)), ("prefix", prefix),
            ("max-keys", Array("\(most)".utf8)),
        ]
        if delimiter { query.append(("delimiter", Array("/".utf8))) }
        if let token { query.append(("continuation-token", Array(token.utf8))) }
        let response = try client.perform(try request(query: query), deadline: deadline)
        guard response.status == 200 else { throw failure(response) }
        guard let document = XMLElement.parse(response.body), document.name == "ListBucketResult" else {
            throw OriginError(.invalid, "what answered does not speak S3; check endpoint")
        }
        return try read(document)
    }

    private func read(_ document: XMLElement) throws(OriginError) -> Page {
        let isEncoded = document["EncodingType"]?.text == "url"
        let length = settings.prefix.utf8.count
        func path(_ text: String) -> [UInt8]? {
            // In a query's encoding a plus is a space.
            let bytes = Array(text.utf8).map { isEncoded && $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }
            guard let key = isEncoded ? PercentCoding.decode(bytes) : bytes, key.count >= length,
                key.starts(with: settings.prefix.utf8)
            else { return nil }
            return Array(key[length...])
        }
        var page = Page()
        for object in document.all("Contents") {
            guard let key = object["Key"].flatMap({ path($0.text) }),
                let size = object["Size"].flatMap({ Int64($0.text) }), size >= 0
            else { continue }
            let modified = object["LastModified"].flatMap { InternetTime.nanoseconds($0.text) } ?? 0
            let etag = Array((object["ETag"]?.text ?? "").utf8)
            page.objects.append((key, FileStamp(size: size, modified: modified, inode: 0, etag: etag)))
        }
        page.folders = document.all("CommonPrefixes").compactMap { $0["Prefix"].flatMap { path($0.text) } }
        if document["IsTruncated"]?.text == "true" {
            guard let token = document["NextContinuationToken"]?.text, !token.isEmpty else {
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
        var token: String?
        let start = folder.isEmpty ? 0 : folder.count + 1
        repeat {
            let page = try page(folder: folder, delimiter: true, token: token, deadline: deadline)
            for (key, stamp) in page.objects where key.count > start {
                let name = Array(key[start...])
                guard SafeName.isComponent(name), isWanted(name) else { continue }
                entries.append(OriginEntry(name: name, kind: .file, stamp: stamp))
            }
            for path in page.folders where path.count > start + 1 {
                let name = Array(path[start...].dropLast())
                guard SafeName.isComponent(name), isWanted(name) else { continue }
                entries.append(
                    OriginEntry(name: name, kind: .folder, stamp: FileStamp(size: 0, modified: 0, inode: 0)))
            }
            token = page.next
        } while token != nil
        return entries
    }

    package func listAll(
        below folder: [UInt8], isWanted: (_ name: [UInt8]) -> Bool, progress: () -> Bool,
        _ body: (_ folder: [UInt8], _ entries: [OriginEntry]) throws -> Void
    ) throws {
        var open = OpenFolders()
        var token: String?
        var last: [UInt8] = []
        repeat {
            let page = try patiently { () throws(OriginError) -> Page in
                try self.page(
                    folder: folder, delimiter: false, token: token,
                    deadline: monotonicNanoseconds() &+ timeout.nanoseconds)
            }
            for (key, stamp) in page.objects {
                guard !key.lexicographicallyPrecedes(last) else {
                    isUnordered.withLock { $0 = true }
                    throw OriginError(
                        .transient, "the server lists out of order; it is listed folder by folder from now on")
                }
                last = key
                let parts = key.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { Array($0) }
                guard let name = parts.last, parts.allSatisfy(SafeName.isComponent), parts.allSatisfy(isWanted) else {
                    continue
                }
                let path = Array(key.dropLast(name.count + (parts.count > 1 ? 1 : 0)))
                for folder in open.add(OriginEntry(name: name, kind: .file, stamp: stamp), to: path) {
                    try body(folder.path, folder.entries)
                }
            }
            token = page.next
            if !progress() { return }
        } while token != nil
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
