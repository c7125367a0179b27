import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSCore

@Suite struct ConfigurationSourcesTests {
    @Test func laterSourcesWin() throws {
        let file = "mount_point = \"/file\"\n[scan]\nworkers = 1\n[log]\nlevel = \"error\"\n"
        let environment = ["MUSICFS_MOUNT_POINT": "/variable", "MUSICFS_SCAN_WORKERS": "2", "MUSICFS_MEDIA": "x"]
        let flags = ConfigurationFlags(mountPoint: "/flag")
        let loaded = try load(file, flags: flags, environment: environment)
        #expect(loaded.configuration.mountPoint == "/flag")
        #expect(loaded.configuration.scan.workers == 2)
        #expect(loaded.configuration.log.level == LogFilter(.error))
        #expect(loaded.source("mount_point") == .flag("MOUNTPOINT"))
        #expect(loaded.source("scan.workers") == .environment("MUSICFS_SCAN_WORKERS"))
        let path = try #require(loaded.file)
        #expect(loaded.source("log.level") == .file(path, line: 5, column: 1))
        #expect(loaded.source("fuse.threads") == .default)
        #expect(loaded.source("name") == .default)
        #expect(loaded.configuration.name == "flag")
    }

    @Test func everyKeyHasAVariable() throws {
        for key in ConfigurationSchema.keys {
            let name = ConfigurationSchema.variable(key.path)
            let value = key.read(Configuration()).text
            #expect(try errors(environment: [name: value]) == [], "\(name)=\(value)")
        }
    }

    @Test(arguments: [
        ("MUSICFS_TREE_TEMPLAT", "this variable names no key; did you mean MUSICFS_TREE_TEMPLATE?"),
        ("MUSICFS_XYZ", "this variable names no key"),
        ("MUSICFS_CONFIG", "this variable names no key"),
        ("MUSICFS_VIEWS_FILTER", "MUSICFS_VIEWS_FILTER is not available in this version; remove it"),
        ("MUSICFS_ORIGINS_PATH", "origins are given in a file or with --origin; remove this variable"),
        ("MUSICFS_FUSE_ALLOW_OTHER", "fuse.allow_other is \"maybe\", but must be true or false"),
    ])
    func wrongVariables(_ name: String, _ message: String) throws {
        #expect(try errors(environment: [name: "maybe"]) == ["environment \(name): \(message)"])
    }

    @Test func flagOriginsAreAddedUnderFreeIDs() throws {
        let loaded = try load(
            "[[origins]]\nid = \"local-2\"\npath = \"/a\"",
            flags: ConfigurationFlags(origins: ["/b", "~/c", "d"]))
        let here = try FilePath(".").resolved()
        #expect(loaded.configuration.origins.map(\.id) == ["local-2", "local", "local-3", "local-4"])
        #expect(loaded.configuration.origins.map(\.path) == ["/a", "/b", "/home/u/c", here.appending("d")])
        #expect(loaded.configuration.origins.allSatisfy { $0.priority == 1 })
        #expect(loaded.source("origins[local].path") == .flag("--origin"))
        #expect(loaded.source("origins[local].timeout") == .default)
    }

    @Test(
        arguments: [
            (
                false, [:], "/home/u/.cache/musicfs/m", "/home/u/.local/state/musicfs/m",
                "/home/u/.local/state/musicfs/m.sock"
            ),
            (true, [:], "/var/cache/musicfs/m", "/var/lib/musicfs/m", "/run/musicfs/m.sock"),
            (
                false, ["XDG_CACHE_HOME": "/xc", "XDG_STATE_HOME": "/xs", "XDG_RUNTIME_DIR": "/run/user/1"],
                "/xc/musicfs/m", "/xs/musicfs/m", "/run/user/1/musicfs/m.sock"
            ),
            (
                false, ["XDG_CACHE_HOME": "relative"], "/home/u/.cache/musicfs/m", "/home/u/.local/state/musicfs/m",
                "/home/u/.local/state/musicfs/m.sock"
            ),
            (true, ["XDG_CACHE_HOME": "/xc"], "/xc/musicfs/m", "/var/lib/musicfs/m", "/run/musicfs/m.sock"),
        ] as [(Bool, [String: String], String, String, String)])
    func directoriesOfAnInstance(
        _ isRoot: Bool, _ environment: [String: String], _ cache: String, _ state: String, _ socket: String
    ) throws {
        let loaded = try load("mount_point = \"/mnt/m/\"", environment: environment, isRoot: isRoot)
        let instance = try loaded.configuration.validateForInstance()
        #expect(instance.name == "m")
        #expect(instance.cacheDirectory == FilePath(cache))
        #expect(instance.stateDirectory == FilePath(state))
        #expect(instance.socket == FilePath(socket))
        #expect(loaded.source("cache_dir") == .default)
    }

    @Test func whatAMountNeeds() throws {
        let nothing = try load().configuration
        let error = #expect(throws: ConfigurationError.self) { try nothing.validateForMount() }
        #expect(error?.diagnostics.count == 2)
        #expect(throws: ConfigurationError.self) { try nothing.validateForInstance() }
        let disabled = try load("mount_point = \"/m\"\n[[origins]]\nid = \"a\"\npath = \"/a\"\nenabled = false")
        #expect(throws: ConfigurationError.self) { try disabled.configuration.validateForMount() }
        let enough = try load(flags: ConfigurationFlags(mountPoint: "/m", origins: ["/a"]))
        #expect(try enough.configuration.validateForMount().mountPoint == "/m")
        #expect(try errors("mount_point = \"/\"").count == 1)
        let long = "/" + String(repeating: "x", count: 120)
        #expect(try errors("mount_point = \"/m\"\ncontrol.socket = \"\(long)\"").count == 1)
    }

    @Test func aUserWithoutAHomeIsToldWhatToSet() throws {
        let without = ["HOME": ""]
        #expect(try errors(environment: without).count == 2)
        #expect(try errors("cache_dir = \"~/c\"\nstate_dir = \"/s\"", environment: without).count == 2)
        #expect(try errors("cache_dir = \"/c\"\nstate_dir = \"/s\"", environment: without) == [])
    }

    @Test func defaultFilesAreFoundInOrder() throws {
        let directory = try TestDirectory()
        let environment = ["XDG_CONFIG_HOME": directory.path.description, "HOME": "/home/u"]
        func file() throws -> FilePath? {
            try Configuration.load(
                flags: ConfigurationFlags(), environment: environment, isRoot: false, templateError: { _ in nil }
            ).file
        }
        let own = directory.path.appending("musicfs/config.toml")
        #expect(try file() != own)
        try createDirectories(own.parent)
        try writeFileAtomically(own, [])
        #expect(try file() == own)
        var flags = ConfigurationFlags()
        flags.configFile = directory.path.appending("none.toml").description
        #expect(throws: ConfigurationError.self) {
            try Configuration.load(flags: flags, environment: environment, isRoot: false, templateError: { _ in nil })
        }
    }
}
