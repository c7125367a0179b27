import CLinux

/// A new directory that is removed with everything in it when its owner goes.
package struct TemporaryDirectory: ~Copyable, Sendable {
    package let path: FilePath

    /// Makes one in `$TMPDIR` or /tmp, with mode 0700; six characters of its name are random.
    package static func make(prefix: String) throws(SystemError) -> TemporaryDirectory {
        let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        let template = FilePath(parent).appending(prefix + "XXXXXX")
        var buffer = template.bytes.map { CChar(bitPattern: $0) } + [0]
        guard unsafe mkdtemp(&buffer) != nil else { throw SystemError("mkdtemp", template, .current) }
        guard let path = FilePath(bytes: buffer.dropLast().map { UInt8(bitPattern: $0) }) else {
            throw SystemError("mkdtemp", template, .invalid)
        }
        return TemporaryDirectory(path: path)
    }

    private init(path: FilePath) { self.path = path }

    // What cannot be removed stays: there is nobody left to tell.
    deinit { try? removeTree(path) }
}

/// Removes a directory with everything below it. Symbolic links are removed, not followed.
package func removeTree(_ path: FilePath) throws(SystemError) {
    let directory = try open(path, [.read, .directory, .noFollow])
    for entry in try listDirectory(directory.raw, path: path) {
        let child = path.appending(entry.name)
        if try FileStatus.ofLink(child).kind == .directory { try removeTree(child) } else { try unlink(child) }
    }
    try removeDirectory(path)
}
