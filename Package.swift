// swift-tools-version: 6.2
import Foundation
import PackageDescription

// peernode: verified computation among strangers. The module graph is that of ARCHITECTURE.md; `TidyTests` holds the
// sources to it.
//
// PEERNODE_PARTS=Credits,Gossip limits the package to those modules, what they depend on, and their tests, so that a
// change in a core builds in seconds. Without it everything is there.

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .treatAllWarnings(as: .error),
    // Cores are called across modules for every entry and vote: 9.5 µs a transfer become 3.9 µs.
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
    // Sites of planted bugs in cores (`simulation.md` 16): no default build has them.
    .define("PLANTED_BUGS", .when(traits: ["PlantedBugs"])),
]

/// One module of the graph.
struct Part {
    enum Kind {
        /// No Foundation, C library, clock or I/O; strict memory safety.
        case pure
        /// Wraps C or the system; unsafe by purpose, so without strict memory safety.
        case shell
        case executable
        /// A static C program of the sandbox.
        case program
        /// C code of ours, linked into a shell.
        case c
        /// A module map over a system library; `library` is its pkg-config name and apt package.
        case system(library: String, apt: String)
    }
    var name: String
    var kind: Kind
    var uses: [String] = []
    var products: [Target.Dependency] = []
    /// The folder above the module's own.
    var room = "Sources"

    init(
        _ name: String, _ kind: Kind, _ uses: [String] = [], _ products: [Target.Dependency] = [],
        in room: String = "Sources"
    ) {
        self.name = name
        self.kind = kind
        self.uses = uses
        self.products = products
        self.room = room
    }
    var path: String { room + "/" + name }
}

let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let hummingbird = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let posix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let http1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let locks = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")

let base = ["Basis", "Wire", "Trust"]
let cores = ["Verdict", "Records", "Session", "Gossip", "Consensus", "Credits", "Compute"]
let shells = ["Sodium", "Loop", "Storage", "Transport", "Runner"]
let parts: [Part] = [
    Part("Basis", .pure),
    Part("Wire", .pure, ["Basis"]),
    Part("Trust", .pure, ["Basis", "Wire"]),
    Part("Verdict", .pure, base),
    Part("Records", .pure, base + ["Verdict"]),
    Part("Session", .pure, base + ["Records"]),
    Part("Gossip", .pure, base + ["Records"]),
    Part("Consensus", .pure, base + ["Records"]),
    Part("Credits", .pure, base + ["Verdict", "Records"]),
    Part("Compute", .pure, base + ["Verdict", "Records"]),
    Part("NodeCore", .pure, base + cores),

    Part("CSodium", .system(library: "libsodium", apt: "libsodium-dev")),
    Part("CLibuv", .system(library: "libuv", apt: "libuv1-dev")),
    Part("CRocksDB", .system(library: "rocksdb", apt: "librocksdb-dev")),
    Part("CSeccomp", .system(library: "libseccomp", apt: "libseccomp-dev")),
    Part("CSandbox", .c, ["CSeccomp"]),
    Part("peernode-launch", .program),
    Part("peernode-init", .program),
    Part("peernode-probe", .program),

    Part("Sodium", .shell, base + ["Records", "Session", "CSodium"]),
    Part("Loop", .shell, ["Basis", "CLibuv"]),
    Part("Storage", .shell, base + ["Records", "CRocksDB"]),
    Part("Transport", .shell, base + ["Records", "Session", "Sodium", "Loop", "CLibuv"]),
    Part("Runner", .shell, base + ["Records", "Sodium", "Compute", "Loop", "CSandbox", "CLibuv"]),
    Part("API", .shell, base, [hummingbird, nio, posix, http1, locks, logging]),
    Part("Daemon", .shell, base + cores + ["NodeCore", "API"] + shells, [yams, logging]),
    Part("peernode-bench", .executable,
        base + cores + ["NodeCore", "Sodium", "Loop", "Storage", "Runner"]),
    Part("Simulator", .pure, base + cores + ["NodeCore"], [heap], in: "Simulations"),
    Part("SimulatorCommands", .shell, base + cores + ["NodeCore", "Sodium", "Simulator"], [arguments, yams],
        in: "Simulations"),
    Part("peersim", .executable, ["SimulatorCommands"], [arguments], in: "Simulations"),
    Part("PeerNode", .executable, base + cores + ["NodeCore", "API", "Daemon", "SimulatorCommands"] + shells,
        [arguments, yams, logging]),
]

