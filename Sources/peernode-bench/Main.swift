import Foundation

/// `peernode-bench [NAME…]`: one JSON line per measurement on standard output.
@main
struct BenchMain {
    static func main() async {
        let asked = Array(CommandLine.arguments.dropFirst())
        for (name, run) in Benchmarks.all where asked.isEmpty || asked.contains(name) {
            do {
                try await run()
            } catch {
                Line(name).with("error", "\(error)").print()
            }
        }
    }
}
