import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// Backing up, restoring, looking through and putting right.
    @Suite struct StoreCommandTests {
        private struct Diagnosis: Decodable {
            var name: String
            var status: String
            var message: String
            var remedy: String?
        }

        private func doctor(_ library: MountedLibrary) throws -> (status: Int32, found: [Diagnosis]) {
            // What `mount` would be given.
            let arguments = Array(library.mountArguments.dropFirst().drop { $0 == "mount" })
            let outcome = try run([Programs.musicfs, "doctor", "--json"] + arguments)
            return (outcome.status, try JSONDecoder().decode([Diagnosis].self, from: Data(outcome.text.utf8)))
        }

        private func spoil(_ path: FilePath, at offset: UInt64) throws {
            let file = try #require(FileHandle(forUpdatingAtPath: path.description))
            try file.seek(toOffset: offset)
            try file.write(contentsOf: Data(repeating: 0x55, count: 3000))
            try file.close()
        }

        private func rows(_ database: FilePath, _ query: String) throws -> String {
            let script = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall())"
            return try run("python3", "-c", script, database.description, query).text
        }

        @Test(.timeLimit(.minutes(1))) func aBackupBringsBackWhatWasMadeUnderAnOpenFile() throws {
            let library = try MountedLibrary()
            try library.generate("--tracks", "12")
            try library.start()
            let files = try library.files()
            let state = library.directory.path.appending("state/\(library.name)")
            let backup = library.directory.path.appending("backup")
            func musicfs(_ arguments: String...) throws -> Outcome {
                try run([Programs.musicfs] + arguments + ["--name", library.name])
            }
            let shown = library.mount.appending(files[0])
            #expect(try musicfs("cache", "pin", shown.description).status == 0)
            #expect(try musicfs("backup", backup.description).status == 0)
            #expect(try musicfs("cache", "unpin", shown.description).status == 0)
            #expect(try rows(state.appending("curation.db"), "SELECT count(*) FROM pins") == "[(0,)]\n")

            // One byte of the library in it is wrong: what people made is restored all the same.
            let spoilt = library.directory.path.appending("spoilt")
            try FileManager.default.copyItem(atPath: backup.description, toPath: spoilt.description)
            try spoil(spoilt, at: UInt64(FileStatus.of(spoilt).size / 2))
            let refused = try musicfs("restore", spoilt.description)
            #expect(refused.status == 1 && refused.text.contains("damaged"), "\(refused.text)")
            #expect(refused.text.contains("Error: library.db was not restored"), "\(refused.text)")
            #expect(try rows(state.appending("curation.db"), "SELECT count(*) FROM pins") == "[(1,)]\n")
            #expect(try musicfs("cache", "unpin", shown.description).status == 0)

            let held = try open(shown, [.read])
            let begin = try readFully(held.raw, at: 0, count: 500)
            let restored = try musicfs("restore", backup.description)
            #expect(restored.status == 0, "\(restored.text)")
            #expect(try rows(state.appending("curation.db"), "SELECT count(*) FROM pins") == "[(1,)]\n")
            #expect(library.log.contains("the library is that of a backup now"))
            // The kernel reads it itself, or its old number is not known any more.
            if let again = try? readFully(held.raw, at: 0, count: 500) { #expect(again == begin) }
            #expect(eventually { (try? library.files()) == files })

            // And without a daemon, for the next.
            try library.unmount()
            try unlink(state.appending("curation.db"))
            try FileManager.default.removeItem(atPath: "\(state)/backups")
            let home = library.directory.path
            let alone = try run(
                "env", "MUSICFS_CACHE_DIR=\(home)/cache", "MUSICFS_STATE_DIR=\(home)/state", Programs.musicfs,
                "restore",
                backup.description, "--name", library.name)
            #expect(alone.status == 0, "\(alone.text)")
            try library.start()
            #expect(try rows(state.appending("curation.db"), "SELECT count(*) FROM pins") == "[(1,)]\n")
        }

        @Test(.timeLimit(.minutes(1))) func eachStoreIsBackedUpAndRestoredByItself() throws {
            let library = try MountedLibrary()
            try library.generate("--tracks", "12")
            try library.start()
            let shown = library.mount.appending(try library.files()[0])
            #expect(try run(Programs.musicfs, "cache", "pin", shown.description, "--name", library.name).status == 0)
            try library.unmount()
            let home = library.directory.path
            let (state, cache) = (home.appending("state/\(library.name)"), home.appending("cache/\(library.name)"))
            func musicfs(_ arguments: String...) throws -> Outcome {
                try run(
                    ["env", "MUSICFS_CACHE_DIR=\(home)/cache", "MUSICFS_STATE_DIR=\(home)/state", Programs.musicfs]
                        + arguments + ["--name", library.name])
            }
            // What lies beside the file is the user's.
            let (whole, other) = (home.appending("backup"), home.appending("other"))
            let mine = ["curation.db", "library.db", "tmp"].map { whole.suffixed(".\($0)") }
            for path in mine { try writeFileAtomically(path, [1, 2]) }
            #expect(try musicfs("backup", whole.description).status == 0)
            for path in mine { #expect(try readFile(path) == [1, 2]) }
            let good = try readFile(whole)

            // A library of another schema is neither backed up nor restored.
            _ = try rows(cache.appending("library.db"), "PRAGMA user_version=77")
            let partial = try musicfs("backup", other.description, "--json")
            #expect(
                partial.status == 0 && partial.text.contains("Warning: library.db is not in the backup"),
                "\(partial.text)")
            let kept = try musicfs("backup", whole.description)
            #expect(kept.status == 1 && kept.text.contains("is kept"), "\(kept.text)")
            #expect(try readFile(whole) == good)
            let script = """
                import sqlite3, sys
                database = sqlite3.connect(sys.argv[1])
                database.execute("UPDATE files SET name = 'playlists.db' WHERE name = 'library.db'")
                database.execute("UPDATE parts SET name = 'playlists.db' WHERE name = 'library.db'")
                database.commit()
                """
            let strange = home.appending("strange")
            try writeFileAtomically(strange, good)
            #expect(try run("python3", "-c", script, strange.description).status == 0)
            let unknown = try musicfs("restore", strange.description)
            #expect(unknown.status == 1 && unknown.text.contains("playlists.db was not restored"), "\(unknown.text)")
            try unlink(state.appending("curation.db.restore"))

            // A cache directory that cannot be used does not keep what people made from being restored.
            try rename(home.appending("cache"), to: home.appending("away"))
            try writeFileAtomically(home.appending("cache"), [])
            let alone = try musicfs("restore", whole.description)
            #expect(alone.status == 1 && alone.text.contains("library.db was not restored"), "\(alone.text)")
            #expect(try rows(state.appending("curation.db.restore"), "SELECT count(*) FROM pins") == "[(1,)]\n")
            #expect(
                try !FileManager.default.contentsOfDirectory(atPath: state.description).contains {
                    $0.hasSuffix(".tmp")
                })
        }

        @Test(.timeLimit(.minutes(1))) func theDoctorFindsWhatIsWrongAndRepairPutsItRight() throws {
            let library = try MountedLibrary()
            try library.generate("--tracks", "12")
            let healthy = try doctor(library)
            #expect(healthy.status == 0, "\(healthy.found)")
            #expect(
                healthy.found.contains { $0.name == "state directory" && $0.message.contains("does not exist yet") })
            for name in ["state", "cache"] {
                #expect(!FileManager.default.fileExists(atPath: "\(library.directory.path)/\(name)/\(library.name)"))
            }
            try library.start()
            let files = try library.files()
            let served = try doctor(library)
            #expect(served.status == 0 && served.found.contains { $0.name == "origin local" && $0.status == "ok" })
            try library.unmount()

            let database = library.directory.path.appending("cache/\(library.name)/library.db")
            try spoil(database, at: 4096)
            try createDirectories(library.directory.path.appending("away"))
            try rename(library.origin, to: library.directory.path.appending("away/origin"))
            let sick = try doctor(library)
            #expect(sick.status == 1)
            for name in ["library", "origin local"] {
                let found = sick.found.first { $0.name == name }
                #expect(found?.status == "error" && found?.remedy != nil, "\(sick.found)")
            }
            try rename(library.directory.path.appending("away/origin"), to: library.origin)

            library.extraArguments = ["--repair"]
            try library.start()
            #expect(library.log.contains("stores: a store is damaged"))
            #expect(try library.files() == files)
            try library.unmount()
            library.extraArguments = []
            #expect(try doctor(library).status == 0)
        }

        @Test(.timeLimit(.minutes(1))) func afterAnEndThatWasNotOrderlyTheStoresAreLookedThrough() throws {
            struct Report: Decodable {
                struct Store: Decodable {
                    var name: String
                    var problems: [String]
                }
                var stores: [Store]
            }
            let library = try MountedLibrary()
            try library.generate("--tracks", "12")
            try library.start()
            let status = try library.status()
            kill(status.guardian_pid, SIGKILL)
            #expect(eventually { kill(status.pid, 0) != 0 })
            try library.start()
            let isChecked = try eventually(20) {
                let text = try run(Programs.musicfs, "status", "--name", library.name, "--json").text
                let report = try? JSONDecoder().decode(Report.self, from: Data(text.utf8))
                return report?.stores.contains { $0.name == "library" && $0.problems.isEmpty } ?? false
            }
            #expect(isChecked)
            try library.unmount()
            // After an orderly end there is no need.
            try library.start()
            #expect(!library.log.contains("was not orderly"))
        }

        /// Looking through what kills who looks is not tried for ever.
        @Test(.timeLimit(.minutes(1))) func serversThatDieOfLookingTheStoresThroughStopDoingSo() throws {
            let library = try MountedLibrary()
            try writeAudio(library.origin.appending("1.wav"), megabytes: 1)
            library.configuration = Section.directory(
                library.origin, id: "far", type: "local", extra: "cache = \"always\"")
            try library.start()
            for file in try library.files() { _ = try run("cat", library.mount.appending(file).description) }
            let status = try library.status()
            let isStored = try eventually { try library.cacheStats().chunks > 0 }
            #expect(isStored)
            kill(status.guardian_pid, SIGKILL)
            #expect(eventually { kill(status.pid, 0) != 0 })
            library.prefix = ["env", "MUSICFS_FAILPOINT=cas-scrub", "MUSICFS_TEST_HURRY=3"]
            try library.start()
            #expect(eventually(30) { library.log.contains("servers die while they look through them") })
            #expect(try library.status().restarts == 2)
            let begin = try library.status().pid
            #expect(try run("cat", library.mount.appending(try library.files()[0]).description).status == 0)
            #expect(try library.status().pid == begin)
        }
    }
}
