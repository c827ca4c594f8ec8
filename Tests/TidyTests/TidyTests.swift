import Foundation
import Testing

/// Reads the sources and holds them to what a program can judge of STYLE: imports, lengths, words.
@Suite struct TidyTests {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let pure = [
        "Basis", "Wire", "Trust", "Verdict", "Records", "Session", "Gossip", "Consensus", "Credits", "Compute",
        "NodeCore", "Simulator",
    ]

    /// Folder of a pure module.
    static func folder(_ module: String) -> String { (module == "Simulator" ? "Simulations/" : "Sources/") + module }

    struct Source {
        let path: String
        let lines: [String]
    }

    static func sources(under folder: String, suffix: String = ".swift") throws -> [Source] {
        let base = root.appendingPathComponent(folder)
        guard let walk = FileManager.default.enumerator(atPath: base.path) else { return [] }
        return try walk.compactMap { $0 as? String }.filter { $0.hasSuffix(suffix) }.sorted().map {
            let text = try String(contentsOf: base.appendingPathComponent($0), encoding: .utf8)
            return Source(path: folder + "/" + $0, lines: text.components(separatedBy: "\n"))
        }
    }

    /// Shows that a pure module imports only our pure modules and ordered collections: the list is the proof of purity.
    @Test func pureModulesImportOnlyPureModules() throws {
        let allowed = Set(TidyTests.pure + ["OrderedCollections", "DequeModule", "HeapModule"])
        var seen = 0
        for module in TidyTests.pure {
            for source in try TidyTests.sources(under: TidyTests.folder(module)) {
                seen += 1
                for line in source.lines {
                    let words = line.split(separator: " ").map(String.init)
                    guard let at = words.firstIndex(of: "import"), at <= 1, words.count > at + 1 else { continue }
                    #expect(allowed.contains(words[at + 1]), "\(source.path) imports \(words[at + 1])")
                }
            }
        }
        #expect(seen > 20)
    }

    /// Shows that no file below the simulator has a `package import`: one keeps all generic code of its module that uses
    /// the imported one from being specialised elsewhere, and with a few of them the node took a third longer.
    @Test func noPackageImports() throws {
        for module in TidyTests.pure where module != "Simulator" {
            for source in try TidyTests.sources(under: TidyTests.folder(module)) {
                #expect(!source.lines.contains { $0.hasPrefix("package import ") }, "\(source.path)")
            }
        }
    }

    /// Shows that the five cores do not import one another: they meet in NodeCore.
    @Test func coresDoNotImportOneAnother() throws {
        let cores = ["Session", "Gossip", "Consensus", "Credits", "Compute"]
        for core in cores {
            for source in try TidyTests.sources(under: "Sources/" + core) {
                for other in cores where other != core {
                    #expect(
                        !source.lines.contains { $0.hasSuffix("import " + other) },
                        "\(source.path) imports \(other)")
                }
            }
        }
    }

    /// Shows that `Verified` is made by Ingress and by tests alone (STYLE 1.7), and by the handshake, which checks the
    /// record of the peer whose identity it proves.
    @Test func onlyIngressVerifies() throws {
        for source in try TidyTests.sources(under: "Sources") + TidyTests.sources(under: "Simulations") {
            // Checkers of the simulator check blocks themselves: theirs is the second reading of the log.
            guard !source.path.hasPrefix("Simulations/Simulator/Checkers/"),
                !source.path.hasPrefix("Sources/NodeCore/Ingress"), !source.path.hasPrefix("Sources/Trust/"),
                source.path != "Sources/Session/Handshakes/SessionTable+Proofs.swift"
            else { continue }
            for line in source.lines where line.contains("Verified(checked:") {
                Issue.record("\(source.path) makes a Verified value: \(line)")
            }
        }
    }

    /// Shows that files and lines stay readable, and that no unfinished mark is left.
    @Test func lengthsAndWords() throws {
        let banned = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "precondition" + "(", "assert" + "Failure("]
        for source in try TidyTests.sources(under: "Sources") + TidyTests.sources(under: "Simulations") {
            #expect(source.lines.count <= 601, "\(source.path) has \(source.lines.count) lines")
            for (number, line) in source.lines.enumerated() {
                #expect(line.count <= 120, "\(source.path):\(number + 1) has \(line.count) columns")
                for word in banned where line.contains(word) {
                    Issue.record("\(source.path):\(number + 1) has \(word)")
                }
            }
        }
    }

    /// Shows that a core takes time, randomness and failure from outside only.
    @Test func coresHaveNoHiddenInputs() throws {
        let banned = [
            "SystemRandomNumberGenerator", "hashValue", "ContinuousClock", "SuspendingClock", "Task {", ".shuffled()",
            ".randomElement()", ".random(in: " + "0..<1)",
        ]
        for module in TidyTests.pure {
            for source in try TidyTests.sources(under: TidyTests.folder(module)) {
                for (number, line) in source.lines.enumerated() {
                    for word in banned where line.contains(word) {
                        Issue.record("\(source.path):\(number + 1) uses \(word)")
                    }
                }
            }
        }
    }
}
