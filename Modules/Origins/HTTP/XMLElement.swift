import CExpat

/// An element of a small XML document, as listings are: its name without the namespace, its text, and what is in it.
struct XMLElement: Sendable {
    var name: String
    var text = ""
    var children: [XMLElement] = []

    /// The first child of a name.
    subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

    func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    /// - Returns: nil for what is no XML, nested more than 32 deep, or has more than a million elements. Entities that
    ///   a document defines itself are not expanded beyond expat's own limits.
    static func parse(_ bytes: [UInt8]) -> XMLElement? {
        guard let parser = unsafe XML_ParserCreateNS(nil, CChar(bitPattern: UInt8(ascii: "\n"))) else { return nil }
        defer { unsafe XML_ParserFree(parser) }
        let builder = Builder()
        unsafe XML_SetUserData(parser, Unmanaged.passUnretained(builder).toOpaque())
        unsafe XML_SetElementHandler(
            parser,
            { context, name, _ in
                guard let name = unsafe name else { return }
                unsafe Builder.of(context)?.begin(String(cString: name))
            },
            { context, _ in unsafe Builder.of(context)?.end() })
        unsafe XML_SetCharacterDataHandler(parser) { context, text, count in
            guard let text = unsafe text else { return }
            unsafe Builder.of(context)?.add(UnsafeRawBufferPointer(start: text, count: Int(count)))
        }
        let status = unsafe bytes.withUnsafeBytes { buffer in
            unsafe XML_Parse(
                parser, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: buffer.count), 1)
        }
        guard status == XML_STATUS_OK, !builder.isTooMuch else { return nil }
        return builder.root
    }

    private final class Builder {
        private var open: [XMLElement] = []
        private var texts: [[UInt8]] = []
        private var count = 0
        private(set) var root: XMLElement?
        private(set) var isTooMuch = false

        static func of(_ context: UnsafeMutableRawPointer?) -> Builder? {
            unsafe context.map { unsafe Unmanaged<Builder>.fromOpaque($0).takeUnretainedValue() }
        }

        func begin(_ name: String) {
            count += 1
            if open.count >= 32 || count > 1_000_000 { isTooMuch = true }
            if isTooMuch { return }
            open.append(XMLElement(name: String(name.split(separator: "\n").last ?? "")))
            texts.append([])
        }

        func add(_ text: UnsafeRawBufferPointer) {
            if isTooMuch || texts.isEmpty { return }
            unsafe texts[texts.count - 1].append(contentsOf: text)
        }

        func end() {
            guard !isTooMuch, var element = open.popLast(), let text = texts.popLast() else { return }
            element.text = String(decoding: text, as: UTF8.self)
            if open.isEmpty { root = element } else { open[open.count - 1].children.append(element) }
        }
    }
}
