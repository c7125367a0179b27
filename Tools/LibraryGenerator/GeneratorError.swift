import MusicFSSystem

/// Why no library was made, or only a part of one.
struct GeneratorError: Error, Hashable, CustomStringConvertible {
    enum Code: Hashable {
        /// The arguments make no sense.
        case usage
        /// ffmpeg or one of its encoders is missing, or failed.
        case encoder
        /// TagLib did not take its own file.
        case tags
        /// The directory is in use, or a system call failed.
        case files
    }

    let code: Code
    /// What failed and what to do.
    let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    init(_ error: SystemError) { self.init(.files, error.description) }

    var description: String { message }

    /// D13: 64 for wrong usage, else 1.
    var exitCode: Int32 { code == .usage ? 64 : 1 }
}

/// Runs `body`, whose system calls may fail, as a step of the generator.
func files<R>(_ body: () throws(SystemError) -> R) throws(GeneratorError) -> R {
    do { return try body() } catch { throw GeneratorError(error) }
}
