import MusicFSSystem

/// Lines of `KEY = VALUE  # COMMENT` with the comments in one column.
private func table(_ rows: [(key: String, value: String, comment: String)]) -> String {
    let rows = rows.map { (assignment: "\($0.key) = \($0.value)", $0.comment) }
    // One long value must not push all comments off the screen.
    let width = min(rows.map(\.assignment.count).max() ?? 0, 40)
    return rows.map { assignment, comment in
        assignment + String(repeating: " ", count: max(0, width - assignment.count)) + "  # \(comment)\n"
    }.joined()
}

extension LoadedConfiguration {
    /// The effective configuration as TOML, which reads back to the same, with where each value comes from.
    package func show() -> String {
        var parts: [String] = []
        var rest = entries[...]
        for section in ConfigurationSchema.sections {
            let names = ConfigurationSchema.names(in: section)
            parts.append((section.isEmpty ? "" : "[\(section)]\n") + rows(names, &rest))
        }
        for origin in configuration.origins {
            let names = ConfigurationSchema.originKeys.map(\.name).filter(origin.kind.has)
            parts.append("[[origins]]\n" + rows(names, &rest))
        }
        return parts.joined(separator: "\n")
    }

    /// The entries come in the order of the schema, so that each table takes the next ones.
    private func rows(_ names: [String], _ rest: inout ArraySlice<ConfigurationEntry>) -> String {
        defer { rest = rest.dropFirst(names.count) }
        return table(
            zip(names, rest).map { name, entry in (name, entry.value.toml, entry.source.description) })
    }
}

extension Configuration {
    /// A configuration file with every key of this version, what it means, and its default; the origin in it is a
    /// comment.
    package static var example: String {
        let defaults = Configuration()
        var parts = [
            """
            # The configuration of MusicFS. Every key can be left out except one origin; the values here are the
            # defaults, and "" stands for the default that the comment tells. Durations take ms, s, m, h, d.
            # Every key outside of [[origins]] exists as a variable too: MUSICFS_SECTION_KEY.

            """
        ]
        for section in ConfigurationSchema.sections {
            let keys = ConfigurationSchema.keys.filter { $0.section == section }
            let lines = keys.map { "# \($0.documentation)\n\($0.name) = \($0.read(defaults).toml)\n" }
            parts.append((section.isEmpty ? "" : "[\(section)]\n") + lines.joined())
        }
        for origin in Configuration.Origin.examples {
            let keys = ConfigurationSchema.originKeys.filter { origin.kind.has($0.name) }
            let lines = keys.map { "# # \($0.documentation)\n# \($0.name) = \($0.read(origin).toml)\n" }
            parts.append("# [[origins]]\n" + lines.joined())
        }
        return parts.joined(separator: "\n")
    }
}

extension Configuration.Origin {
    /// One of each kind that has keys of its own.
    fileprivate static var examples: [Self] {
        var home = Self()
        (home.id, home.path) = ("home", "/home/me/Music")
        var bucket = Self()
        (bucket.id, bucket.kind, bucket.bucket, bucket.credentials) = ("bucket", .s3, "music", "env")
        var server = Self()
        (server.id, server.kind, server.host, server.user) = ("server", .sftp, "music.example.org", "alice")
        (server.path, server.credentials) = ("/srv/music", "agent")
        var dav = Self()
        (dav.id, dav.kind, dav.url) = ("dav", .webdav, "https://cloud.example.org/dav/music/")
        dav.credentials = "file:/etc/musicfs/dav.toml"
        return [home]
            + [bucket, server, dav].map { origin in
                var origin = origin
                origin.timeout = .seconds(30)
                return origin
            }
    }
}
