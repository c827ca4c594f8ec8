public import Basis
public import Records
public import Trust

/// What the owner of this machine lends, to whom and when (`compute.md` 7, `surfaces.md` 3.2).
public struct OwnerSettings: Sendable, Hashable {
    /// `lend.enabled` and consent.
    public var isLending: Bool
    /// Cores in thousandths, memory and disk in bytes, over all slots.
    public var cpuThousandths: UInt32
    public var memoryBytes: UInt64
    public var diskBytes: UInt64
    public var slots: Int
    /// Runtimes for trusted owners, and for strangers.
    public var runtimes: [RuntimeKind]
    public var strangers: [RuntimeKind]
    public var maxRunNanoseconds: UInt64
    public var maxMemoryBytes: UInt64
    public var schedule: WeekSchedule
    /// Nil: everybody.
    public var allowOwners: [PublicKey]?
    public var denyOwners: [PublicKey]
    public var trusted: [PublicKey]
    /// Whether the genesis is `open`; otherwise every admitted account is trusted.
    public var isOpenNetwork: Bool
    /// Micro-credits per CPU-second and per GiB-second.
    public var rateCPU: CreditAmount
    public var rateMemory: CreditAmount

    public init(
        isLending: Bool, cpuThousandths: UInt32, memoryBytes: UInt64, diskBytes: UInt64, slots: Int
    ) {
        invariant(slots >= 0 && slots <= ComputeLimits.slotsMax, "\(slots) slots")
        self.isLending = isLending
        self.cpuThousandths = cpuThousandths
        self.memoryBytes = memoryBytes
        self.diskBytes = diskBytes
        self.slots = slots
        runtimes = [.command, .python, .builtin]
        strangers = [.builtin, .wasm, .javascript]
        maxRunNanoseconds = 2 * 3_600 * 1_000_000_000
        maxMemoryBytes = memoryBytes
        schedule = .always
        allowOwners = nil
        denyOwners = []
        trusted = []
        isOpenNetwork = false
        rateCPU = .zero
        rateMemory = .zero
    }

    public func trusts(_ owner: PublicKey) -> Bool { !isOpenNetwork || trusted.contains(owner) }

    /// The runtimes that `owner` may use here.
    public func runtimes(for owner: PublicKey) -> [RuntimeKind] {
        trusts(owner) ? runtimes : strangers.filter { runtimes.contains($0) }
    }

    /// The runtimes that are offered to everybody: an offer that strangers cannot use would only be declined.
    public var offeredRuntimes: [RuntimeKind] {
        isOpenNetwork ? strangers.filter { runtimes.contains($0) } : runtimes
    }
}

/// A fact about the machine, or why it is not known. Not knowing is no reason to pause.
public enum Fact<Value: Sendable & Hashable>: Sendable, Hashable {
    case value(Value)
    case unavailable(String)

    public var value: Value? {
        if case .value(let value) = self { value } else { nil }
    }
}

/// What `decide` looks at.
public struct OwnerFacts: Sendable, Hashable {
    /// Minute of the week in local time, 0 = Monday 00:00.
    public var minuteOfWeek: Fact<Int>
    public var diskFreeBytes: Fact<UInt64>
    public var isolation: Fact<IsolationLevel>
    /// Orders of the owner that still hold.
    public var isPaused: Bool
    public var isDraining: Bool

    public init(
        minuteOfWeek: Fact<Int>, diskFreeBytes: Fact<UInt64>, isolation: Fact<IsolationLevel>,
        isPaused: Bool = false, isDraining: Bool = false
    ) {
        self.minuteOfWeek = minuteOfWeek
        self.diskFreeBytes = diskFreeBytes
        self.isolation = isolation
        self.isPaused = isPaused
        self.isDraining = isDraining
    }
}

/// What this node can run now: the result of its probes.
public struct CapabilitySummary: Sendable, Hashable {
    public var architecture: Purchase.Architecture
    /// Nil: no wall holds, nothing runs.
    public var isolation: IsolationLevel?
    public var meter: Meter
    public var runtimes: [RuntimeCapability]
    /// Tags of the capability document.
    public var tags: [String]

    public init(
        architecture: Purchase.Architecture, isolation: IsolationLevel?, meter: Meter,
        runtimes: [RuntimeCapability], tags: [String] = []
    ) {
        self.architecture = architecture
        self.isolation = isolation
        self.meter = meter
        self.runtimes = runtimes
        self.tags = tags
    }

    public func runtime(_ kind: RuntimeKind) -> RuntimeCapability? {
        runtimes.first { $0.runtime == kind.id }
    }

    /// The name that `uname` and the environment of programs use.
    public var machine: String {
        switch architecture {
        case .x86_64: "amd64"
        case .arm64: "arm64"
        case .riscv64: "riscv64"
        }
    }
}

