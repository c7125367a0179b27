import MusicFSSystem
import TestSupport
import Testing

@testable import MusicFSCore

@Suite struct ConfigurationFileTests {
    @Test func everyKeyIsHonoured() throws {
        let loaded = try load(
            """
            name = "Bob's Music"
            mount_point = "~/music"
            cache_dir = "/c"
            state_dir = "/s"
            tree = { template = "$title", companions = false, virtual_dirs = false }
            [scan]
            workers = 3
            removal_brake = 1
            [cache]
            max_size = "1GiB"
            retag = "refetch"
            memory = "32MiB"
            scrub_interval = "2h"
            read_ahead = 1048576
            [health]
            interval = "10s"
            timeout = "2s"
            slow = "1s"
            thresholds = { local = 2, nfs = 4, smb = 5, s3 = 6, sftp = 7, webdav = 8 }
            [fuse]
            allow_other = true
            timeout = "90s"
            passthrough = "never"
            threads = 2
            [guardian]
            heartbeat_timeout = "2m"
            max_restarts = 0
            [log]
            level = "warning,fuse=debug"
            format = "json"
            dir = "/var/log/musicfs"
            [control]
            socket = "/run/m.sock"
            group = "audio"
            tcp = "localhost:8437"
            token_file = "/etc/musicfs/token"
            [prefetch]
            enabled = false
            tracks = 9
            concurrent = 4
            quiet = "2s"
            [history]
            keep = "7d"
            [events]
            capacity = 7
            [[origins]]
            id = "home"
            type = "local"
            path = "~/Music"
            priority = 4
            enabled = false
            timeout = "250ms"
            poll_interval = "1d"
            cache = "always"
            bandwidth = "2MB"
            [[origins]]
            id = "usb"
            path = "/media/usb"
            """)
        var expected = Configuration()
        expected.name = "Bob's Music"
        expected.mountPoint = "/home/u/music"
        expected.cacheDir = "/c"
        expected.stateDir = "/s"
        expected.tree.template = "$title"
        expected.tree.companions = false
        expected.tree.virtualDirectories = false
        expected.scan.workers = 3
        expected.scan.removalBrake = 1
        expected.cache.maxSize = 1 << 30
        expected.cache.retag = .refetch
        expected.cache.memory = 32 << 20
        expected.cache.scrubInterval = .seconds(7200)
        expected.cache.readAhead = 1 << 20
        expected.health.interval = .seconds(10)
        expected.health.timeout = .seconds(2)
        expected.health.slow = .seconds(1)
        expected.health.thresholds.local = 2
        expected.health.thresholds.nfs = 4
        expected.health.thresholds.smb = 5
        expected.health.thresholds.s3 = 6
        expected.health.thresholds.sftp = 7
        expected.health.thresholds.webdav = 8
        expected.fuse.allowOther = true
        expected.fuse.timeout = .seconds(90)
        expected.fuse.passthrough = .never
        expected.fuse.threads = 2
        expected.guardian.heartbeatTimeout = .seconds(120)
        expected.guardian.maxRestarts = 0
        expected.log.level = LogFilter(.warning, modules: ["fuse": .debug])
        expected.log.format = .json
        expected.log.directory = "/var/log/musicfs"
        expected.control.socket = "/run/m.sock"
        expected.control.group = "audio"
        expected.control.tcp = "localhost:8437"
        expected.control.tokenFile = "/etc/musicfs/token"
        expected.prefetch.isEnabled = false
        expected.prefetch.tracks = 9
        expected.prefetch.concurrent = 4
        expected.prefetch.quiet = .seconds(2)
        expected.history.keep = .seconds(7 * 86_400)
        expected.events.capacity = 7
        var home = Configuration.Origin()
        home.id = "home"
        home.path = "/home/u/Music"
        home.priority = 4
        home.isEnabled = false
        home.timeout = .milliseconds(250)
        home.pollInterval = .seconds(86400)
        home.cache = .always
        home.bandwidth = 2_000_000
        var usb = Configuration.Origin()
        usb.id = "usb"
        usb.path = "/media/usb"
        expected.origins = [home, usb]
        #expect(loaded.configuration == expected)
        #expect(loaded.configuration.cacheDirectory == "/c/Bob's Music")
        // Every key was given by the file, so none may claim another source.
        for entry in loaded.entries where !entry.key.hasPrefix("origins[usb]") {
            guard case .file = entry.source else { Issue.record("\(entry.key) is from \(entry.source)"); continue }
        }
        #expect(loaded.source("fuse.timeout")?.description.hasSuffix("config.toml:22") == true)
    }

