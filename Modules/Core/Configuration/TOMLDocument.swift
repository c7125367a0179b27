import CTOML

/// A value of a TOML text, with where its key stands.
struct TOMLNode: Sendable {
    enum Value: Hashable, Sendable {
        case string(String)
        case integer(Int64)
        case float(Double)
        case boolean(Bool)
        case dateTime
        /// The children are nodes of the document.
        case array, table
    }

    /// Empty for the root and for elements of arrays.
    let key: String
    let value: Value
    /// From 1; of the key, or of the value where it has none.
    let line: Int
    let column: Int
    /// The place in the document, and the one behind the last node below it.
    let index: Int
    let end: Int
}

/// A TOML text that cannot be read.
struct TOMLError: Error, Hashable, Sendable {
    let message: String
    let line: Int
    let column: Int
}

/// A TOML 1.0 text of at most 1 MiB as a list of nodes in depth-first order, read by toml++.
struct TOMLDocument: Sendable {
    private let nodes: [TOMLNode]

    init(parsing text: [UInt8]) throws(TOMLError) {
        let document = unsafe text.withUnsafeBytes { bytes in
            // An empty array may have no address, and C++ wants one.
            let start = unsafe bytes.assumingMemoryBound(to: CChar.self).baseAddress
            if let start = unsafe start { return unsafe ctoml_parse(start, bytes.count) }
            return unsafe ctoml_parse("", 0)
        }
        guard let document = unsafe document else {
            throw TOMLError(message: "there is not enough memory to read it", line: 1, column: 1)
        }
        defer { unsafe ctoml_free(document) }
        var line: UInt32 = 0
        var column: UInt32 = 0
        if let message = unsafe ctoml_error(document, &line, &column) {
            throw TOMLError(message: unsafe String(cString: message), line: Int(line), column: Int(column))
        }
        var count = 0
        let start = unsafe ctoml_nodes(document, &count)
        nodes = unsafe UnsafeBufferPointer(start: start, count: count).enumerated().map { index, node in
            unsafe TOMLNode(node, index)
        }
    }

    var root: [TOMLNode] { nodes.first.map(children) ?? [] }

    /// The values directly in a table or array, as the text has them.
    func children(of parent: TOMLNode) -> [TOMLNode] {
        var result: [TOMLNode] = []
        var index = parent.index + 1
        while index < parent.end, nodes.indices.contains(index) {
            result.append(nodes[index])
            index = nodes[index].end
        }
        return result.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
    }
}

extension TOMLNode {
    fileprivate init(_ node: ctoml_node, _ index: Int) {
        self.index = index
        end = max(unsafe node.end, index + 1)
        line = Int(unsafe node.line)
        column = Int(unsafe node.column)
        key = unsafe text(node.key, node.key_size)
        switch unsafe node.kind {
        case CTOML_STRING: value = .string(unsafe text(node.text, node.text_size))
        case CTOML_INTEGER: value = .integer(unsafe node.integer)
        case CTOML_FLOAT: value = .float(unsafe node.real)
        case CTOML_BOOLEAN: value = .boolean(unsafe node.boolean)
        case CTOML_TABLE: value = .table
        case CTOML_ARRAY: value = .array
        default: value = .dateTime
        }
    }
}

/// A copy of text that C owns.
private func text(_ start: UnsafePointer<CChar>?, _ count: Int) -> String {
    unsafe String(decoding: UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count), as: UTF8.self)
}
