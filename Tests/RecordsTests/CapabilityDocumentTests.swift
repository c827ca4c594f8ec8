import Basis
import Records
import TestKit
import Testing
import Trust
import Wire

/// Layout and rules of the capability document and of the class bitmap (`gossip.md` 11).
@Suite struct CapabilityDocumentTests {
    static func sample() -> CapabilityDocument {
        var document = CapabilityDocument(
            key: PublicKey(repeating: 0x11), cpuArchitecture: .x86x64, cpuModel: "Xeon",
            cpuFeatures: 1 << 2 | 1 << 5, coresPhysical: 8, coresLogical: 16, memoryMiB: 65_536,
            diskMiB: 512_000, coresMax: 8, memoryMaxMiB: 16_384, diskMaxMiB: 102_400)
        document.gpus = [
            CapabilityGPU(
                vendor: .nvidia, model: "RTX 4090", vramMiB: 24_576, driver: "550.1", interfaces: 0b0101,
                computeLevel: 89)
        ]
        document.runtimes = [
            CapabilityRuntime(kind: .command, name: "sh", version: "1"),
            CapabilityRuntime(kind: .python, name: "cpython", version: "3.12", digest: Bytes32(repeating: 3)),
            CapabilityRuntime(kind: .inference, name: "llama", version: "b1"),
        ]
        document.models = [
            CapabilityModel(
                use: .chat, name: "m", digest: Bytes32(repeating: 5), format: "gguf", contextTokens: 8_192)
        ]
        document.tags = ["Lp", "Pd", "x.y_z-1"]
        document.region = "eu-west"
        document.zoneOffsetMinutes = 1_500
        document.policy = [.offersGPU, .networkForJobs]
        return document
    }

    static let golden =
        "011111111111111111111111111111111111111111111111111111111111111111010400000058656f6e2400000000000000"
        + "080010000000010000000000"

    /// Shows the layout of a full document, byte by byte at its start and by its length and digest as a whole.
    @Test func goldenBytes() throws {
        let document = Self.sample()
        let bytes = document.encoded
        #expect(bytes.prefix(62).map { $0 } == [UInt8](hex: Self.golden)!)
        let expected = 33 + 1 + 8 + 8 + 4 + 16 + (4 + 1 + 12 + 4 + 9 + 1 + 2)
            + (4 + (1 + 6 + 5 + 32) + (1 + 11 + 8 + 32) + (1 + 9 + 6 + 32)) + (4 + 1 + 5 + 32 + 8 + 4)
            + (4 + 6 + 6 + 11) + 11 + 21 + 2 + 1 + 2 + 16
        #expect(bytes.count == expected)
        #expect(try CapabilityDocument(decoding: bytes) == document)
        #expect(document.isValid)
    }

    /// Shows the bitmap that the sample gives, bit by bit, and that GPU bits need the owner's offer.
    @Test func bitmap() {
        let hashing = MixHashing()
        var document = Self.sample()
        document.tags = []
        let classes = document.classes(hashing: hashing)
        let expected: CapabilityClasses = [
            .x86x64, .avx2, .avx512, .anyGPU, .cuda, .vulkan, .vram8GiB, .vram16GiB, .vram24GiB,
            .memory4GiB, .memory16GiB, .cores4, .cores8, .disk10GiB, .disk100GiB, .command, .python,
            .inferenceChat, .networkForJobs,
        ]
        #expect(classes == expected)
        #expect(classes.isSubset(of: .assigned))
        document.policy.remove(.offersGPU)
        #expect(document.classes(hashing: hashing).isDisjoint(with: [.anyGPU, .cuda, .vram8GiB]))
        document.tags = ["Pd"]
        let tag = CapabilityClasses.tag("Pd", hashing: hashing)
        #expect(document.classes(hashing: hashing).contains(tag))
        #expect((40..<56).contains(tag.rawValue.trailingZeroBitCount))
    }

