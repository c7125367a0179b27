import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// A new configuration comes into force without unmounting, or not at all.
    @Suite struct ReloadTests {
        private func encode(_ folder: FilePath, title: String) throws {
            try createDirectories(folder)
            let outcome = try run(
                "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "anoisesrc=duration=2:seed=\(title.count)",
                "-metadata",
                "artist=A", "-metadata", "title=\(title)", "-c:a", "flac", "\(folder)/\(title).flac")
            try #require(outcome.status == 0, "\(outcome.text)")
        }

        private func origins(_ library: MountedLibrary, _ ids: String...) -> String {
            ids.map { Section.directory(library.directory.path.appending($0), id: $0, type: "local") }.joined()
        }

        private func reload(_ library: MountedLibrary) throws -> Outcome {
            // Written again.
            _ = library.mountArguments
            return try run(Programs.musicfs, "reload", "--name", library.name, "--json")
        }

        @Test(.timeLimit(.minutes(1))) func originsTheTemplateAndLimitsChangeUnderAnOpenFile() throws {
            let library = try MountedLibrary()
            try encode(library.directory.path.appending("first"), title: "One")
            try encode(library.directory.path.appending("second"), title: "Other")
            library.configuration = "[fuse]\npassthrough = \"never\"\n" + origins(library, "first")
            try library.start()
            #expect(eventually { (try? library.files().count) == 1 })
            let shown = library.mount.appending(try #require(try library.files().first))
            let held = try open(shown, [.read])
            let original = try readFile(library.directory.path.appending("first/One.flac"))
            let before = try library.status()

            let template = "[tree]\ntemplate = \"$artist - $title.$format\"\n[cache]\nmax_size = \"1GiB\"\n"
            library.configuration =
                "[fuse]\npassthrough = \"never\"\n" + template + origins(library, "first", "second")
            let outcome = try reload(library)
            #expect(outcome.status == 0, "\(outcome.text)\n\(library.log)")
            for key in ["cache.max_size", "origins[second]", "tree.template"] {
                #expect(outcome.text.contains("\"\(key)\""), "\(outcome.text)")
            }
            #expect(eventually { (try? library.files().sorted()) == ["A - One.flac", "A - Other.flac"] })
            #expect(try readFully(held.raw, at: 0, count: original.count) == original)
            let after = try library.status()
            #expect(after.pid != before.pid && after.guardian_pid == before.guardian_pid && after.restarts == 0)
            #expect(after.origins.map(\.id).sorted() == ["first", "second"])

            // And away with it again, by the signal.
            library.configuration = "[fuse]\npassthrough = \"never\"\n" + template + origins(library, "second")
            _ = library.mountArguments
            kill(after.guardian_pid, SIGHUP)
            #expect(eventually { (try? library.files()) == ["A - Other.flac"] })
            #expect(try library.status().restarts == 0)
        }

        @Test(.timeLimit(.minutes(1))) func aWrongConfigurationChangesNothingAndSaysWhy() throws {
            let library = try MountedLibrary()
            try encode(library.directory.path.appending("first"), title: "One")
            let good = origins(library, "first")
            library.configuration = good
            try library.start()
            #expect(eventually { (try? library.files().count) == 1 })
            let pid = try library.status().pid
            for (bad, hint) in [
                ("[cache]\nmax_sise = 1\n" + good, "max_size"), ("[cache\n" + good, "config.toml:"),
                ("[health]\ninterval = \"soon\"\n" + good, "health.interval"),
            ] {
                library.configuration = bad
                let outcome = try reload(library)
                #expect(outcome.status != 0 && outcome.text.contains(hint), "\(outcome.text)")
            }
            let path = library.directory.path.appending("config.toml")
            for spoil in ["rm '\(path)'", "mkdir '\(path)'", "rmdir '\(path)'; head -c 100M /dev/zero > '\(path)'"] {
                _ = try shell(spoil)
                let outcome = try run(Programs.musicfs, "reload", "--name", library.name)
                #expect(outcome.status != 0 && outcome.text.contains("config.toml"), "\(outcome.text)")
            }
            library.configuration = good
            let same = try reload(library)
            #expect(same.status == 0 && same.text.contains("\"changed\":[]"), "\(same.text)")
            #expect(try library.status().pid == pid && library.files().count == 1)
        }

        @Test(.timeLimit(.minutes(1))) func whatBelongsToTheMountWaitsForTheNextOne() throws {
            let library = try MountedLibrary()
            try encode(library.directory.path.appending("first"), title: "One")
            library.configuration = origins(library, "first")
            try library.start()
            let before = try library.status()
            let path = library.directory.path.appending("config.toml")
            var text = String(decoding: try readFile(path), as: UTF8.self)
            text = text.replacingOccurrences(of: "mount_point = \"\(library.mount)\"", with: "mount_point = \"/mnt\"")
            text = text.replacingOccurrences(of: "/cache\"", with: "/elsewhere\"")
            try writeFileAtomically(path, Array(("" + text + "[log]\nlevel = \"debug\"\n").utf8))
            let outcome = try run(Programs.musicfs, "reload", "--name", library.name)
            #expect(outcome.text.contains("changed: log.level"), "\(outcome.text)")
            for key in ["mount_point", "cache_dir"] {
                #expect(outcome.text.contains("from the next mount on: \(key)"), "\(outcome.text)")
            }
            let after = try library.status()
            #expect(after.pid != before.pid && after.restarts == 0)
            #expect(eventually { (try? library.files().count) == 1 })
            #expect(!FileManager.default.fileExists(atPath: "\(library.directory.path)/elsewhere"))
        }

        @Test(.timeLimit(.minutes(1))) func tasksAreShownAndTheLogLevelChanges() throws {
            let library = try MountedLibrary()
            try encode(library.origin, title: "One")
            try library.start()
            func musicfs(_ arguments: String...) throws -> Outcome {
                try run([Programs.musicfs] + arguments + ["--name", library.name])
            }
            #expect(try musicfs("tasks").text.contains("health: running since "))
            #expect(try musicfs("log-level").text == "info\n")
            #expect(try musicfs("log-level", "warning,sync=trace").status == 0)
            #expect(try musicfs("log-level", "--json").text.contains("sync=trace"))
            let wrong = try musicfs("log-level", "loud")
            #expect(wrong.status != 0 && wrong.text.contains("loud"), "\(wrong.text)")
        }
    }
}
