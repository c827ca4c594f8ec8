import Loop
import Records
import TestKit
import Testing

@testable import Runner

/// Property C27: only what has really run is offered, and a change of the machine changes the class.
extension Sandboxes {
    @Suite(.serialized) struct ProbeTests {
        /// The two runtimes of this stage run here, say what they are, and the same machine gives the same class twice.
        @Test(.enabled(if: Bench.hasSandbox)) func runtimesAreFound() async throws {
            let bench = try Bench()
            let probes = RuntimeProbes(bench.host, hashing: MixHashing())
            let command = try await probes.command().get()
            #expect(command.commands == ["sh", "awk", "sed", "grep", "sort"])
            #expect(command.version.contains("glibc"))
            switch await probes.python() {
            case .success(let python):
                #expect(python.version.hasPrefix("CPython 3."))
                #expect(python.path.hasPrefix("/usr/"))
                #expect(python.classID != command.classID)
                #expect(try await probes.python().get() == python)
            case .failure(let missing):
                print("SKIPPED: no python here: \(missing)")
            }
            #expect(try await probes.command().get() == command)
            let facts = HostFacts(architecture: "arm64", base: "x", cores: 1, memoryBytes: 1)
            let elsewhere = try await RuntimeProbes(bench.host, facts: facts, hashing: MixHashing())
                .command().get()
            #expect(elsewhere.classID != command.classID)
            await bench.close()
        }

        /// A machine that can make no sandbox offers nothing, and says why in words.
        @Test(.enabled(if: Bench.hasSandbox)) func withoutSandboxNothingIsFound() async throws {
            var broken = Weakening()
            broken.replaced = [(["--unshare-all"], ["--no-such-option"])]
            let bench = try Bench(broken)
            let probes = RuntimeProbes(bench.host, hashing: MixHashing())
            for result in await probes.run() {
                guard case .failure(let missing) = result else {
                    Issue.record("something was found without a sandbox")
                    continue
                }
                #expect(
                    missing.reason.contains("bwrap: Unknown option --no-such-option"), "\(missing)")
            }
            await bench.close()
        }
    }
}
