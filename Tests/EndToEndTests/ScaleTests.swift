import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// A hundred thousand of each.
    @Suite struct ScaleTests {
        private func fill(_ library: MountedLibrary, _ script: String) throws {
            #expect(try run("python3", "-c", script, library.origin.description).status == 0)
        }

        /// Anonymous memory of the two processes together, in KiB.
        private func memory(_ library: MountedLibrary) throws -> Int {
            let status = try library.status()
            return try [status.pid, status.guardian_pid].reduce(0) { sum, pid in
                let text = String(decoding: try readFile(FilePath("/proc/\(pid)/status")), as: UTF8.self)
                let line = text.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
                return sum + (Int(line?.filter(\.isNumber) ?? "") ?? .max / 4)
            }
        }

        @Test func aDirectoryOfAHundredThousandNamesIsListedWholeWhileAScanChangesIt() throws {
            let library = try MountedLibrary()
            // Files without tags land in one directory, under their own names.
            try fill(
                library,
                """
                import sys
                for i in range(100000):
                    open(f"{sys.argv[1]}/{i:06}.mp3", "wb").write(b"not audio %d" % i)
                """)
            try library.start()
            let directory = library.mount.appending("Unknown Artist/Unknown Album").description
            #expect(try shell("ls -f '\(directory)' | wc -l").text == "100002\n")
            // 300 others come and 300 of them go, while it is listed over and over. Those that stay are always there,
            // and none is there twice.
            let outcome = try shell(
                """
                ( for i in $(seq 300); do echo "not audio n$i" > '\(library.origin)'/n$i.mp3
                    rm '\(library.origin)'/$(printf %06d $i).mp3; done
                  '\(Programs.musicfs)' scan --name \(library.name) > /dev/null ) &
                while kill -0 $! 2> /dev/null; do
                    ls -f '\(directory)' > '\(library.directory.path)/listing'
                    sort '\(library.directory.path)/listing' | uniq -d
                    awk '/^[0-9]/ && $0 + 0 > 300' '\(library.directory.path)/listing' | wc -l
                done | sort -u
                wait
                """)
            #expect(outcome.text == "99699\n", "\(outcome.text)")
            #expect(try shell("ls -f '\(directory)' | wc -l").text == "100002\n")
            #expect(try shell("ls -f '\(directory)' | grep -c '^n'").text == "300\n")
        }

        @Test func aHundredThousandFoldersAreWatchedOrPolled() throws {
            let library = try MountedLibrary()
            try fill(
                library,
                """
                import os, sys
                for i in range(100000):
                    d = f"{sys.argv[1]}/{i // 1000:03}/{i % 1000:03}"
                    os.makedirs(d)
                    if i % 10 == 0: open(f"{d}/a.mp3", "wb").write(b"x%d" % i)
                """)
            try library.start()
            #expect(try library.status().tracks == 10_000)
            let watched = try library.status().origins.first?.watching == true
            let used = try memory(library)
            print("100,000 folders \(watched ? "watched" : "polled"): \(used / 1024) MiB anonymous")
            #expect(used < 120 << 10)
            try writeFileAtomically(library.origin.appending("099/998/b.mp3"), [1, 2, 3])
            if !watched {
                #expect(library.log.contains("sysctl fs.inotify.max_user_watches"))
                _ = try library.scan()
            }
            #expect(try eventually { try library.status().tracks == 10_001 })
        }

        @Test func killedInAFirstScanOfTwentyThousandFilesItGoesOn() throws {
            let library = try MountedLibrary()
            try library.generate("--tracks", "20000")
            try library.start(waitsForScan: false)
            #expect(eventually(60) { ((try? library.status().tracks) ?? 0) > 4000 })
            let status = try library.status()
            kill(status.guardian_pid, SIGKILL)
            kill(status.pid, SIGKILL)
            for pid in [status.guardian_pid, status.pid] {
                #expect(try waitForEnd(of: pid, until: monotonicNanoseconds() + 10_000_000_000))
            }
            #expect(status.tracks < 20_000, "it was killed too late")
            // Mounting again clears what is left.
            try library.start()
            #expect(library.log.contains("going on with a scan"))
            let resumed = try library.files()
            #expect(resumed.count > 20_000)
            let scratch = try MountedLibrary(origin: library.origin)
            try scratch.start()
            #expect(try scratch.files() == resumed)
        }
    }
}
