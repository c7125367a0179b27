/// Why there is no report of a file.
package enum MediaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file is not audio that can be read: it stays so until it changes.
    case unreadable(reason: String)
    /// The worker died while it worked on this file.
    case workerDied(signal: Int32)
    /// The worker did not answer in time for this file, and was killed.
    case timedOut
    /// No worker, or no bytes: nothing is said about the file.
    case unavailable(reason: String)
    /// The file was handed over in parts, and more of it is needed.
    case incomplete([Range<Int64>])

    package var description: String {
        switch self {
        case .unreadable(let reason): "the file cannot be read as audio: \(reason)"
        case .workerDied(let signal):
            "the media worker was killed by signal \(signal) while it read the file; the file is probably damaged"
        case .timedOut: "the media worker needed too long for the file; the file is damaged or its storage too slow"
        case .unavailable(let reason): "the file could not be examined: \(reason)"
        case .incomplete: "more of the file is needed"
        }
    }
}
