import MusicFSArguments
import MusicFSCore
import MusicFSDaemon
import MusicFSSystem

/// What `mount` takes; the hidden `serve` takes the same.
struct MountOptions: ParsableArguments {
    @Argument(help: "An empty directory to mount on.", completion: .directory)
    var mountPoint: String?

    @Option(help: "A directory with music; can be given several times.", completion: .directory)
    var origin: [String] = []

    @Option(help: "Where derived data is kept.", completion: .directory)
    var cacheDir: String?

    @Option(help: "Where what cannot be made again is kept.", completion: .directory)
    var stateDir: String?

    @Option(help: "How paths are made of tags.")
    var template: String?

    @Option(help: "The name of this instance; by default the last component of the mount point.")
    var name: String?

    @Flag(help: "Let other users see the mount.")
    var allowOther = false

    @Flag(help: "Do not scan at the start; changes are still followed.")
    var noScan = false

    @Option(
        help: ArgumentHelp(
            "What stays as it was when the mount was made, as KEY=VALUE, whatever the configuration says by now.",
            visibility: .hidden))
    var pin: [String] = []
}
