import MusicFSSystem

/// What values depend on beside their text: the user, the environment, the template language.
struct ConfigurationContext {
    let environment: [String: String]
    let isRoot: Bool
    /// What is wrong with a template, or nil.
    let templateError: (String) -> String?

    private var home: FilePath? {
        guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
        return FilePath(home)
    }

    /// A base directory; the specification has relative ones ignored (XDG Base Directory Specification 0.8).
    private func base(_ variable: String) -> FilePath? {
        guard let path = environment[variable], path.hasPrefix("/") else { return nil }
        return FilePath(path)
    }

    /// Where a configuration is looked for without `--config`, in this order.
    var defaultFiles: [FilePath] {
        let user = base("XDG_CONFIG_HOME") ?? home?.appending(".config")
        return [user?.appending("musicfs/config.toml"), "/etc/musicfs/config.toml"].compactMap(\.self)
    }

    /// nil for a user without a home.
    var cacheDir: FilePath? {
        directory(base("XDG_CACHE_HOME"), root: "/var/cache/musicfs", below: ".cache")
    }

    var stateDir: FilePath? {
        directory(base("XDG_STATE_HOME"), root: "/var/lib/musicfs", below: ".local/state")
    }

    private func directory(_ base: FilePath?, root: FilePath, below: String) -> FilePath? {
        if let base { return base.appending("musicfs") }
        if isRoot { return root }
        return home?.appending(below).appending("musicfs")
    }

    func socket(_ name: String, stateDir: FilePath) -> FilePath {
        let file = "\(name).sock"
        if isRoot { return FilePath("/run/musicfs").appending(file) }
        if let runtime = base("XDG_RUNTIME_DIR") { return runtime.appending("musicfs").appending(file) }
        return stateDir.appending(file)
    }

    /// Puts the home for `~` and, where allowed, the current directory before a relative path.
    func path(
        _ text: String, allowsRelative: Bool, wrong: ConfigurationProblem
    ) throws(ConfigurationProblem) -> FilePath {
        if text == "~" || text.hasPrefix("~/") {
            guard let home else {
                throw ConfigurationProblem("begins with \"~\", but HOME is not set; write the path from \"/\"")
            }
            let rest = text.dropFirst().drop { $0 == "/" }
            return rest.isEmpty ? home : home.appending(String(rest))
        }
        let path = FilePath(text)
        if path.isAbsolute { return path }
        guard allowsRelative, !path.isEmpty else { throw wrong }
        do { return try path.absolute() } catch {
            throw ConfigurationProblem(
                "is \"\(text.escapingControls)\", and the current directory is not known: \(error)")
        }
    }
}
