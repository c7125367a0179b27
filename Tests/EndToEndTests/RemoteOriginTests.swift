import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEndRemote {
    /// Origins behind real servers on loopback.
    @Suite(.enabled(if: canServe)) struct RemoteOriginTests {
        /// A directory with `count` generated tracks.
        private func music(_ directory: TestDirectory, _ name: String, tracks: Int, seed: Int = 1) throws -> FilePath {
            let path = directory.path.appending(name)
            let outcome = try run(Programs.libgen, path.description, "--tracks", "\(tracks)", "--seed", "\(seed)")
            try #require(outcome.status == 0, "\(outcome.text)")
            return path
        }

        /// Encodes tracks whose audio nobody else has.
        private func encode(_ path: FilePath, seconds: Int, _ kinds: [(codec: String, suffix: String)], seed: Int)
            throws
        {
            try createDirectories(path)
            for (number, kind) in kinds.enumerated() {
                let made = try run(
                    "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i",
                    "anoisesrc=duration=\(seconds):sample_rate=48000:seed=\(seed * 100 + number)", "-metadata",
                    "artist=A",
                    "-metadata", "album=B\(seed)", "-metadata", "title=\(kind.suffix)\(number)", "-c:a", kind.codec,
                    "-b:a", "192k", path.appending("\(number) é+%.\(kind.suffix)").description)
                try #require(made.status == 0, "\(made.text)")
            }
        }

        private let kinds = [("flac", "flac"), ("libmp3lame", "mp3"), ("libopus", "opus"), ("aac", "m4a")]

        @Test func oneTreeOfAllKindsOfOrigins() throws {
            let directory = try TestDirectory()
            let names = ["local", "server", "bucket", "dav", "nas"]
            var sums: [String] = []
            var paths: [String: FilePath] = [:]
            for (index, name) in names.enumerated() {
                let parent = name == "bucket" ? "buckets/music" : name
                let path = directory.path.appending(parent)
                try encode(path, seconds: 5, kinds, seed: index)
                paths[name] = path
                sums += try MountedLibrary.sums(path)
            }
            let at = { (name: String) in paths[name] ?? "/" }
            let ssh = try SSHServer()
            let s3 = try RcloneServer(.s3, directory.path.appending("buckets"))
            let dav = try RcloneServer(.webdav, at("dav"))
            let library = try MountedLibrary()
            library.configuration =
                Section.directory(at("local"), id: "local", type: "local")
                + (try Section.sftp(ssh, at("server"))) + Section.s3(s3, bucket: "music") + Section.webdav(dav)
                + Section.directory(at("nas"), id: "nas", type: "nfs") + Section.quick
            try library.startAndScan(origins: 5)
            #expect(try library.status().origins.allSatisfy { $0.health == "healthy" })
            let expected = Set(sums)
            for _ in 0..<2 {
                #expect(Set(try MountedLibrary.sums(library.mount)).symmetricDifference(expected).isEmpty)
                try library.dropKernelCaches()
            }
            #expect(try library.musicfs("cache", "verify").status == 0)
            #expect(try library.musicfs("origin", "health").status == 0)
        }

        @Test(arguments: ["sftp", "s3", "webdav"])
        func whatWasPlayedOncePlaysWithoutTheNetwork(kind: String) throws {
            let directory = try TestDirectory()
            let path = try music(directory, "buckets/music", tracks: 20)
            let library = try MountedLibrary()
            let server: TestServer
            let text: String
            switch kind {
            case "sftp":
                let ssh = try SSHServer()
                (server, text) = (ssh, try Section.sftp(ssh, path))
            case "s3":
                let s3 = try RcloneServer(.s3, directory.path.appending("buckets"))
                (server, text) = (s3, Section.s3(s3, bucket: "music"))
            default:
                let dav = try RcloneServer(.webdav, path)
                (server, text) = (dav, Section.webdav(dav))
            }
            library.configuration = text + Section.quick
            try library.startAndScan(origins: 1)
            let sums = try MountedLibrary.sums(path)
            let files = try library.files()
            let left = try #require(files.first { $0.hasSuffix(".flac") || $0.hasSuffix(".mp3") })
            // What the store could not take, since its disk was behind, is read once more.
            let isStored = try eventually(60) {
                try library.dropKernelCaches()
                let misses = try library.cacheStats().misses
                for file in files where file != left {
                    #expect(try run("cat", library.mount.appending(file).description).status == 0)
                }
                #expect(try library.musicfs("cache", "verify").status == 0)
                return try library.cacheStats().misses == misses
            }
            #expect(isStored)
            server.stop()
            try library.unmount()
            // After a restart, and after the index was lost.
            for step in ["restart", "index"] {
                if step == "index" {
                    for name in ["cas.db", "cas.db-wal", "cas.db-shm"] {
                        try? unlink(library.directory.path.appending("cache/\(library.name)").appending(name))
                    }
                    // The origins of the configuration tell where the directory is.
                    let repair = try run(
                        Programs.musicfs, "--config", library.directory.path.appending("config.toml").description,
                        "cache", "repair")
                    #expect(repair.status == 0, "\(repair.text)")
                }
                try library.start(waitsForScan: false)
                #expect(try eventually { try library.status().origins.allSatisfy { $0.health == "unhealthy" } })
                try library.dropKernelCaches()
                var found: [String] = []
                for file in files where file != left {
                    let sum = try run("md5sum", library.mount.appending(file).description)
                    #expect(sum.status == 0, "\(step): \(sum.text)")
                    if let start = sum.text.firstIndex(where: \.isHexDigit) {
                        found.append(String(sum.text[start...].prefix(32)))
                    }
                }
                #expect(found.allSatisfy(sums.contains))
                #expect(try run("stat", library.mount.appending(left).description).status == 0)
                try library.unmount()
            }
        }

        @Test func theCacheIsFilledAndPinnedWithoutADaemon() throws {
            let directory = try TestDirectory()
            let path = try music(directory, "music", tracks: 6)
            let dav = try RcloneServer(.webdav, path)
            let library = try MountedLibrary()
            library.configuration = Section.webdav(dav) + Section.quick
            try library.startAndScan(origins: 1)
            let files = try library.files()
            try library.unmount()
            let configuration = library.directory.path.appending("config.toml").description
            func cache(_ arguments: String...) throws -> Outcome {
                try run([Programs.musicfs, "--config", configuration, "cache"] + arguments)
            }
            let fetched = try cache("prefetch", library.mount.description)
            #expect(fetched.status == 0 && fetched.text.hasPrefix("\(files.count) done"), "\(fetched.text)")
            let pinned = try cache("pin", library.mount.appending(files[0]).description)
            #expect(pinned.text == "1 files are pinned\n", "\(pinned.text)")
            #expect(try cache("verify", "--against-origin").status == 0)
            #expect(try cache("verify").status == 0)
            #expect(try cache("stats", "--json").text.contains("\"pinned_bytes\":0") == false)
            let wrong = try cache("pin", library.mount.appending("nothing").description)
            #expect(wrong.status != 0 && wrong.text.contains("nothing"), "\(wrong.text)")
            dav.stop()
            try library.start(waitsForScan: false)
            let sums = try MountedLibrary.sums(path)
            for file in files {
                let sum = try run("md5sum", library.mount.appending(file).description)
                #expect(sum.status == 0 && sums.contains { sum.text.contains($0) }, "\(sum.text)")
            }
        }

        @Test func aRetaggedFileIsFetchedForItsTagsAlone() throws {
            let directory = try TestDirectory()
            let path = directory.path.appending("music")
            try createDirectories(path)
            let file = path.appending("a.flac").description
            let made = try run(
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "anoisesrc=duration=60:sample_rate=44100",
                "-metadata",
                "artist=A", "-metadata", "album=B", "-metadata", "title=One", "-c:a", "flac", file)
            try #require(made.status == 0, "\(made.text)")
            let ssh = try SSHServer()
            let library = try MountedLibrary()
            library.configuration = try Section.sftp(ssh, path) + Section.quick
            try library.startAndScan(origins: 1)
            let first = library.mount.appending(try #require(try library.files().first)).description
            #expect(try run("cmp", first, file).status == 0)
            let before = try library.cacheStats().origins[0].fetched_bytes
            #expect(before > 5_000_000)
            // Longer tags than before, which move the audio.
            let long = String(repeating: "x", count: 40_000)
            let tagged = try run(
                "metaflac", "--remove-tag=TITLE", "--set-tag=TITLE=Two", "--set-tag=COMMENT=\(long)", file)
            try #require(tagged.status == 0, "\(tagged.text)")
            #expect(try library.scan().status == 0)
            let name = try #require(try library.files().first)
            #expect(name.contains("Two"))
            let log = library.log
            #expect(eventually { library.log.contains("only the tags of a file changed") }, "\(log)")
            #expect(try run("cmp", library.mount.appending(name).description, file).status == 0)
            let fetched = try library.cacheStats().origins[0].fetched_bytes - before
            #expect(fetched <= 512 << 10, "\(fetched) bytes were fetched for a change of tags")
        }

        @Test func aMediaServersPassFetchesLittle() throws {
            let directory = try TestDirectory()
            let path = directory.path.appending("music")
            try encode(path, seconds: 60, kinds + kinds + kinds + kinds + kinds, seed: 1)
            let ssh = try SSHServer()
            let proxy = try TCPProxy(target: ssh.port)
            let library = try MountedLibrary()
            // On a slow machine one may be open for so long that it is taken for played.
            library.configuration =
                try Section.sftp(ssh, path, port: proxy.port) + Section.quick + "\n[prefetch]\nenabled = false\n"
            try library.startAndScan(origins: 1)
            let files = try library.files()
            #expect(files.count == 20)
            try library.dropKernelCaches()
            for file in files {
                let mounted = library.mount.appending(file)
                let size = try FileStatus.of(mounted).size
                let handle = try open(mounted, [.read])
                _ = try readFully(handle.raw, at: 0, count: 128 << 10)
                _ = try readFully(handle.raw, at: max(0, size - 16_384), count: 16_384)
            }
            let each = proxy.bytesDown / files.count
            print("a scan and a media server's pass: \(each) bytes a file")
            #expect(each <= 384 << 10, "\(each) bytes were fetched for each file")
        }
    }
}
