// swift-tools-version: 6.2
import PackageDescription

// Dependencies point down only; this manifest is what enforces it (docs/architecture.md, section 2).

func binding(_ name: String, pkgConfig: String? = nil, apt: String) -> Target {
    .systemLibrary(
        name: name, path: "Modules/Bindings/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let bindings: [Target] = [
    .target(name: "CLinux", path: "Modules/Bindings/CLinux"),
    .target(name: "CCrash", path: "Modules/Bindings/CCrash"),
    binding("CFuse3", pkgConfig: "fuse3", apt: "libfuse3-dev"),
    binding("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
    binding("CXXHash", pkgConfig: "libxxhash", apt: "libxxhash-dev"),
    binding("CSystemd", pkgConfig: "libsystemd", apt: "libsystemd-dev"),
    binding("CMicroHTTPD", pkgConfig: "libmicrohttpd", apt: "libmicrohttpd-dev"),
    binding("CSeccomp", pkgConfig: "libseccomp", apt: "libseccomp-dev"),
    binding("CUnistring", apt: "libunistring-dev"),
    binding("CCurl", pkgConfig: "libcurl", apt: "libcurl4-openssl-dev"),
    binding("CSSH2", pkgConfig: "libssh2", apt: "libssh2-1-dev"),
    binding("CExpat", pkgConfig: "expat", apt: "libexpat1-dev"),
    .target(
        name: "CTagLib", path: "Modules/Bindings/CTagLib",
        linkerSettings: [.linkedLibrary("tag")]),
    .target(name: "CTOML", path: "Modules/Bindings/CTOML"),
    .target(
        name: "CTagWriter", path: "Modules/Bindings/CTagWriter",
        linkerSettings: [.linkedLibrary("tag")]),
]

func module(_ folder: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: "MusicFS\(folder)", dependencies: dependencies, path: "Modules/\(folder)")
}

let modules: [Target] = [
    module("System", ["CLinux", "CCrash"]),
    module("Core", ["MusicFSSystem", "CSystemd", "CTOML", "CUnistring", "CXXHash"]),
    module("SQLite", ["MusicFSCore", "MusicFSSystem", "CSQLite"]),
    module("Metadata", ["MusicFSCore", "MusicFSSystem"]),
    module("Cache", ["MusicFSCore", "MusicFSSystem", "MusicFSSQLite"]),
    module("Origins", ["MusicFSCore", "MusicFSSystem", "CCurl", "CSSH2", "CExpat"]),
    module("CAS", ["MusicFSCore", "MusicFSSystem", "MusicFSSQLite", "CXXHash"]),
    module("Search", ["MusicFSCore", "MusicFSSystem"]),
    module("Sync", ["MusicFSCore", "MusicFSSystem", "MusicFSMetadata", "MusicFSCache", "MusicFSOrigins"]),
    module("FUSE", ["MusicFSCore", "MusicFSSystem", "MusicFSCache", "CFuse3", "CLinux"]),
    module("Control", ["MusicFSCore", "MusicFSSystem", "CMicroHTTPD"]),
    module("Arguments", []),
    module(
        "Daemon",
        [
            "MusicFSCore", "MusicFSSystem", "MusicFSSQLite", "MusicFSMetadata", "MusicFSCache", "MusicFSOrigins",
            "MusicFSSync", "MusicFSFUSE", "MusicFSControl", "MusicFSCAS", "MusicFSSearch",
        ]),
]

let tools: [Target] = [
    .target(
        name: "MusicFSCatalogue", dependencies: ["MusicFSCore", "MusicFSSystem"], path: "Tools/Catalogue")
]

let executables: [Target] = [
    .executableTarget(
        name: "musicfs",
        dependencies: [
            "MusicFSArguments", "MusicFSCore", "MusicFSSystem", "MusicFSControl", "MusicFSMetadata", "MusicFSDaemon",
        ],
        path: "Modules/CLI"),
    .executableTarget(
        name: "musicfs-media",
        dependencies: ["MusicFSMetadata", "MusicFSSystem", "CTagLib", "CSeccomp", "CXXHash"],
        path: "Modules/MediaWorker"),
    .executableTarget(
        name: "musicfs-libgen",
        dependencies: [
            "MusicFSArguments", "MusicFSCore", "MusicFSSystem", "MusicFSCache", "MusicFSCatalogue", "CTagWriter",
        ],
        path: "Tools/LibraryGenerator"),
    .executableTarget(
        name: "musicfs-bench",
        dependencies: [
            "MusicFSArguments", "MusicFSCore", "MusicFSSystem", "MusicFSCache", "MusicFSSearch", "MusicFSCatalogue",
            "TestSupport",
        ],
        path: "Tools/Benchmark"),
]

/// What tests run beside the programs.
let testPrograms: [Target] = [
    .executableTarget(
        name: "musicfs-faultfs", path: "Tests/FaultFileSystem", linkerSettings: [.linkedLibrary("fuse3")]),
    .executableTarget(
        name: "musicfs-cachefiller", dependencies: ["MusicFSCAS", "MusicFSCore", "MusicFSSystem", "TestSupport"],
        path: "Tests/CacheFiller"),
    .executableTarget(
        name: "musicfs-indexfiller", dependencies: ["MusicFSSearch", "MusicFSSystem", "TestSupport"],
        path: "Tests/IndexFiller"),
]

func tests(_ folder: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(folder)Tests", dependencies: dependencies + ["TestSupport"], path: "Tests/\(folder)Tests",
        // Read by their paths, not bundled.
        exclude: folder == "Arguments" ? ["Snapshots"] : [])
}

