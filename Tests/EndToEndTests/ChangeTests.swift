import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// The mount follows its origin while both are used.
    @Suite struct ChangeTests {
        private func tagged(_ file: String, artist: String, title: String) throws {
            let outcome = try run(
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "sine=duration=0.2", "-metadata",
                "artist=\(artist)",
                "-metadata", "album=Album", "-metadata", "title=\(title)", "-c:a", "flac", file)
            try #require(outcome.status == 0, "\(outcome.text)")
        }

        /// Milliseconds until it is so.
        private func milliseconds(_ condition: () throws -> Bool) throws -> Int {
            let start = monotonicNanoseconds()
            try #require(try eventually(5, condition))
            return Int((monotonicNanoseconds() - start) / 1_000_000)
        }

        @Test func addedRetaggedRenamedAndDeletedFilesShowUpAtOnce() throws {
            let library = try MountedLibrary()
            for index in 0..<6 { try tagged("\(library.origin)/\(index).flac", artist: "A", title: "T\(index)") }
            try library.start()
            let album = library.mount.appending("A/Album [FLAC]")
            let new = album.appending("New.flac")
            // Looked up before it exists: the kernel remembers that it does not.
            #expect(throws: SystemError.self) { try FileStatus.of(new) }
            try tagged("\(library.directory.path)/new.flac", artist: "A", title: "New")
            try rename(library.directory.path.appending("new.flac"), to: library.origin.appending("new.flac"))
            let added = try milliseconds { (try? FileStatus.of(new)) != nil }

            try tagged("\(library.directory.path)/new.flac", artist: "B", title: "Retagged")
            try rename(library.directory.path.appending("new.flac"), to: library.origin.appending("new.flac"))
            let retagged = library.mount.appending("B/Album [FLAC]/Retagged.flac")
            let changed = try milliseconds { (try? FileStatus.of(retagged)) != nil }
            #expect(throws: SystemError.self) { try FileStatus.of(new) }

            try createDirectories(library.origin.appending("sub"))
            try rename(library.origin.appending("new.flac"), to: library.origin.appending("sub/moved.flac"))
            let moved = try milliseconds {
                try library.realPath("B/Album [FLAC]/Retagged.flac").hasSuffix("sub/moved.flac")
            }

            try unlink(library.origin.appending("sub/moved.flac"))
            let removed = try milliseconds { (try? FileStatus.of(retagged)) == nil }
            #expect(eventually { (try? FileStatus.of(library.mount.appending("B"))) == nil })
            print("visible after: added \(added) ms, retagged \(changed) ms, moved \(moved) ms, removed \(removed) ms")
        }

        @Test(.enabled(if: ThisProcess.isAdministrator, "bind mounts take CAP_SYS_ADMIN"))
        func anUnmountedOriginIsNotAnEmptyOne() throws {
            let library = try MountedLibrary()
            let source = library.directory.path.appending("source")
            #expect(try run(Programs.libgen, source.description, "--sample").status == 0)
            #expect(try run("mount", "--bind", source.description, library.origin.description).status == 0)
            defer { _ = try? run("umount", "-l", library.origin.description) }
            try library.start()
            let before = try library.files()
            #expect(!before.isEmpty)
            #expect(try run("umount", library.origin.description).status == 0)
            _ = try library.scan()
            #expect(try eventually { try library.status().origins.first?.suspect == true })
            #expect(try library.files() == before)
            // It comes back.
            #expect(try run("mount", "--bind", source.description, library.origin.description).status == 0)
            #expect(try eventually { try library.status().origins.first?.suspect == false })
            #expect(try library.files() == before)
            // And it goes for good.
            #expect(try run("umount", library.origin.description).status == 0)
            #expect(
                try run(Programs.musicfs, "origin", "rescan", "local", "--accept-removals", "--name", library.name)
                    .status
                    == 0)
            #expect(try library.files().isEmpty)
        }
    }
}
