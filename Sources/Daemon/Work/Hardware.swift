public import Compute
import Foundation
import Glibc
public import Records
public import Trust

/// What this machine really has, as `/proc`, `/sys` and the file system say (`gossip.md` 11.2).
public struct Hardware: Sendable, Equatable {
    public var architecture: CPUArchitecture
    /// As the system names it; at most 64 bytes, without control characters.
    public var model: String
    /// Bits of `cpuFeatures`.
    public var features: UInt64
    public var coresPhysical: UInt16
    public var coresLogical: UInt16
    /// After container limits.
    public var memoryMiB: UInt64
    /// Free where data lies, in whole GiB.
    public var diskMiB: UInt64

    /// Reads them now. Some milliseconds.
    ///
    /// - Parameter data: the data folder, or one that will hold it.
    public static func read(data: String) -> Hardware {
        func text(_ path: String) -> String {
            FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
        let physical = ProcessInfo.processInfo.physicalMemory
        let limit = UInt64(text("/sys/fs/cgroup/memory.max").trimmingCharacters(in: .whitespacesAndNewlines))
        return of(
            cpuinfo: text("/proc/cpuinfo"), architecture: ownArchitecture,
            available: ProcessInfo.processInfo.activeProcessorCount, memoryBytes: min(physical, limit ?? physical),
            freeBytes: freeBytes(data))
    }

    /// Pure: what the texts of the system mean.
    ///
    /// - Parameter available: processors that this process may use.
    public static func of(
        cpuinfo: String, architecture: CPUArchitecture, available: Int, memoryBytes: UInt64, freeBytes: UInt64
    ) -> Hardware {
        var model = ""
        var flags: [Substring] = []
        var socket = Substring("0")
        var cores: Set<String> = []
        for line in cpuinfo.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let value = parts[1].drop { $0 == " " }
            switch parts[0].trimmingCharacters(in: .whitespaces) {
            case "model name", "Model", "uarch": if model.isEmpty { model = String(value) }
            case "flags", "Features": if flags.isEmpty { flags = value.split(separator: " ") }
            case "physical id": socket = value
            case "core id": cores.insert("\(socket) \(value)")
            default: break
            }
        }
        let logical = UInt16(clamping: max(1, available))
        // Where the system does not tell cores from threads, each processor is one.
        let physical = cores.isEmpty ? logical : UInt16(clamping: min(cores.count, Int(logical)))
        return Hardware(
            architecture: architecture, model: label(model.isEmpty ? "\(architecture)" : model),
            features: bits(flags, architecture), coresPhysical: physical, coresLogical: logical,
            memoryMiB: memoryBytes >> 20, diskMiB: (freeBytes >> 30) << 10)
    }

    /// The document that claims it, with what the owner lends of it.
    ///
    /// - Parameter lent: nil if nothing may run here; the hardware is told all the same.
    /// - Returns: nil if the machine has less than the layout can say, such as no whole GiB of free disk.
    public func document(
        of key: PublicKey, lent: OwnerSettings?, runtimes: [RuntimeCapability]
    ) -> CapabilityDocument? {
        let memory = min((lent?.memoryBytes ?? 0) >> 20, memoryMiB)
        let disk = min((lent?.diskBytes ?? 0) >> 20, diskMiB)
        var document = CapabilityDocument(
            key: key, cpuArchitecture: architecture, cpuModel: model, cpuFeatures: features,
            coresPhysical: coresPhysical, coresLogical: coresLogical, memoryMiB: memoryMiB, diskMiB: diskMiB,
            coresMax: min(UInt16(clamping: (lent?.cpuThousandths ?? 0) / 1_000), coresLogical),
            memoryMaxMiB: memory, diskMaxMiB: disk)
        document.runtimes = (lent == nil ? [] : runtimes).compactMap { runtime in
            guard let kind = Hardware.kinds[runtime.runtime] else { return nil }
            return CapabilityRuntime(
                kind: kind, name: runtime.runtime, version: Hardware.label(runtime.version, max: 32),
                digest: runtime.digest.raw)
        }.sorted { ($0.kind, $0.name, $0.version) < ($1.kind, $1.name, $1.version) }
        if lent?.strangers.contains(where: { $0 == .command || $0 == .python }) == true {
            document.policy.insert(.strangersNativeCode)
        }
        return document.isValid ? document : nil
    }

    // MARK: below their use

    static let kinds: [String: CapabilityRuntimeKind] = ["command": .command, "python": .python]

    static let x86Features: [[Substring]] = [
        ["sse4_2"], ["avx"], ["avx2"], ["fma"], ["bmi2"], ["avx512f"], ["avx512bw", "avx512vl"], ["avx512_vnni"],
        ["amx_tile"], ["aes"], ["sha_ni"],
    ]
    static let armFeatures: [[Substring]] = [
        ["asimd"], ["asimddp"], ["sve"], ["sve2"], ["bf16"], ["i8mm"], ["aes"], ["sha2"],
    ]

    static func bits(_ flags: [Substring], _ architecture: CPUArchitecture) -> UInt64 {
        let names: [[Substring]]
        switch architecture {
        case .x86x64: names = x86Features
        case .arm64: names = armFeatures
        case .riscv64, .other: names = []
        }
        let found = Set(flags)
        return names.enumerated().reduce(0) { bits, one in
            one.element.allSatisfy { found.contains($0) } ? bits | 1 << UInt64(one.offset) : bits
        }
    }

    /// At most `max` bytes of UTF-8 without control characters.
    static func label(_ text: String, max: Int = 64) -> String {
        var label = ""
        for character in text where !character.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) {
            if label.utf8.count + character.utf8.count > max { break }
            label.append(character)
        }
        return label
    }

    #if arch(x86_64)
        static let ownArchitecture = CPUArchitecture.x86x64
    #elseif arch(arm64)
        static let ownArchitecture = CPUArchitecture.arm64
    #elseif arch(riscv64)
        static let ownArchitecture = CPUArchitecture.riscv64
    #else
        static let ownArchitecture = CPUArchitecture.other
    #endif

    /// Free bytes where `path` lies, or where it will be made.
    public static func freeBytes(_ path: String) -> UInt64 {
        var info = statvfs()
        var folder = path
        while statvfs(folder, &info) != 0 {
            if folder == "/" || folder.isEmpty { return 0 }
            folder = (folder as NSString).deletingLastPathComponent
        }
        return UInt64(info.f_bavail) &* UInt64(info.f_frsize)
    }
}
