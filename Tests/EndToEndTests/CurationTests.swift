import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// What people made is never lost: pins, for the time being.
    @Suite(.enabled(if: canServe)) struct CurationTests {
        private func pinned(_ library: MountedLibrary) throws -> Int { try library.cacheStats().pinned_bytes }

        @Test(.timeLimit(.minutes(2))) func pinsSurviveTheLossOfEveryOtherStoreAndDamageOfTheirOwn() throws {
            let stressed = try StressedLibrary(files: 4, megabytes: 1, cache: "max_size = \"1GiB\"")
            let library = stressed.library
            let shown = try library.mount.appending(#require(library.files().first)).description
            #expect(try library.musicfs("cache", "pin", shown).status == 0)
            #expect(try run("cat", shown).status == 0)
            #expect(eventually { (try? pinned(library)).map { $0 > 1_000_000 } ?? false })
            let bytes = try pinned(library)
            let state = library.directory.path.appending("state/\(library.name)")
            let isBackedUp = try eventually(20) {
                let script = """
                    import glob, sqlite3, sys
                    for path in glob.glob(sys.argv[1] + "/backups/*.db"):
                        print(sqlite3.connect(path).execute("SELECT count(*) FROM pins").fetchone()[0])
                    """
                let rows = try run("python3", "-c", script, state.description).text
                return rows.hasPrefix("1")
            }
            #expect(isBackedUp)

            try library.unmount()
            // Everything derived goes, but for the chunks; and the curation is damaged.
            try FileManager.default.removeItem(atPath: "\(stressed.cacheDirectory)/library.db")
            try FileManager.default.removeItem(atPath: "\(stressed.cacheDirectory)/cas.db")
            let damaged = try open(state.appending("curation.db"), [.write])
            try writeFully(damaged.raw, [UInt8](repeating: 0x55, count: 6000))
            try library.startAndScan(origins: 1)
            #expect(library.log.contains("its last backup took its place"))
            #expect(eventually(40) { (try? pinned(library)) == bytes })

            // Deleted under the daemon, and found out at the next start.
            try library.unmount()
            try unlink(state.appending("curation.db"))
            try library.startAndScan(origins: 1)
            #expect(library.log.contains("its last backup takes its place"))
            #expect(eventually(40) { (try? pinned(library)) == bytes })

            // Without any backup nothing is begun anew over what is damaged.
            try library.unmount()
            try FileManager.default.removeItem(atPath: "\(state)/backups")
            let again = try open(state.appending("curation.db"), [.write])
            try writeFully(again.raw, [UInt8](repeating: 0x55, count: 6000))
            try library.startAndScan(origins: 1)
            #expect(try library.degradedBecause().contains { $0.contains("curation") && $0.contains("restore") })
            #expect(try library.musicfs("cache", "pin", shown).status == 1)
            #expect(try Array(readFile(state.appending("curation.db")).prefix(6000)).allSatisfy { $0 == 0x55 })
            try stressed.compareAll()
        }
    }
}
