import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// `musicfs scan` where no daemon runs.
    @Suite struct ScanWithoutMountTests {
        /// A library of which no daemon runs, and the configuration that names it.
        private func makeLibrary() throws -> (library: MountedLibrary, configuration: String) {
            let library = try MountedLibrary()
            try library.generate("--tracks", "120")
            let path = library.directory.path.appending("config.toml")
            let text = """
                name = "\(library.name)"
                mount_point = "\(library.mount)"
                cache_dir = "\(library.directory.path.appending("cache"))"
                state_dir = "\(library.directory.path.appending("state"))"
                [[origins]]
                id = "local"
                type = "local"
                path = "\(library.origin)"
                """
            try writeFileAtomically(path, Array(text.utf8))
            return (library, path.description)
        }

        @Test func aMountFindsEverythingRead() throws {
            let (library, configuration) = try makeLibrary()
            let count = try run("find", library.origin.description, "-type", "f").text.split(separator: "\n").count
            let scan = try run(Programs.musicfs, "scan", "--name", library.name, "--config", configuration)
            #expect(scan.status == 0 && scan.text.contains("local: \(count) files, \(count) new"), "\(scan.text)")
            let again = try run(Programs.musicfs, "scan", "--name", library.name, "--config", configuration, "--json")
            let last = try #require(again.text.split(separator: "\n").last)
            #expect(
                again.status == 0 && last.contains("\"files_new\":0") && last.contains("\"phase\":\"done\""), "\(last)")
            try library.start()
            #expect(
                library.log.contains("changed=0 files=\(count) ") && library.log.contains(" new=0 "), "\(library.log)")
            // From here on the daemon scans.
            #expect(try run(Programs.musicfs, "scan", "--name", library.name).status == 0)
        }

        @Test func itNeverRunsBesideADaemonAndNamesWhatIsMissing() throws {
            let (library, configuration) = try makeLibrary()
            try library.start()
            // The daemon is there and does not answer.
            try unlink(FilePath("/run/musicfs").appending("\(library.name).sock"))
            let beside = try run(Programs.musicfs, "scan", "--name", library.name, "--config", configuration)
            #expect(beside.status == 1 && beside.text.contains("already running"), "\(beside.text)")
            let unknown = try run(
                Programs.musicfs, "scan", "--name", "nobody", "--config", configuration, "--origin", "nas")
            #expect(unknown.status == 1 && unknown.text.contains("no origin nas; use one of: local"), "\(unknown.text)")
            let nothing = try run(
                "env", "XDG_CONFIG_HOME=/nonexistent", "HOME=/nonexistent", Programs.musicfs, "scan", "--name", "nobody"
            )
            #expect(nothing.status == 78 && nothing.text.contains("--origin"), "\(nothing.text)")
        }
    }
}
