import MusicFSCore

/// libFuzzer's entry: any text is a template or an error with a column inside of it; any template makes safe names.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTemplate(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
    let text = unsafe String(decoding: bytes, as: UTF8.self)
    do throws(TemplateError) {
        let template = try PathTemplate(parsing: text)
        let tags = Tags(entries: [Tags.Entry(.artist, text), Tags.Entry(.title, "/..\u{0}\(text)")])
        let path = template.path(for: TemplateInput(tags: tags, multidisc: true, fileName: text, format: "flac"))
        for component in path {
            let utf8 = Array(component.utf8)
            precondition((1...255).contains(utf8.count), "a name of \(utf8.count) bytes")
            precondition(utf8.first != 0x2e && !utf8.contains(0) && !utf8.contains(0x2f), "an unsafe name")
        }
    } catch { precondition((1...(text.count + 1)).contains(error.column), "column \(error.column)") }
    return 0
}
