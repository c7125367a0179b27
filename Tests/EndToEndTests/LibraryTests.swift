import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// The main job on files of real encoders, with programs that people use.
    @Suite struct LibraryTests {
        @Test func everyFileIsItsOriginalUnderThePathThatItsTagsSay() throws {
            let library = try MountedLibrary()
            let manifest = library.directory.path.appending("manifest")
            try library.generate("--sample", "--manifest", manifest.description)
            try library.start()
            let files = try library.files()
            #expect(files.count > 60)
            for file in files {
                let real = try library.realPath(file)
                #expect(try run("cmp", library.mount.appending(file).description, real).status == 0, "\(file)")
                let shown = try FileStatus.of(library.mount.appending(file))
                let original = try FileStatus.of(FilePath(real))
                #expect(shown.size == original.size && shown.modified == original.modified, "\(file)")
            }
            for format in ["flac", "mp3", "ogg", "opus", "m4a", "wav", "aiff", "wv"] {
                #expect(files.contains { $0.hasSuffix(".\(format)") }, "no \(format)")
            }
            try expectPathsOfManifest(manifest, files)
            try library.unmount()
            #expect(try MountEntry.at(library.mount) == nil)
        }

        private struct Line: Decodable {
            var path: String
            var kind: String
            var format: String?
            var tags: [String: [String]]?
        }

        /// The paths are worked out from the manifest by the simplest reading of D1, for tracks that it fits.
        private func expectPathsOfManifest(_ manifest: FilePath, _ files: [String]) throws {
            let text = try String(contentsOfFile: manifest.description, encoding: .utf8)
            var checked = 0
            for line in text.split(separator: "\n") {
                let entry = try JSONDecoder().decode(Line.self, from: Data(line.utf8))
                guard entry.kind == "track", let tags = entry.tags, let artist = tags["album_artist"]?.first,
                    let album = tags["album"]?.first, let title = tags["title"]?.first,
                    let track = tags["track"]?.first,
                    let year = tags["date"]?.first?.prefix(4), (Int(tags["disc_total"]?.first ?? "1") ?? 1) < 2,
                    let format = entry.format,
                    [artist, album, title].allSatisfy({ $0.allSatisfy { $0.isASCII && ($0.isLetter || $0 == " ") } })
                else { continue }
                let number = track.count < 2 ? "0\(track)" : track
                let path = "\(artist)/\(album) (\(year)) [\(format.uppercased())]/\(number) - \(title).\(format)"
                #expect(files.contains(path), "\(path)")
                checked += 1
            }
            #expect(checked > 5)
        }

        @Test func theUsualProgramsWork() throws {
            let library = try MountedLibrary()
            try library.generate("--sample")
            try library.start()
            let mount = library.mount.description
            let copy = library.directory.path.appending("copy").description
            #expect(try run("cp", "-r", mount, copy).status == 0)
            #expect(try run("diff", "-r", mount, copy).status == 0)
            #expect(try shell("tar -C '\(mount)' -cf - . | tar -tf - | wc -l").text.isEmpty == false)
            #expect(try shell("ls -lR '\(mount)' > /dev/null").status == 0)
            #expect(try shell("find '\(mount)' -name '*.flac' -print0 | xargs -0 flac -t -s").status == 0)
            #expect(
                try shell(
                    "find '\(mount)' -name '*.m4a' -print0 | xargs -0 -n1 ffprobe -v error -show_format > /dev/null"
                )
                .status == 0)
        }

        @Test func mpdFindsTheTracksAndTheirTags() throws {
            let library = try MountedLibrary()
            try library.generate("--sample")
            try library.start()
            let home = library.directory.path
            try writeFileAtomically(
                home.appending("mpd.conf"),
                Array(
                    """
                    music_directory "\(library.mount)"
                    db_file "\(home)/mpd.db"
                    pid_file "\(home)/mpd.pid"
                    bind_to_address "\(home)/mpd.sock"
                    audio_output {
                        type "null"
                        name "null"
                    }
                    """.utf8))
            let mpd = Process()
            mpd.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            mpd.arguments = ["mpd", "--no-daemon", "--stderr", home.appending("mpd.conf").description]
            mpd.standardError = FileHandle.nullDevice
            mpd.standardOutput = FileHandle.nullDevice
            try mpd.run()
            defer {
                mpd.terminate()
                mpd.waitUntilExit()
            }
            let socket = "\(home)/mpd.sock"
            #expect(try eventually { try run("mpc", "-h", socket, "version").status == 0 })
            #expect(try run("mpc", "-h", socket, "update", "--wait").status == 0)
            let known = try run("mpc", "-h", socket, "listall").text.split(separator: "\n").count
            let playable = try library.files().filter { file in
                ["flac", "mp3", "ogg", "opus", "m4a", "wav", "aiff", "wv"].contains { file.hasSuffix(".\($0)") }
            }
            #expect(known == playable.count)
            let artists = try run("mpc", "-h", socket, "list", "artist").text
            #expect(artists.contains(playable.first?.split(separator: "/").first.map(String.init) ?? "?"))
        }

        @Test func nothingCanBeWrittenAndNothingIs() throws {
            let library = try MountedLibrary()
            try library.generate("--sample")
            let before = try shell("cd '\(library.origin)' && find . -printf '%p %s %T@ %m\\n' | sort").text
            try library.start()
            let file = try #require(try library.files().first)
            let script = """
                import os, errno, sys
                m, f = sys.argv[1], sys.argv[2]
                d = os.path.dirname(f)
                tries = {
                  "create": lambda: os.open(m + "/new", os.O_CREAT | os.O_WRONLY), "append": lambda: open(f, "ab"),
                  "rdwr": lambda: os.open(f, os.O_RDWR), "trunc": lambda: os.open(f, os.O_RDONLY | os.O_TRUNC),
                  "truncate": lambda: os.truncate(f, 1), "mkdir": lambda: os.mkdir(m + "/d"), "rmdir": lambda: os.rmdir(d),
                  "unlink": lambda: os.unlink(f), "rename": lambda: os.rename(f, m + "/x"), "chmod": lambda: os.chmod(f, 0o600),
                  "chown": lambda: os.chown(f, 1, 1), "utimens": lambda: os.utime(f, (1, 1)),
                  "setxattr": lambda: os.setxattr(f, "user.x", b"1"), "link": lambda: os.link(f, m + "/l"),
                  "symlink": lambda: os.symlink("a", m + "/s"), "mknod": lambda: os.mknod(m + "/n"),
                  "removexattr": lambda: os.removexattr(f, "user.musicfs.origin"), "write": lambda: os.open(f, os.O_WRONLY),
                  "create exclusively": lambda: os.open(d + "/new", os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644),
                  "open truncating": lambda: os.open(f, os.O_WRONLY | os.O_TRUNC),
                  "temporary file": lambda: os.open(d, os.O_TMPFILE | os.O_RDWR, 0o600),
                  "rename a directory": lambda: os.rename(d, m + "/B"), "rename into itself": lambda: os.rename(d, d + "/x"),
                  "utimens now": lambda: os.utime(f), "times of a directory": lambda: os.utime(d, (1, 1)),
                  "chmod of the root": lambda: os.chmod(m, 0o700), "mkfifo": lambda: os.mkfifo(d + "/new"),
                  "setxattr of ours": lambda: os.setxattr(f, "user.musicfs.origin", b"b"),
                }
                # EINVAL: a directory cannot move into itself, whatever the file system is.
                others = {"rename into itself": {errno.EROFS, errno.EINVAL}}
                for name, call in tries.items():
                    try:
                        call()
                        print(name, "worked")
                    except OSError as e:
                        if e.errno not in others.get(name, {errno.EROFS}): print(name, e)
                print(len(tries), "tries")
                """
            let outcome = try run(
                "python3", "-c", script, library.mount.description, library.mount.appending(file).description)
            #expect(outcome.text == "28 tries\n")
            #expect(try shell("cd '\(library.origin)' && find . -printf '%p %s %T@ %m\\n' | sort").text == before)
        }
    }
}