let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: here + "/" + path) }

let present = parts.filter { exists($0.path) }
let byName = Dictionary(uniqueKeysWithValues: present.map { ($0.name, $0) })
let asked = Context.environment["PEERNODE_PARTS"].map { Set($0.split(separator: ",").map(String.init)) }
var wanted = asked ?? Set(present.map(\.name) + ["Tidy", "Network"])
var queue = Array(wanted)
while let name = queue.popLast() {
    for use in byName[name]?.uses ?? [] where wanted.insert(use).inserted { queue.append(use) }
}
let chosen = present.filter { wanted.contains($0.name) }

func dependencies(_ part: Part) -> [Target.Dependency] {
    part.uses.filter { byName[$0] != nil }.map { .byName(name: $0) } + part.products
}

var targets: [Target] = chosen.map { part in
    switch part.kind {
    case .pure:
        .target(name: part.name, dependencies: dependencies(part), path: part.path,
            swiftSettings: strict + [.strictMemorySafety()])
    case .shell:
        .target(name: part.name, dependencies: dependencies(part), path: part.path,
            resources: part.name == "Runner" ? [.embedInCode("Python/harness.py")] : nil,
            swiftSettings: strict)
    case .executable:
        .executableTarget(name: part.name, dependencies: dependencies(part), path: part.path,
            swiftSettings: strict)
    case .program:
        .executableTarget(name: part.name, cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror", "-O2"])],
            linkerSettings: [
                .unsafeFlags(["-nostartfiles", "-static-executable", "-Xlinker", "--gc-sections", "-Xlinker", "-s"])
            ])
    case .c:
        .target(name: part.name, dependencies: dependencies(part),
            cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])])
    case .system(let library, let apt):
        .systemLibrary(name: part.name, pkgConfig: library, providers: [.apt([apt])])
    }
}
let hasKit = chosen.contains { $0.name == "Trust" }
for name in (parts.map(\.name) + ["Tidy", "Network"]) where exists("Tests/\(name)Tests") {
    // Tests of a part that was not asked for would pull in modules that are not there.
    if asked.map({ $0.contains(name) }) ?? true {
        let part = byName[name]
        let kits = hasKit && part != nil && name != "Basis" ? ["TestKit"] : []
        let own = part.map { [$0.name] + $0.uses } ?? []
        targets.append(
            .testTarget(name: "\(name)Tests",
                dependencies: (own.filter { byName[$0] != nil } + kits).map { .byName(name: $0) },
                exclude: exists("Tests/\(name)Tests/Vectors") ? ["Vectors"] : [],
                swiftSettings: strict))
    }
}
if hasKit {
    targets.append(
        .target(name: "TestKit", dependencies: ["Basis", "Wire", "Trust"], path: "Tests/TestKit",
            swiftSettings: strict))
}

var packages: [Package.Dependency] = []
let names = Set(chosen.map(\.name))
if !names.isDisjoint(with: ["SimulatorCommands", "Daemon", "PeerNode"]) {
    packages += [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ]
}
if names.contains("Simulator") {
    packages.append(.package(url: "https://github.com/apple/swift-collections", from: "1.6.0"))
}
if !names.isDisjoint(with: ["API", "Daemon", "PeerNode"]) {
    packages += [
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ]
}

let package = Package(
    name: "peernode",
    products: names.contains("PeerNode") ? [.executable(name: "peernode", targets: ["PeerNode"])] : [],
    traits: [.trait(name: "PlantedBugs", description: "Bugs planted in the cores, for peersim canary")],
    dependencies: packages,
    targets: targets,
    swiftLanguageModes: [.v6]
)