/// What running executions have reserved.
public struct Reservation: Sendable, Hashable {
    public var executions = 0
    public var cpuThousandths: UInt64 = 0
    public var memoryBytes: UInt64 = 0
    public var diskBytes: UInt64 = 0

    public init() {}

    /// Room for overshoot of a polling meter, `/in` and `/dev/shm` (`compute.md` 4.5).
    public static let slackBytes: UInt64 = 32 << 20

    /// What one execution of `work` takes: scratch is memory, so disk counts twice.
    static func of(_ work: Work) -> Reservation {
        var one = Reservation()
        one.executions = 1
        one.cpuThousandths = UInt64(work.cpuThousandths)
        one.memoryBytes = work.memoryBytes + work.diskBytes + slackBytes
        one.diskBytes = work.diskBytes
        return one
    }

    static func + (a: Reservation, b: Reservation) -> Reservation {
        var sum = a
        sum.executions += b.executions
        sum.cpuThousandths += b.cpuThousandths
        sum.memoryBytes += b.memoryBytes
        sum.diskBytes += b.diskBytes
        return sum
    }

    func fits(_ settings: OwnerSettings) -> Bool {
        executions <= settings.slots && cpuThousandths <= UInt64(settings.cpuThousandths)
            && memoryBytes <= settings.memoryBytes && diskBytes <= settings.diskBytes
    }
}

/// The owner's rules as pure functions: the daemon, `why-idle` and the simulator ask the same ones.
public enum OwnerPolicy {
    public enum Decision: Sendable, Hashable {
        case run
        case pause([ReasonCode])
        case drain([ReasonCode])
    }
    public enum Answer: Sendable, Hashable {
        case accept
        case decline([ReasonCode])
    }

    /// Free disk below this stops new work: one job with default scratch and its blobs.
    public static let diskFloorBytes: UInt64 = 1 << 30

    /// Whether the machine works at all now; reasons in their order.
    public static func decide(_ settings: OwnerSettings, _ facts: OwnerFacts) -> Decision {
        var pause: [ReasonCode] = []
        var drain: [ReasonCode] = []
        if !settings.isLending { pause.append(.noConsent) }
        if facts.isPaused { pause.append(.userPaused) }
        if facts.isDraining { drain.append(.draining) }
        if let minute = facts.minuteOfWeek.value, !settings.schedule.allows(minute: minute) {
            pause.append(.schedule)
        }
        if let free = facts.diskFreeBytes.value, free < diskFloorBytes { drain.append(.diskFloor) }
        if case .unavailable = facts.isolation { pause.append(.sandboxTier) }
        if !pause.isEmpty { return .pause((pause + drain).sorted()) }
        return drain.isEmpty ? .run : .drain(drain.sorted())
    }

    /// Whether this machine takes that job of that owner; all reasons against it, in their order.
    ///
    /// `queued` executions wait for a slot already.
    public static func accepts(
        _ job: CanonicalJob, owner: PublicKey, _ settings: OwnerSettings,
        _ capability: CapabilitySummary, _ decision: Decision, queued: Int
    ) -> Answer {
        var reasons: [ReasonCode] = []
        let work = job.work
        switch decision {
        case .run: break
        case .pause(let why), .drain(let why): reasons += why
        }
        if let isolation = capability.isolation {
            if isolation < work.isolation { reasons.append(.tier) }
        } else {
            reasons.append(.tier)
        }
        if capability.runtime(work.runtime) == nil
            || !settings.runtimes(for: owner).contains(work.runtime)
        {
            reasons.append(.noRuntime)
        }
        if !hasRequired(job.purchase.require, capability) { reasons.append(.noCapability) }
        if settings.denyOwners.contains(owner)
            || settings.allowOwners.map({ !$0.contains(owner) }) ?? false
        {
            reasons.append(.denied)
        }
        if work.cpuThousandths > settings.cpuThousandths { reasons.append(.coresSmall) }
        let need = Reservation.of(work)
        if need.memoryBytes > settings.memoryBytes || work.memoryBytes > settings.maxMemoryBytes {
            reasons.append(.memorySmall)
        }
        if need.diskBytes > settings.diskBytes { reasons.append(.diskSmall) }
        if work.runNanoseconds > settings.maxRunNanoseconds { reasons.append(.runShort) }
        if settings.slots == 0 || queued >= ComputeLimits.executionsQueuedMax {
            reasons.append(.noSlot)
        }
        return reasons.isEmpty ? .accept : .decline(reasons.sorted())
    }

    static func hasRequired(
        _ require: [Purchase.Requirement], _ capability: CapabilitySummary
    ) -> Bool {
        require.allSatisfy { requirement in
            switch requirement {
            case .architecture(let wanted): wanted == capability.architecture
            case .tag(let tag):
                capability.tags.contains(tag) || capability.runtimes.contains { $0.runtime == tag }
            }
        }
    }
}
