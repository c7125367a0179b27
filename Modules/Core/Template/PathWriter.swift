/// Collects a path's text, in components.
struct PathWriter {
    private var directories: [String] = []
    private var current = ""
    /// Whether a value is part of the current component, be it empty.
    private var hasValue = false

    /// Sanitised text of the template, in which separators end a component.
    mutating func write(literal text: String) { write(text, isValue: false) }

    /// A sanitised value, or what a function made of values and of the template's text.
    mutating func write(value text: String) { write(text, isValue: true) }

    private mutating func write(_ text: String, isValue: Bool) {
        hasValue = hasValue || isValue
        guard text.utf8.contains(0) else { return append(text) }
        var isFirst = true
        for part in text.split(separator: TemplateNode.separator, omittingEmptySubsequences: false) {
            if !isFirst {
                endDirectory()
                hasValue = isValue
            }
            isFirst = false
            append(String(part))
        }
    }

    private mutating func append(_ text: String) {
        if current.utf8.count < TemplateEvaluator.longestText { current += text }
    }

    private mutating func endDirectory() {
        // Slashes at the beginning, or several in a row, make no component, nor does an `%if` without its other text.
        // A tag that is missing and has no default does, lest files of different depths come together.
        if !current.isEmpty || hasValue { directories.append(Names.component(current)) }
        current = ""
        hasValue = false
    }

    /// The components; the last one, whatever it is, is the file's name.
    ///
    /// - Parameter format: the file's extension. It is put behind the name unless the name has it, in whatever case; and
    ///   it is kept when the name is cut. What cannot be an extension (`Names.split`) is left out.
    consuming func components(format: String) -> [String] {
        guard Names.isExtension(format) else { return directories + [Names.component(current)] }
        var ending = "." + format
        let tail = current.utf8.suffix(ending.utf8.count)
        if UnicodeText.lowercased(String(decoding: tail, as: UTF8.self)) == UnicodeText.lowercased(ending) {
            ending = String(decoding: tail, as: UTF8.self)
            current = String(decoding: current.utf8.dropLast(ending.utf8.count), as: UTF8.self)
        }
        return directories + [Names.component(current, limit: Names.limit - ending.utf8.count) + ending]
    }
}
