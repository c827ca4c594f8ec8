import API
import Basis
public import Compute
import Foundation
public import Loop
import Records
public import Runner
import Sodium
import Trust

/// What this machine can lend, found by trying: the walls of the sandbox, then each runtime inside it.
public struct Lending: Sendable {
    public let settings: OwnerSettings
    /// nil: nothing may run here (`reason` says why).
    public let runner: Runner.Settings?
    public let report: SandboxReport?
    public let capability: Compute.CapabilitySummary?
    public let reason: String?

    /// Tries the walls that are tried at every start, and the runtimes if they hold. Takes about a second.
    ///
    /// - Parameter isOpenNetwork: whether strangers can be admitted; decides whom native programs are run for.
    public static func probe(
        _ layout: HomeLayout, _ configuration: Configuration, isOpenNetwork: Bool, programs: String? = nil,
        loop: UVLoop
    ) async -> Lending {
        let settings = ownerSettings(configuration, isOpenNetwork: isOpenNetwork)
        let uid: UInt32? = getuid() == 0 ? configuration.sandbox.uidBase : nil
        let home = layout.explicit?.path ?? layout.data.path
        let programs = programs ?? Runner.executableFolder
        let runner: Runner.Settings
        do throws(RunnerError) {
            let slots = try SlotFolders(
                home: home, uid: uid ?? getuid(), programs: programs, hashing: SodiumHashing())
            runner = Runner.Settings(
                programs: programs, slots: slots, spool: layout.state.path + "/spool", uid: uid)
        } catch {
            return Lending(
                settings: settings, runner: nil, report: nil, capability: nil, reason: error.description)
        }
        let report = await SandboxSelfTest(loop, runner).run(.atStart)
        guard report.isFull else {
            let why = report.refusal ?? report.failures.map(\.line).joined(separator: "; ")
            return Lending(settings: settings, runner: nil, report: report, capability: nil, reason: why)
        }
        let host = SandboxHost(loop, runner)
        let found = await RuntimeProbes(host, hashing: SodiumHashing()).run()
        await host.close()
        var runtimes: [RuntimeCapability] = []
        for one in found { if case .success(let runtime) = one { runtimes.append(runtime) } }
        let capability = Compute.CapabilitySummary(
            architecture: architecture, isolation: .full, meter: report.meter, runtimes: runtimes)
        return Lending(
            settings: settings, runner: runner, report: report, capability: capability, reason: nil)
    }

    #if arch(arm64)
        static let architecture = Purchase.Architecture.arm64
    #else
        static let architecture = Purchase.Architecture.x86_64
    #endif

    /// The owner's limits, with shares resolved against this machine.
    static func ownerSettings(_ configuration: Configuration, isOpenNetwork: Bool) -> OwnerSettings {
        let lending = configuration.lending
        let cores = UInt64(ProcessInfo.processInfo.activeProcessorCount)
        let milli = lending.milliCores ?? max(1_000, cores * 500)
        let memory = lending.memoryBytes ?? ProcessInfo.processInfo.physicalMemory / 2
        let slots = lending.slots ?? Int(max(1, milli / 1_000))
        var settings = OwnerSettings(
            isLending: lending.isEnabled, cpuThousandths: UInt32(clamping: milli), memoryBytes: memory,
            diskBytes: lending.diskBytes, slots: min(slots, ComputeLimits.slotsMax))
        if let names = lending.runtimes { settings.runtimes = names.compactMap { RuntimeKind(id: $0) } }
        settings.strangers = lending.strangers.compactMap { RuntimeKind(id: $0) }
        settings.maxRunNanoseconds = lending.maxRunMillis * 1_000_000
        settings.isOpenNetwork = isOpenNetwork
        settings.rateCPU = lending.price ?? CreditAmount(micro: 100)
        settings.rateMemory = lending.priceMemory
        settings.allowOwners = configuration.policy.allowOwners.map { accounts($0) }
        settings.denyOwners = accounts(configuration.policy.denyOwners)
        settings.trusted = accounts(configuration.policy.trusted)
        return settings
    }

    static func accounts(_ texts: [String]) -> [PublicKey] {
        texts.compactMap { TextID.account($0, hashing: SodiumHashing()) }
    }
}

extension Lending {
    /// What is lent, as documents show it.
    var lentDocument: NodeDocument.Lending {
        .init(
            enabled: runner != nil && settings.isLending, consented: true,
            cores: Int(settings.cpuThousandths / 1_000), memoryBytes: Int64(clamping: settings.memoryBytes),
            diskBytes: Int64(clamping: settings.diskBytes), runtimes: capability?.runtimes.map(\.runtime) ?? [],
            slots: .init(total: runner == nil ? 0 : settings.slots, busy: 0))
    }
}