    @Test(arguments: [
        ("nam = \"x\"", "1:1: unknown key nam; did you mean name?"),
        ("\n  mountpoint = \"/m\"", "2:3: unknown key mountpoint; did you mean mount_point?"),
        ("template = \"x\"", "1:1: unknown key template; did you mean tree.template?"),
        ("[fuse]\nalow_other = true", "2:1: unknown key fuse.alow_other; did you mean fuse.allow_other?"),
        ("[events]\nzzzzzz = 1", "2:1: unknown key events.zzzzzz; valid here: capacity"),
        ("[fsue]\nthreads = 1", "1:2: unknown section fsue; did you mean [fuse]?"),
        ("[fuse]\nthreads = \"two\"", "2:1: fuse.threads is a string, but must be a whole number from 0 to 256"),
        ("[fuse]\nthreads = 257", "2:1: fuse.threads is 257, but must be a whole number from 0 to 256"),
        ("[fuse]\nallow_other = 1", "2:1: fuse.allow_other is a whole number, but must be true or false"),
        ("[scan]\nremoval_brake = nan", "2:1: scan.removal_brake is nan, but must be a number from 0.0 to 1.0"),
        (
            "[fuse]\ntimeout = 5",
            "2:1: fuse.timeout is a whole number, but must be a duration in ms, s, m, h or d, from \"0s\" to \"365d\""
        ),
        (
            "[guardian]\nheartbeat_timeout = \"9999999999999999999d\"",
            "2:1: guardian.heartbeat_timeout is \"9999999999999999999d\", but must be a duration in ms, s, m, h or d, "
                + "from \"1s\" to \"1h\""
        ),
        ("[fuse]\npassthrough = \"yes\"", "2:1: fuse.passthrough is \"yes\", but must be \"auto\" or \"never\""),
        (
            "mount_point = \"music\"",
            "1:1: mount_point is \"music\", but must be a path that begins with \"/\" or \"~/\""
        ),
        ("name = \"a/b\"", "1:1: name is \"a/b\", but must be a file name of at most 64 bytes, without \"/\""),
        ("name = \"a\\u0000\"", "1:1: name holds a NUL"),
        ("tree.template = \"bad\"", "1:6: tree.template is no path template: it is bad"),
        ("fuse = 3", "1:1: fuse must be a section, [fuse]"),
        ("[[fuse]]", "1:3: fuse must be a section, [fuse]"),
        ("[origins]\nid = \"x\"", "1:2: origins must be sections in double brackets, [[origins]]"),
        (
            "[history]\nkeep = \"for ever\"",
            "2:1: history.keep is \"for ever\", but must be a duration in ms, s, m, h or d, from \"0s\" to \"36500d\""
        ),
        ("[prefetch]\ntracks = 0", "2:1: prefetch.tracks is 0, but must be a whole number from 1 to 100"),
        ("[[views]]\nfilter = \"\"", "2:1: views.filter is not available in this version; remove it"),
        (
            "[control]\ntcp = \"0.0.0.0:8437\"",
            "2:1: control.tcp is \"0.0.0.0:8437\", but must be an address that only this machine reaches, with a port: "
                + "127.0.0.1:8437, [::1]:8437 or localhost:8437"
        ),
        (
            "[control]\ntcp = \"127.0.0.1:8437\"",
            "2:1: control.tcp is reached by every user of this machine, so it needs a token: set control.token_file"
        ),
        ("[[origins]]\nid = \"a\"", "1:1: this origin has no path; add path = \"…\""),
        (
            "[[origins]]\nid = \"a b\"\npath = \"/\"",
            "2:1: origins.id is \"a b\", but must be an id of letters, digits, \".\", \"_\" and \"-\", not \".\" or \"..\""
        ),
        (
            "[[origins]]\nid = \"..\"\npath = \"/\"",
            "2:1: origins.id is \"..\", but must be an id of letters, digits, \".\", \"_\" and \"-\", not \".\" or \"..\""
        ),
        (
            "[[origins]]\nid = \"a\"\npath = \"/\"\npriority = 256",
            "4:1: origins.priority is 256, but must be a whole number from 0 to 255"
        ),
        (
            "[[origins]]\nid = \"a\"\ntype = \"ftp\"",
            "3:1: origins.type is \"ftp\", but must be \"local\" or \"nfs\" or \"smb\" or \"s3\" or \"sftp\" or \"webdav\""
        ),
        (
            "[[origins]]\nid = \"a\"\ntype = \"s3\"",
            "1:1: this origin has no bucket; add bucket = \"…\""
        ),
        (
            "[[origins]]\nid = \"a\"\npath = \"/\"\nbucket = \"b\"",
            "4:1: origins.bucket means nothing for an origin of type \"local\", only for \"s3\"; remove it"
        ),
        (
            "[[origins]]\nid = \"a\"\ntype = \"webdav\"\nurl = \"https://u:p@h/\"",
            "4:1: origins.url must not hold a name or a password; use credentials = \"file:PATH\""
        ),
        (
            "[[origins]]\nid = \"a\"\ntype = \"s3\"\nbucket = \"b\"\ncredentials = \"hunter2\"",
            "5:1: origins.credentials must be \"env\" or \"anonymous\" or \"profile:NAME\" or \"file:PATH\""
        ),
        (
            "[[origins]]\nid = \"a\"\npath = \"/a\"\nbandwidth = \"fast\"",
            "4:1: origins.bandwidth is \"fast\", but must be a size in B, KiB, MiB or GiB, from \"0\" to \"1TiB\""
        ),
        (
            "[[origins]]\nid = \"a\"\npath = \"/a\"\n[[origins]]\nid = \"a\"\npath = \"/b\"",
            "5:1: origins.id \"a\" is taken by the origin of line 2; choose another"
        ),
        (
            "[[origins]]\nid = \"a\"\npath = \"/a\"\nprio = 1",
            "4:1: unknown key origins.prio; valid here: "
                + ConfigurationSchema.originKeys.map(\.name).joined(separator: ", ")
        ),
    ])
    func oneErrorIsTold(_ text: String, _ expected: String) throws {
        #expect(try errors(text) == [expected])
    }

