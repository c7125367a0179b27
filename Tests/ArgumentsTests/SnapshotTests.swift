import Foundation
import MusicFSArguments
import Testing

/// What is generated from the sample is compared with the files in `Snapshots`; set `UPDATE_SNAPSHOTS=1` to write them
/// anew, and read the difference before you commit it.
struct SnapshotTests {
    private static let page = ManualPage(
        date: "2026-01-31", source: "jukebox 1.2",
        sections: [
            ManualPage.Section(
                title: "EXIT STATUS",
                blocks: [.paragraph("One of these:"), .item("0", "Done."), .item("64", "Wrong usage.\n\nSee --help.")])
        ])

    static let texts: [(name: String, text: String)] = [
        ("help.txt", Jukebox.helpMessage()),
        ("help-play.txt", Jukebox.helpMessage(for: Play.self)),
        ("help-records.txt", Jukebox.helpMessage(for: Records.self)),
        ("completions.bash", Jukebox.completionScript(for: .bash)),
        ("completions.zsh", Jukebox.completionScript(for: .zsh)),
        ("completions.fish", Jukebox.completionScript(for: .fish)),
        ("jukebox.1", Jukebox.manualPage(page)),
    ]

    @Test(arguments: texts)
    func matches(name: String, text: String) throws {
        let file = snapshot(name)
        if ProcessInfo.processInfo.environment["UPDATE_SNAPSHOTS"] == "1" {
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(text == (try String(contentsOf: file, encoding: .utf8)))
    }

    @Test(arguments: texts)
    func hiddenPartsStayHidden(name: String, text: String) {
        #expect(!text.contains("secret"))
        #expect(!text.contains("backwards"))
    }

    @Test(arguments: texts.filter { $0.name.hasPrefix("help") })
    func helpFitsTheTerminal(name: String, text: String) {
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }

    @Test(.enabled(if: hasProgram("groff")))
    func theManualPageRenders() throws {
        let result = try run(["groff", "-man", "-ww", "-Tutf8", "-P-cbou", snapshot("jukebox.1").path])
        #expect(result.code == 0)
        #expect(result.errors == "")
        for piece in [
            "jukebox - Plays records\n", "'Quotes', back\\slashes and .dots", "jukebox play ~/a.flac --volume=3",
            "-v, --volume volume", "records list",
        ] {
            #expect(result.output.contains(piece), "\(piece)")
        }
    }
}

func snapshot(_ name: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Snapshots/\(name)")
}

func hasProgram(_ name: String) -> Bool {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
        FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
    }
}

/// Runs a program found by PATH to its end.
func run(_ arguments: [String], in folder: URL? = nil) throws -> (output: String, errors: String, code: Int32) {
    let process = Process()
    let output = Pipe()
    let errors = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = FileHandle.nullDevice
    try process.run()
    // Errors are few, so they cannot fill their pipe while the output is read.
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let message = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (text, message, process.terminationStatus)
}
