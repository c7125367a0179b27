import Foundation
import MusicFSCore
import MusicFSSystem
import TestSupport
import Testing

/// The units of dist/, as far as they can be judged without systemd running. Tools/nspawn.sh runs them.
@Suite struct UnitFileTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("dist/systemd").path
    private static let units = ["musicfs.service", "musicfs@.service", "user/musicfs.service"]

    /// Assignments of the `[Service]` section.
    private func settings(_ unit: String) throws -> [(key: String, value: String)] {
        let text = try String(contentsOfFile: "\(Self.folder)/\(unit)", encoding: .utf8)
        let section = try #require(text.split(separator: "[Service]\n").last)
        return section.prefix { $0 != "[" }.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
            let parts = line.split(separator: "=", maxSplits: 1)
            return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
        }
    }

    @Test(arguments: units) func everyLimitIsSet(unit: String) throws {
        let settings = try settings(unit)
        let wanted = [
            "Type": "notify", "NotifyAccess": "all", "MemoryHigh": "2G", "MemoryMax": "4G", "LimitNOFILE": "65536",
            "TasksMax": "4096", "CPUQuota": "200%", "IOSchedulingClass": "best-effort", "IOSchedulingPriority": "4",
            "OOMScoreAdjust": "200", "WatchdogSec": "30s", "RestartSec": "5", "Restart": "on-failure",
            "OOMPolicy": "continue", "FileDescriptorStoreMax": "8",
        ]
        for (key, value) in wanted {
            #expect(settings.filter { $0.key == key }.map(\.value) == [value], "\(unit): \(key)")
        }
        for key in ["ExecStart", "ExecReload", "ExecStop", "ExecStopPost"] {
            #expect(settings.contains { $0.key == key && $0.value.contains("/usr/bin/musicfs ") }, "\(unit): \(key)")
        }
    }

    /// A mount in a namespace of the service's own is seen by nobody; with no_new_privs fusermount3 cannot mount.
    @Test(arguments: units) func nothingHidesTheMount(unit: String) throws {
        let hiding = [
            "ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "PrivateMounts", "PrivateUsers",
            "ProtectProc",
            "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups", "ProcSubset",
            "ReadWritePaths", "ReadOnlyPaths", "InaccessiblePaths", "ExecPaths", "NoExecPaths", "TemporaryFileSystem",
            "BindPaths", "BindReadOnlyPaths", "RootDirectory", "RootImage", "MountImages", "MountFlags", "DynamicUser",
            "NoNewPrivileges", "LogNamespace", "LoadCredential", "PrivateIPC",
        ]
        let found = try settings(unit).map(\.key).filter(hiding.contains)
        #expect(found == [])
        guard unit.hasPrefix("user/") else { return }
        // Each of these implies no_new_privs for a service that is not root's.
        let implying = ["Restrict", "SystemCall", "LockPersonality", "MemoryDeny", "Protect", "Private"]
        #expect(try settings(unit).map(\.key).filter { key in implying.contains { key.hasPrefix($0) } } == [])
    }

    @Test(arguments: units) func systemdFindsNoFault(unit: String) throws {
        let isThere = try shell("command -v systemd-analyze").status == 0
        if !isThere, ProcessInfo.processInfo.environment["CI"] == nil {
            return print("SKIPPED: systemd-analyze is missing; apt-get install systemd")
        }
        let directory = try TestDirectory()
        let text = try String(contentsOfFile: "\(Self.folder)/\(unit)", encoding: .utf8)
        let copy = directory.path.appending(unit.replacing("user/", with: ""))
        try writeFileAtomically(copy, Array(text.replacing("/usr/bin/musicfs", with: Programs.musicfs).utf8))
        let outcome = try run(
            ["env", "XDG_RUNTIME_DIR=\(directory.path)", "systemd-analyze", "verify", "--man=no"]
                + (unit.hasPrefix("user/") ? ["--user"] : []) + [copy.description])
        #expect(outcome.status == 0 && outcome.text == "", "\(outcome.text)")
    }
}
