import MusicFSArguments
import MusicFSSystem

ThisProcess.setName("musicfs")
ThisProcess.fillStandardStreams()
// A synchronous main: signals that are blocked here stay blocked in all threads.
let code = MusicFSCommand.execute(Array(CommandLine.arguments.dropFirst())) { exit in
    let text = Array((exit.text.hasSuffix("\n") ? exit.text : exit.text + "\n").utf8)
    try? writeFully(exit.stream == .standardOutput ? 1 : 2, text)
}
exitProcess(code.rawValue)