    /// Shows each rule of 11.2 by a document that breaks only it.
    @Test func refusals() {
        func isRefused(_ change: (inout CapabilityDocument) -> Void) -> Bool {
            var document = Self.sample()
            change(&document)
            return (try? CapabilityDocument(decoding: document.encoded)) == nil
        }
        #expect(!isRefused { _ in })
        #expect(isRefused { $0.cpuFeatures = 1 << 11 })
        #expect(isRefused { $0.coresPhysical = 0 })
        #expect(isRefused { $0.coresPhysical = 17 })
        #expect(isRefused { $0.coresMax = 17 })
        #expect(isRefused { $0.memoryMiB = 0; $0.memoryMaxMiB = 0 })
        #expect(isRefused { $0.memoryMaxMiB = $0.memoryMiB + 1 })
        #expect(isRefused { $0.diskMaxMiB = $0.diskMiB + 1 })
        #expect(isRefused { $0.zoneOffsetMinutes = 2_881 })
        #expect(isRefused { $0.runtimes.swapAt(0, 1) })
        #expect(isRefused { $0.runtimes.append($0.runtimes[2]) })
        #expect(isRefused { $0.runtimes.removeLast() }, "a model without an inference runtime")
        #expect(isRefused { $0.tags = ["b", "a"] })
        #expect(isRefused { $0.tags = ["é"] })
        #expect(isRefused { $0.tags = [""] })
        #expect(isRefused { $0.region = "EU" })
        #expect(isRefused { $0.cpuModel = "a\u{1}" })
        #expect(isRefused { $0.cpuModel = String(repeating: "a", count: 65) })
        #expect(isRefused { $0.gpus[0].interfaces = 16 })
        #expect(isRefused { $0.policy = CapabilityPolicy(rawValue: 32) })
        #expect(isRefused { $0.schedule = WeekHours(bits: [UInt8](repeating: 0, count: 21))! })
        #expect(!isRefused {
            $0.schedule = WeekHours(bits: [UInt8](repeating: 0, count: 21))!
            $0.policy.insert(.scheduled)
        })
        #expect(isRefused { $0.gpus = Array(repeating: $0.gpus[0], count: 9) })
        var tooLong = Self.sample().encoded
        tooLong += [UInt8](repeating: 0, count: CapabilityDocument.bytesMax)
        #expect((try? CapabilityDocument(decoding: tooLong)) == nil)
    }

    /// Shows that no mutation of a document traps the decoder, and that what it accepts has one encoding.
    @Test func fuzz() {
        var rng = SeededGenerator(seed: 20)
        let original = Self.sample().encoded
        var accepted = 0
        for _ in 0..<4_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &rng) {
                switch Int.random(in: 0..<4, using: &rng) {
                case 0: bytes[Int.random(in: 0..<bytes.count, using: &rng)] = UInt8.random(in: 0...255, using: &rng)
                case 1: bytes.removeLast(Int.random(in: 1...bytes.count, using: &rng))
                    if bytes.isEmpty { bytes = [1] }
                case 2: bytes.insert(0xff, at: Int.random(in: 0...bytes.count, using: &rng))
                default: bytes[Int.random(in: 0..<bytes.count, using: &rng)] ^= 1 << UInt8.random(in: 0..<8, using: &rng)
                }
            }
            if let document = try? CapabilityDocument(decoding: bytes) {
                accepted += 1
                #expect(document.encoded == bytes)
                _ = document.classes(hashing: MixHashing())
            }
        }
        #expect(accepted > 100, "\(accepted) accepted")
    }

    /// Shows hours of the week: 1970 began on a Thursday, and zones shift across midnight and across the week.
    @Test func hoursOfTheWeek() {
        #expect(WeekHours.hour(unixMilliseconds: 0, zoneOffsetMinutes: 1_440) == 72)
        #expect(WeekHours.hour(unixMilliseconds: 4 * 86_400_000, zoneOffsetMinutes: 1_440) == 0)
        #expect(WeekHours.hour(unixMilliseconds: 4 * 86_400_000, zoneOffsetMinutes: 1_380) == 167)
        #expect(WeekHours.hour(unixMilliseconds: 4 * 86_400_000, zoneOffsetMinutes: 1_560) == 2)
        #expect(WeekHours.hour(unixMilliseconds: UInt64.max, zoneOffsetMinutes: 0) < 168)
        var bits = [UInt8](repeating: 0, count: 21)
        bits[2] = 0b10
        #expect(WeekHours(bits: bits)!.contains(hour: 17))
        #expect(!WeekHours(bits: bits)!.contains(hour: 16))
        #expect(WeekHours(bits: []) == nil)
    }

    /// Shows prefixes of addresses at their edges.
    @Test func addressPrefixes() {
        let base = SocketAddress(v4: 0x0a01_0200, port: 0)
        let prefix = AddressPrefix(base, bits: 24)!
        #expect(prefix.contains(SocketAddress(v4: 0x0a01_02ff, port: 9)))
        #expect(!prefix.contains(SocketAddress(v4: 0x0a01_0300, port: 9)))
        #expect(AddressPrefix(base, bits: 0)!.contains(SocketAddress(v4: 0xffff_ffff, port: 1)))
        #expect(AddressPrefix(base, bits: 32)!.contains(base))
        #expect(AddressPrefix(base, bits: 33) == nil)
        let six = SocketAddress(v6High: 0x2001_0db8_0000_0000, low: 1, port: 0)
        #expect(AddressPrefix(six, bits: 32)!.contains(SocketAddress(v6High: 0x2001_0db8_ffff_0000, low: 9, port: 1)))
        #expect(!AddressPrefix(six, bits: 128)!.contains(SocketAddress(v6High: 0x2001_0db8_0000_0000, low: 2, port: 1)))
        #expect(!prefix.contains(six))
    }
}
