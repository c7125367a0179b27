import MusicFSArguments
import MusicFSCore
import MusicFSSystem

ThisProcess.setName("musicfs")
ThisProcess.fillStandardStreams()
// A synchronous main: signals that are blocked here stay blocked in all threads.
let code = MusicFSCommand.execute(Array(CommandLine.arguments.dropFirst())) { exit in
    // It ends in a newline. An error may name a file, whatever that is called.
    let lines = exit.text.split(separator: "\n", omittingEmptySubsequences: false).map { escapeControls(String($0)) }
    try? writeFully(exit.stream == .standardOutput ? 1 : 2, Array(lines.joined(separator: "\n").utf8))
}
exitProcess(code.rawValue)
