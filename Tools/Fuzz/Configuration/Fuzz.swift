import MusicFSCore
import MusicFSSystem

/// libFuzzer's entry: any bytes are a configuration, or errors that name their lines.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzConfiguration(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let path = FilePath("/tmp/musicfs-fuzz-\(ThisProcess.pid).toml")
    guard (try? writeFileAtomically(path, bytes)) != nil else { return 0 }
    do throws(ConfigurationError) {
        let loaded = try Configuration.load(
            flags: ConfigurationFlags(configFile: path.description), environment: ["HOME": "/root"], isRoot: true,
            templateError: { text in (try? PathTemplate(parsing: text)) == nil ? "wrong" : nil })
        _ = loaded.show()
    } catch { precondition(!error.diagnostics.isEmpty, "an error that says nothing") }
    return 0
}
