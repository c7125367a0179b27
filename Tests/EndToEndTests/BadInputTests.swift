import Foundation
import MusicFSSystem
import TestSupport
import Testing

extension EndToEnd {
    /// What is wrong is said in one line that names it and the remedy, and nothing stays mounted.
    @Suite struct BadInputTests {
        private func expectRefusal(
            _ library: MountedLibrary, code: Int32 = 1, environment: [String] = [], naming words: String...
        ) throws {
            let outcome = try run(["env"] + environment + ["timeout", "20"] + library.mountArguments)
            #expect(outcome.status == code, "\(outcome.text)")
            #expect(outcome.text.split(separator: "\n").count == 1, "\(outcome.text)")
            for word in words { #expect(outcome.text.contains(word), "\(outcome.text)") }
            #expect(try MountEntry.at(library.mount) == nil)
        }

        @Test func mountPointsThatCannotBe() throws {
            let library = try MountedLibrary()
            try removeDirectory(library.mount)
            try expectRefusal(library, naming: library.mount.description, "mkdir")
            try createDirectories(library.mount.appending("x"))
            try expectRefusal(library, naming: "not empty")
            let inside = try MountedLibrary(origin: library.directory.path)
            inside.extraArguments = ["--origin", inside.directory.path.description]
            try expectRefusal(inside, naming: "inside the origin")
        }

        @Test func originsThatCannotBeRead() throws {
            let library = try MountedLibrary()
            try removeDirectory(library.origin)
            try expectRefusal(library, naming: library.origin.description, "--origin")
        }

        @Test func directoriesThatCannotBeWritten() throws {
            let library = try MountedLibrary()
            // Without a cache it works all the same (RecoveryTests).
            try removeDirectory(library.directory.path.appending("state"))
            try writeFileAtomically(library.directory.path.appending("state"), [])
            try expectRefusal(library, naming: "state", "--state-dir")
        }

        @Test func aMissingMediaWorker() throws {
            let library = try MountedLibrary()
            try expectRefusal(library, environment: ["MUSICFS_MEDIA=/no/such/worker"], naming: "/no/such/worker")
        }

        @Test func aWrongConfiguration() throws {
            let library = try MountedLibrary()
            let file = library.directory.path.appending("config.toml")
            try writeFileAtomically(file, Array("[scan]\nwrokers = 2\n".utf8))
            library.extraArguments = ["--config", file.description]
            try expectRefusal(library, code: 78, naming: "config.toml:2", "scan.workers")
            #expect(try run(Programs.musicfs, "mount", "--no-such-option").status == 64)
            #expect(try run(Programs.musicfs, "status", "--name", "nobody").status == 69)
        }

        @Test func aSecondDaemonIsToldOfTheFirst() throws {
            let library = try MountedLibrary()
            try library.start()
            // Also in the background, where the one that was started waits for what it started.
            let background = try run(["timeout", "30"] + library.mountArguments + ["--daemon"])
            #expect(background.status != 0 && background.status != 124, "\(background.text)")
            let guardian = try library.status().guardian_pid
            let outcome = try run(["timeout", "20"] + library.mountArguments)
            #expect(outcome.status == 1 && outcome.text.contains("\(guardian)"), "\(outcome.text)")
            #expect(try MountEntry.at(library.mount) != nil)
        }

        @Test func aMountThatIsTakenAwayEndsTheDaemon() throws {
            let library = try MountedLibrary()
            try library.start()
            let guardian = try library.status().guardian_pid
            #expect(try run("umount", library.mount.description).status == 0)
            #expect(eventually { kill(guardian, 0) != 0 || ((try? MountEntry.at(library.mount)) ?? nil) == nil })
            #expect(eventually { !library.log.isEmpty && library.log.contains("stopped") })
        }
    }
}

extension EndToEnd {
    /// As an ordinary user, through fusermount3.
    @Suite(.enabled(if: ThisProcess.isAdministrator)) struct UnprivilegedTests {
        @Test func anOrdinaryUserMountsReadsAndSurvivesAKill() throws {
            let library = try MountedLibrary()
            try library.generate("--sample")
            let home = library.directory.path
            #expect(try run("chown", "-R", "nobody", home.description).status == 0)
            #expect(try run("chmod", "755", home.description).status == 0)
            // Rule 27: where /dev/fuse is for root alone, a node for everybody is bound over it, in a namespace of its own.
            let script = """
                set -e
                if [ "$(stat -c %a /dev/fuse)" != 666 ]; then
                    mknod -m 666 '\(home)/fuse' c 10 229
                    mount --bind '\(home)/fuse' /dev/fuse
                fi
                exec setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME='\(home)' XDG_RUNTIME_DIR='\(home)/state' \
                    bash -c '
                    \(Programs.musicfs) mount \(library.mount) --origin \(library.origin) --cache-dir \(home)/cache \
                        --state-dir \(home)/state --name user --daemon
                    \(Programs.musicfs) scan --name user
                    bad=0; count=0
                    while IFS= read -r -d "" file; do
                        cmp "$file" "$(getfattr --only-values --absolute-names -n user.musicfs.real_path "$file")" || bad=1
                        count=$((count + 1))
                    done < <(find \(library.mount) -type f -print0)
                    pid=$(\(Programs.musicfs) status --name user --json | grep -o "\\"pid\\":[0-9]*" | grep -o "[0-9]*")
                    exec 5< "$(find \(library.mount) -name "*.flac" | head -n 1)"
                    kill -9 "$pid"
                    head -c 4 <&5
                    ls \(library.mount) > /dev/null
                    exec 5<&-
                    touch \(library.mount)/x 2>&1 | grep -c Read-only
                    \(Programs.musicfs) unmount \(library.mount)
                    echo "files $count bad $bad"
                    '
                """
            let outcome = try run("unshare", "-m", "bash", "-c", script)
            #expect(outcome.status == 0, "\(outcome.text)")
            #expect(outcome.text.contains("fLaC") && outcome.text.contains("files 94 bad 0"), "\(outcome.text)")
        }
    }
}
