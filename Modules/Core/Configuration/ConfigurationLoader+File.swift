import MusicFSSystem

extension ConfigurationLoader {
    /// Reads the named file, or else the first default one that exists.
    ///
    /// - Returns: the file that was read.
    mutating func readFile(named name: String?) -> FilePath? {
        if let name {
            do {
                let path = try ConfigurationKind.path(isOptional: false).value(
                    ofText: name, context, allowsRelative: true)
                guard case .path(let path) = path else { return nil }
                return read(path, mayBeMissing: false) ? path : nil
            } catch {
                report("the configuration file \(error.message)", at: .flag("--config"))
                return nil
            }
        }
        return context.defaultFiles.first { read($0, mayBeMissing: true) }
    }

    /// - Returns: whether the file exists and could be read; whatever is wrong in it was reported.
    private mutating func read(_ path: FilePath, mayBeMissing: Bool) -> Bool {
        do {
            // One byte more shows that the file is too long.
            let text = try MusicFSSystem.readFile(path, limit: (1 << 20) + 1)
            parse(text, path)
            return true
        } catch {
            let isMissing = error.errno == .noEntry || error.errno == .notDirectory
            if !isMissing || !mayBeMissing {
                report(
                    "the configuration \(path.description.escapingControls) cannot be read: \(error.errno)", at: nil)
            }
            return false
        }
    }

    mutating func parse(_ text: [UInt8], _ path: FilePath) {
        let start = diagnostics.count
        do {
            let document = try TOMLDocument(parsing: text)
            var file = ConfigurationFile(path: path, document: document)
            file.read(into: &self)
        } catch {
            report(error.message.escapingControls, at: .file(path, line: error.line, column: error.column))
        }
        sortDiagnostics(from: start)
        if hasTooManyErrors {
            report(
                "there are too many errors; the rest of \(path.description.escapingControls) was not looked at", at: nil
            )
        }
    }
}

/// A parsed file on its way into the loader.
private struct ConfigurationFile {
    let path: FilePath
    let document: TOMLDocument
    /// The line of each id, to tell of a second one.
    private var ids: [String: Int] = [:]

    init(path: FilePath, document: TOMLDocument) {
        self.path = path
        self.document = document
    }

    private func source(_ node: TOMLNode) -> ConfigurationSource {
        .file(path, line: node.line, column: node.column)
    }

    mutating func read(into loader: inout ConfigurationLoader) {
        for node in document.root {
            if node.key == ConfigurationSchema.originsSection {
                readOrigins(node, into: &loader)
            } else if ConfigurationSchema.sections.contains(node.key), !node.key.isEmpty {
                guard node.value == .table else {
                    loader.report("\(node.key) must be a section, [\(node.key)]", at: source(node))
                    continue
                }
                for child in document.children(of: node) {
                    if child.value == .table, readTable(child, node.key, into: &loader) { continue }
                    readKey(child, node.key, into: &loader)
                }
            } else if ConfigurationSchema.unavailable[node.key] != nil {
                readUnavailable(node, into: &loader)
            } else {
                readKey(node, "", into: &loader)
            }
        }
    }

    /// Reads a table in a section, whose keys are those of the schema with a dot.
    ///
    /// - Returns: whether there are such keys.
    private func readTable(_ node: TOMLNode, _ section: String, into loader: inout ConfigurationLoader) -> Bool {
        let prefix = "\(node.key)."
        guard ConfigurationSchema.keys.contains(where: { $0.section == section && $0.name.hasPrefix(prefix) }) else {
            return false
        }
        for child in document.children(of: node) {
            readKey(child, section, name: prefix + child.key, into: &loader)
        }
        return true
    }

    private func readKey(
        _ node: TOMLNode, _ section: String, name: String? = nil, into loader: inout ConfigurationLoader
    ) {
        if loader.hasTooManyErrors { return }
        let name = name ?? node.key
        guard let key = ConfigurationSchema.keys.first(where: { $0.section == section && $0.name == name }) else {
            return reportUnknown(node, section, into: &loader)
        }
        do {
            let value = try key.kind.value(of: node, loader.context)
            key.write(&loader.configuration, value)
            if value != .empty { loader.sources[key.path] = source(node) }
        } catch {
            loader.report("\(key.path) \(error.message)", at: source(node))
        }
    }

    /// Names each key of a section that this version has nothing of.
    private func readUnavailable(_ node: TOMLNode, into loader: inout ConfigurationLoader) {
        let tables = node.value == .array ? document.children(of: node) : [node]
        let children = tables.filter { $0.value == .table }.flatMap(document.children)
        guard !children.isEmpty else {
            return loader.report("\(node.key) \(ConfigurationSchema.unavailableMessage)", at: source(node))
        }
        for child in children where !loader.hasTooManyErrors {
            if ConfigurationSchema.isUnavailable(node.key, child.key) {
                loader.report("\(node.key).\(child.key) \(ConfigurationSchema.unavailableMessage)", at: source(child))
            } else {
                reportUnknown(child, node.key, into: &loader)
            }
        }
    }

