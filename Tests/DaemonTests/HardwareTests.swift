import Basis
import Compute
import Daemon
import Records
import Sodium
import Testing
import Trust

/// What the texts of the system mean for the capability document.
struct HardwareTests {
    static let cpuinfo = """
        processor	: 0
        model name	: Example\u{7} CPU @ 2.60GHz, of a maker whose marketing words go on beyond sixty-four bytes
        physical id	: 0
        core id		: 0
        flags		: fpu sse4_2 avx avx2 bmi2 avx512f avx512bw aes

        processor	: 1
        physical id	: 0
        core id		: 0

        processor	: 2
        physical id	: 1
        core id		: 0
        """

    /// (text, architecture, processors) → model, features, physical and logical cores; memory and disk round down.
    @Test func reading() {
        let found = Hardware.of(
            cpuinfo: Self.cpuinfo, architecture: .x86x64, available: 3, memoryBytes: 3 << 30 + 5,
            freeBytes: 5 << 30 + 1 << 20)
        #expect(found.model == "Example CPU @ 2.60GHz, of a maker whose marketing words go on be")
        // AVX-512BW alone does not set bit 6, which needs VL too.
        #expect(found.features == 0b10_0011_0111 && found.coresPhysical == 2 && found.coresLogical == 3)
        #expect(found.memoryMiB == 3_072 && found.diskMiB == 5_120)
        let arm = Hardware.of(
            cpuinfo: "Features : asimd sve sha2 avx2\n", architecture: .arm64, available: 8, memoryBytes: 1 << 30,
            freeBytes: 1 << 30)
        #expect(arm.model == "arm64" && arm.features == 0b1000_0101)
        #expect(arm.coresPhysical == 8 && arm.coresLogical == 8)
    }

    /// The document is one that peers accept, says no more than is there, and is left out where nothing can be said.
    @Test func document() throws {
        let machine = Hardware.read(data: "/nonexistent/data")
        let key = PublicKey(repeating: 7)
        let lent = OwnerSettings(
            isLending: true, cpuThousandths: 900_000, memoryBytes: 1 << 60, diskBytes: 1 << 60, slots: 1)
        let runtimes = ["python", "command", "other"].map {
            RuntimeCapability(runtime: $0, version: "1\n", digest: .zero, classID: .zero, path: "/bin/\($0)")
        }
        let document = try #require(machine.document(of: key, lent: lent, runtimes: runtimes))
        #expect(document.coresMax == machine.coresLogical && document.memoryMaxMiB == machine.memoryMiB)
        #expect(document.diskMaxMiB == machine.diskMiB && document.runtimes.map(\.name) == ["command", "python"])
        #expect(document.classes(hashing: SodiumHashing()).isSuperset(of: [.command, .python]))
        let idle = try #require(machine.document(of: key, lent: nil, runtimes: runtimes))
        #expect(idle.runtimes.isEmpty && idle.coresMax == 0)
        var full = machine
        full.diskMiB = 0
        #expect(full.document(of: key, lent: nil, runtimes: []) == nil)
    }
}
