import CLinux

/// How a program that was run ended, and what it said.
package struct ProgramResult: Hashable, Sendable {
    /// The exit status, or 128 and the signal's number, as a shell tells it.
    package var status: CInt
    /// Standard output and standard error, in the order they were written.
    package var output: [UInt8]
}

/// Runs a program, found on the PATH unless its name has a slash, and waits for its end. Its standard input is empty.
///
/// Blocks the thread. For tools: nothing bounds the output.
///
/// - Parameter deadline: when the program is killed, in nanoseconds of CLOCK_MONOTONIC; nil for never.
/// - Throws: `.noEntry` when there is no such program, `.timedOut` when it was killed.
package func runProgram(_ arguments: [String], until deadline: UInt64? = nil) throws(SystemError) -> ProgramResult {
    var ends: [CInt] = [-1, -1]
    _ = try checked("pipe2") { unsafe pipe2(&ends, O_CLOEXEC) }
    let reading = OwnedFD(owning: ends[0])
    let child = try spawn(arguments, output: OwnedFD(owning: ends[1]))
    var result = ProgramResult(status: 0, output: [])
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
        if let deadline {
            let now = monotonicNanoseconds()
            let rest = now < deadline ? CInt(clamping: (deadline - now) / 1_000_000 + 1) : 0
            let result = pollReadable([reading.raw], milliseconds: rest)[0]
            if !result.isReadable, !result.isBroken {
                if monotonicNanoseconds() < deadline { continue }
                break
            }
        }
        let size = chunk.count
        let got = try checked("read") {
            unsafe chunk.withUnsafeMutableBytes { unsafe CLinux.read(reading.raw, $0.baseAddress, size) }
        }
        if got == 0 { break }
        result.output.append(contentsOf: chunk[..<got])
    }
    // It may have closed its outputs and still run.
    if let deadline, try !waitForEnd(of: child, until: deadline) {
        _ = kill(child, SIGKILL)
        _ = try checked("waitpid") { waitpid(child, nil, 0) }
        throw SystemError("waitpid", arguments.first.map { FilePath($0) }, .timedOut)
    }
    var status: CInt = 0
    _ = try checked("waitpid") { unsafe waitpid(child, &status, 0) }
    result.status = clinux_wifsignaled(status) != 0 ? 128 + clinux_wtermsig(status) : clinux_wexitstatus(status)
    return result
}

/// Starts the program with both outputs on `output`, which only the child keeps.
private func spawn(_ arguments: [String], output: consuming OwnedFD) throws(SystemError) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, output.raw, 1)
    unsafe posix_spawn_file_actions_adddup2(&actions, output.raw, 2)
    // Signals that this thread blocks or this process ignores are not meant for the child.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    unsafe sigemptyset(&none)
    unsafe sigfillset(&all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var vector = unsafe arguments.map { unsafe strdup($0) }
    unsafe vector.append(nil)
    defer { unsafe vector.forEach { unsafe free($0) } }
    var child: pid_t = 0
    let name = arguments.first ?? ""
    let failure = unsafe posix_spawnp(&child, name, &actions, &attributes, vector, clinux_environment())
    if failure != 0 { throw SystemError("posix_spawn", FilePath(name), Errno(rawValue: failure)) }
    return child
}