    private func reportUnknown(_ node: TOMLNode, _ section: String, into loader: inout ConfigurationLoader) {
        let name = String(node.key.prefix(80)).escapingControls
        let full = section.isEmpty ? name : "\(section).\(name)"
        if ConfigurationSchema.isUnavailable(section, node.key) {
            return loader.report("\(full) \(ConfigurationSchema.unavailableMessage)", at: source(node))
        }
        let hint =
            if let suggestion = suggestion(for: node, in: section) {
                "did you mean \(suggestion)?"
            } else if ConfigurationSchema.names(in: section).isEmpty {
                "nothing of [\(section)] \(ConfigurationSchema.unavailableMessage)"
            } else {
                "valid here: " + ConfigurationSchema.names(in: section).joined(separator: ", ")
            }
        let what = node.value == .table && section.isEmpty ? "unknown section" : "unknown key"
        loader.report("\(what) \(full); \(hint)", at: source(node))
    }

    /// The key or section that was probably meant: first one of the same place, then one of the same name elsewhere.
    private func suggestion(for node: TOMLNode, in section: String) -> String? {
        let prefix = section.isEmpty ? "" : "\(section)."
        if section.isEmpty, node.value == .table || node.value == .array {
            let sections = ConfigurationSchema.sections.filter { !$0.isEmpty }
            let near = nearestKey(to: node.key, among: sections + [ConfigurationSchema.originsSection])
            return near.map { $0 == ConfigurationSchema.originsSection ? "[[\($0)]]" : "[\($0)]" }
        }
        if let near = nearestKey(to: node.key, among: ConfigurationSchema.names(in: section)) { return prefix + near }
        let elsewhere = ConfigurationSchema.keys.filter { $0.name == node.key }
        return elsewhere.count == 1 ? elsewhere.first?.path : nil
    }

    private mutating func readOrigins(_ node: TOMLNode, into loader: inout ConfigurationLoader) {
        let elements = document.children(of: node)
        guard node.value == .array, elements.allSatisfy({ $0.value == .table }) else {
            return loader.report("origins must be sections in double brackets, [[origins]]", at: source(node))
        }
        for element in elements where !loader.hasTooManyErrors { readOrigin(element, into: &loader) }
    }

    private mutating func readOrigin(_ table: TOMLNode, into loader: inout ConfigurationLoader) {
        var origin = Configuration.Origin()
        var sources: [String: ConfigurationSource] = [:]
        let start = loader.diagnostics.count
        var given: Set<String> = []
        for node in document.children(of: table) where !loader.hasTooManyErrors {
            guard let key = ConfigurationSchema.originKeys.first(where: { $0.name == node.key }) else {
                reportUnknown(node, ConfigurationSchema.originsSection, into: &loader)
                continue
            }
            given.insert(key.name)
            do {
                key.write(&origin, try key.kind.value(of: node, loader.context))
                sources[key.name] = source(node)
            } catch {
                loader.report("origins.\(key.name) \(error.message)", at: source(node))
            }
        }
        // What a wrong type would need is not known here.
        if !given.contains("type") || sources["type"] != nil {
            checkKeys(of: origin, given, sources, source(table), into: &loader)
        }
        if !given.contains("timeout"), origin.kind != .local { origin.timeout = .seconds(30) }
        if let idSource = sources["id"], case .file(_, let line, _) = idSource {
            if let other = ids[origin.id] {
                loader.report(
                    "origins.id \"\(origin.id)\" is taken by the origin of line \(other); choose another", at: idSource)
            } else {
                ids[origin.id] = line
            }
        }
        guard loader.diagnostics.count == start else { return }
        loader.configuration.origins.append(origin)
        loader.originSources.append(sources)
    }

    /// Finds what an origin of its kind needs and has not, and what it has and knows nothing of.
    private func checkKeys(
        of origin: Configuration.Origin, _ given: Set<String>, _ sources: [String: ConfigurationSource],
        _ table: ConfigurationSource, into loader: inout ConfigurationLoader
    ) {
        let kind = origin.kind
        for name in kind.needed where !given.contains(name) {
            loader.report("this origin has no \(name); add \(name) = \"…\"", at: table)
        }
        for (name, source) in sources.sorted(by: { $0.key < $1.key }) {
            if let kinds = Configuration.Origin.Kind.keys[name], !kinds.contains(kind) {
                let others = kinds.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
                loader.report(
                    "origins.\(name) means nothing for an origin of type \"\(kind.rawValue)\", only for \(others); remove it",
                    at: source)
            } else if let problem = origin.problem(with: name) {
                loader.report("origins.\(name) \(problem)", at: source)
            }
        }
    }
}
