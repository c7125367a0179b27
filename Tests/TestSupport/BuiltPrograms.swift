import Foundation
package import MusicFSSystem

/// Where the built programs lie.
package enum BuiltPrograms {
    /// The folder of the test bundle, and of the programs beside it.
    ///
    /// `MUSICFS_TEST_PROGRAMS` names another, such as that of a release build.
    package static let directory: FilePath = {
        if let path = ThisProcess.environment["MUSICFS_TEST_PROGRAMS"] { return FilePath(path) }
        // The runner is given the bundle; its own path is the toolchain's.
        for argument in CommandLine.arguments where argument.contains(".build/") {
            if let range = argument.range(of: "/debug/") ?? argument.range(of: "/release/") {
                return FilePath(String(argument[..<range.upperBound]))
            }
        }
        let root = FilePath(#filePath).parent.parent.parent
        return root.appending(".build/debug")
    }()
}

/// Whether file systems can be mounted here. CI must be able to.
package let canMountFUSE: Bool = {
    if (try? open("/dev/fuse", [.readWrite])) != nil { return true }
    if ThisProcess.environment["CI"] == "true" { return true }
    print("tests that mount are skipped: /dev/fuse cannot be opened")
    return false
}()