let testTargets: [Target] = [
    .target(name: "TestSupport", dependencies: ["MusicFSSystem", "MusicFSCore"], path: "Tests/TestSupport"),
    tests("System", ["MusicFSSystem", "CLinux"]),
    tests("Core", ["MusicFSCore", "MusicFSSystem"]),
    tests("SQLite", ["MusicFSSQLite", "MusicFSSystem"]),
    tests("Metadata", ["MusicFSMetadata", "MusicFSSystem", "musicfs-media"]),
    tests("Cache", ["MusicFSCache", "MusicFSSQLite", "MusicFSCore", "MusicFSSystem"]),
    tests("Search", ["MusicFSSearch", "MusicFSCore", "MusicFSSystem", "musicfs-indexfiller"]),
    tests("Origins", ["MusicFSOrigins", "MusicFSCore", "MusicFSSystem"]),
    tests("CAS", ["MusicFSCAS", "MusicFSSQLite", "MusicFSCore", "MusicFSSystem", "musicfs-cachefiller"]),
    tests(
        "Sync",
        ["MusicFSSync", "MusicFSCache", "MusicFSMetadata", "MusicFSOrigins", "MusicFSCore", "MusicFSSystem"]),
    tests("FUSE", ["MusicFSFUSE", "MusicFSCache", "MusicFSCore", "MusicFSSystem"]),
    tests("Control", ["MusicFSControl", "MusicFSCore", "MusicFSSystem"]),
    tests(
        "Daemon",
        ["MusicFSDaemon", "MusicFSCache", "MusicFSControl", "MusicFSSearch", "MusicFSCore", "MusicFSSystem"]),
    tests("Arguments", ["MusicFSArguments"]),
    tests("LibraryGenerator", ["MusicFSCatalogue", "MusicFSCore", "MusicFSSystem", "musicfs-libgen"]),
    tests(
        "EndToEnd", ["MusicFSSystem", "MusicFSCore", "musicfs", "musicfs-media", "musicfs-libgen", "musicfs-faultfs"]),
]

/// Fuzz targets need flags of their own, so they are there only for Tools/fuzz.sh.
func fuzz(_ folder: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: "fuzz-\(folder.lowercased())", dependencies: dependencies, path: "Tools/Fuzz/\(folder)")
}

let fuzzTargets: [Target] =
    Context.environment["MUSICFS_FUZZ"] == nil
    ? []
    : [
        fuzz("Template", ["MusicFSCore"]),
        fuzz("Protocol", ["MusicFSCore", "MusicFSMetadata"]),
        fuzz("Journal", ["MusicFSFUSE", "MusicFSSystem"]),
        fuzz("Configuration", ["MusicFSCore", "MusicFSSystem"]),
        fuzz("Query", ["MusicFSSearch"]),
        fuzz("Collection", ["MusicFSSearch"]),
        fuzz("Control", ["MusicFSControl", "MusicFSCore", "MusicFSSystem"]),
    ]

for target in modules + tools + executables + testPrograms + testTargets + fuzzTargets {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableExperimentalFeature("Lifetimes"),
        .treatAllWarnings(as: .error),
        .strictMemorySafety(),
    ]
}

let package = Package(
    name: "MusicFS",
    products: [
        .executable(name: "musicfs", targets: ["musicfs"]),
        .executable(name: "musicfs-media", targets: ["musicfs-media"]),
        .executable(name: "musicfs-libgen", targets: ["musicfs-libgen"]),
        .executable(name: "musicfs-bench", targets: ["musicfs-bench"]),
    ],
    targets: bindings + modules + tools + executables + testPrograms + testTargets + fuzzTargets,
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