    @Test(arguments: [
        "name = ", "name = \"x\"\nname = \"y\"", "[tree", "x = 1979-13-01", "a\u{0}b = 1", "= 1", "x = 1 \u{204}",
    ])
    func brokenTOMLHasALine(_ text: String) throws {
        let found = try errors(text)
        #expect(found.count == 1)
        #expect(found.first?.first?.isNumber == true)
    }

    /// toml++ only asserts that a header begins with a key.
    @Test(arguments: ["[=]", "[[#]]", "[ =", "[,"])
    func aHeaderWithoutAKeyHasALine(_ header: String) throws {
        #expect(try errors("name = \"x\"\n\n\(header)\n[fuse]\n") == ["3:1: this is not valid TOML"])
    }

    @Test func allErrorsAreToldInOrder() throws {
        let found = try errors(
            "[fuse]\nthreads = -1\nb = 2\n[[origins]]\npriority = 1.5\n[scan]\nworkers = 1.0\n",
            flags: ConfigurationFlags(logLevel: "loud"), environment: ["MUSICFS_SCAN_WORKERS": "many"])
        #expect(found.map { $0.prefix(4) } == ["2:1:", "3:1:", "4:1:", "4:1:", "5:1:", "7:1:", "envi", "--lo"])
    }

    @Test(arguments: ["k% = 1\n", "[x%]\n", "[[origins]]\n", "[cache.k%]\n", "[[views]]\nk% = 1\n"])
    func aFileOfErrorsIsNotReadToItsEnd(_ line: String) throws {
        let text = (0..<30_000).map { line.replacing("%", with: "\($0)") }.joined()
        let found = try errors(text)
        #expect((101...102).contains(found.count))
        #expect(found.first?.hasPrefix("1:") == true || found.first?.hasPrefix("2:") == true)
        #expect(found.last?.hasPrefix("there are too many errors") == true)
    }

    @Test func aLongKeyIsCut() throws {
        let found = try errors(String(repeating: "k", count: 100_000) + " = 1")
        #expect(found.count == 1 && found[0].utf8.count < 300)
    }

    @Test func diagnosticsLookLikeThoseOfCompilers() {
        let diagnostic = ConfigurationDiagnostic("wrong", at: .file("/etc/x.toml", line: 3, column: 7))
        #expect(diagnostic.description == "/etc/x.toml:3:7: error: wrong")
    }

    @Test func depthAndSizeAreBounded() throws {
        let dots = String(repeating: "a.", count: 200_000)
        #expect(try errors("\n\(dots)a = 1").count == 1)
        #expect(try errors("x = " + String(repeating: "[", count: 100_000)).count == 1)
        #expect(try errors("x = " + String(repeating: "{a=", count: 100_000)).count == 1)
        let long = "#" + String(repeating: "x", count: 1 << 20)
        #expect(try errors(long) == ["1:1: the text is longer than 1 MiB"])
        // Dots in strings and comments are no keys.
        let many = String(repeating: ".", count: 100)
        let text = "# \(many)\nlog.dir = '/\(many)'\ntree.template = \"\"\"\\\"\(many)\"\"\"\""
        #expect(try errors(text) == [])
    }
}
