import Basis
public import Trust

/// The class bitmap of a record (`gossip.md` 11.1): a filter over what documents claim.
public struct CapabilityClasses: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    static func bit(_ n: UInt64) -> CapabilityClasses { CapabilityClasses(rawValue: 1 << n) }

    public static let x86x64 = bit(0), arm64 = bit(1), riscv64 = bit(2), otherCPU = bit(3)
    public static let avx2 = bit(4), avx512 = bit(5), sve = bit(6)
    public static let anyGPU = bit(8), cuda = bit(9), rocm = bit(10), vulkan = bit(11)
    public static let vram8GiB = bit(12), vram16GiB = bit(13), vram24GiB = bit(14)
    public static let vram48GiB = bit(15)
    public static let memory4GiB = bit(16), memory16GiB = bit(17), memory64GiB = bit(18)
    public static let memory256GiB = bit(19)
    public static let cores4 = bit(20), cores8 = bit(21), cores16 = bit(22), cores32 = bit(23)
    public static let disk10GiB = bit(24), disk100GiB = bit(25), disk1000GiB = bit(26)
    public static let command = bit(28), python = bit(29), wasm = bit(30), javascript = bit(31)
    public static let oci = bit(32), inferenceChat = bit(33), embedding = bit(34)
    public static let otherRuntime = bit(35)
    public static let networkForJobs = bit(36), strangersNativeCode = bit(37)

    /// Every bit with a meaning: 7, 27, 38, 39 and 56–63 have none.
    public static let assigned = CapabilityClasses(rawValue: 0x00ff_ff3f_f7ff_ff7f)

    /// The filter bit of a tag: 40 + (`H("peernode/tag/v1", tag)[0] mod 16`).
    public static func tag(_ tag: String, hashing: some Hashing) -> CapabilityClasses {
        let first = hashing.hash("peernode/tag/v1", Array(tag.utf8)).bytes[0]
        return bit(40 + UInt64(first % 16))
    }
}

extension CapabilityDocument {
    /// The bitmap that this document's own values give; a record that says otherwise is `documentMismatch`.
    public func classes(hashing: some Hashing) -> CapabilityClasses {
        var classes = processorClasses.union(amountClasses).union(runtimeClasses)
        if policy.contains(.offersGPU) { classes.formUnion(gpuClasses) }
        if policy.contains(.networkForJobs) { classes.insert(.networkForJobs) }
        if policy.contains(.strangersNativeCode) { classes.insert(.strangersNativeCode) }
        for tag in tags { classes.insert(.tag(tag, hashing: hashing)) }
        return classes
    }

    var processorClasses: CapabilityClasses {
        switch cpuArchitecture {
        case .x86x64:
            var classes: CapabilityClasses = .x86x64
            if cpuFeatures >> 2 & 1 == 1 { classes.insert(.avx2) }
            if cpuFeatures >> 5 & 1 == 1 { classes.insert(.avx512) }
            return classes
        case .arm64: return cpuFeatures >> 2 & 1 == 1 ? [.arm64, .sve] : .arm64
        case .riscv64: return .riscv64
        case .other: return .otherCPU
        }
    }

    /// Bits of what is offered, not of what is installed.
    var amountClasses: CapabilityClasses {
        var classes: CapabilityClasses = []
        func add(_ value: UInt64, _ steps: [(UInt64, CapabilityClasses)]) {
            for (least, bit) in steps where value >= least { classes.insert(bit) }
        }
        add(
            memoryMaxMiB,
            [
                (4 << 10, .memory4GiB), (16 << 10, .memory16GiB), (64 << 10, .memory64GiB),
                (256 << 10, .memory256GiB),
            ])
        add(UInt64(coresMax), [(4, .cores4), (8, .cores8), (16, .cores16), (32, .cores32)])
        add(
            diskMaxMiB,
            [(10 << 10, .disk10GiB), (100 << 10, .disk100GiB), (1_000 << 10, .disk1000GiB)])
        return classes
    }

    var gpuClasses: CapabilityClasses {
        guard !gpus.isEmpty else { return [] }
        var classes: CapabilityClasses = .anyGPU
        var largest: UInt32 = 0
        for gpu in gpus {
            if gpu.interfaces & 1 != 0 { classes.insert(.cuda) }
            if gpu.interfaces & 2 != 0 { classes.insert(.rocm) }
            if gpu.interfaces & 4 != 0 { classes.insert(.vulkan) }
            largest = max(largest, gpu.vramMiB)
        }
        let steps: [(UInt32, CapabilityClasses)] = [
            (8 << 10, .vram8GiB), (16 << 10, .vram16GiB), (24 << 10, .vram24GiB),
            (48 << 10, .vram48GiB),
        ]
        for (least, bit) in steps where largest >= least { classes.insert(bit) }
        return classes
    }

    var runtimeClasses: CapabilityClasses {
        var classes: CapabilityClasses = []
        for runtime in runtimes {
            switch runtime.kind {
            case .command: classes.insert(.command)
            case .python: classes.insert(.python)
            case .wasm: classes.insert(.wasm)
            case .javascript: classes.insert(.javascript)
            case .oci: classes.insert(.oci)
            case .inference: break
            case .builtin, .pack: classes.insert(.otherRuntime)
            }
        }
        for model in models {
            switch model.use {
            case .chat: classes.insert(.inferenceChat)
            case .embedding: classes.insert(.embedding)
            case .other: classes.insert(.otherRuntime)
            }
        }
        return classes
    }
}
