public import Basis
public import Records
public import Trust
import Verdict
public import Wire

/// Names one lease: the job and the replica's index.
public struct LeaseID: Sendable, Hashable, Comparable, WireCodable, CustomStringConvertible {
    public var job: JobID
    public var index: UInt16

    public init(job: JobID, index: UInt16) {
        self.job = job
        self.index = index
    }

    public static func < (a: LeaseID, b: LeaseID) -> Bool {
        a.job != b.job ? a.job < b.job : a.index < b.index
    }
    public func encode(to writer: inout WireWriter) {
        writer.value(job)
        writer.u16(index)
    }
    public init(from reader: inout WireReader) throws(WireError) {
        job = try reader.value()
        index = try reader.u16()
    }
    public var description: String { "\(job)/\(index)" }
}

/// What the ledger's job says about a lease's work, and who asked for it.
public struct JobTerms: Sendable, Hashable, WireCodable {
    public var spec: JobSpec
    /// Account that pays.
    public var submitter: PublicKey
    /// Account that owns it.
    public var owner: PublicKey

    public init(spec: JobSpec, submitter: PublicKey, owner: PublicKey) {
        self.spec = spec
        self.submitter = submitter
        self.owner = owner
    }
    public func encode(to writer: inout WireWriter) {
        writer.value(spec)
        writer.value(submitter)
        writer.value(owner)
    }
    public init(from reader: inout WireReader) throws(WireError) {
        spec = try reader.value()
        submitter = try reader.value()
        owner = try reader.value()
    }
}

/// A lease of this worker as the ledger has it.
public struct LeaseStanding: Sendable, Hashable {
    public enum Step: UInt8, Sendable {
        case active, committed, revealed
    }
    public var id: LeaseID
    public var terms: JobTerms
    /// Ledger time (ms) at which an active lease expires.
    public var deadline: UInt64
    public var step: Step
    /// Whether the job's commits are closed, so that reveals are due.
    public var isRevealOpen: Bool

    public init(
        id: LeaseID, terms: JobTerms, deadline: UInt64, step: Step = .active,
        isRevealOpen: Bool = false
    ) {
        self.id = id
        self.terms = terms
        self.deadline = deadline
        self.step = step
        self.isRevealOpen = isRevealOpen
    }
}

/// Why the ledger took a lease away.
public enum LeaseEnding: Sendable, Hashable {
    case expired
    /// Our own decline was executed.
    case declined
    case noReveal
    /// The job ended otherwise; `byCancel` if its owner cancelled it.
    case released(byCancel: Bool)
}

/// How a lease's claim fared.
public enum LeaseVerdict: UInt8, Sendable, Hashable, CaseIterable {
    case won, lost
}

/// What sealing made durable (`compute.md` 5.1): everything of the claim but the salt.
public struct SealedOutputs: Sendable, Hashable {
    public var termination: Termination
    public var body: BlobID
    public var bodyBytes: UInt64
    /// The body's bytes where they are at most `inlineMax` of the spec; else empty.
    public var inline: [UInt8]
    public var compareHash: Digest
    /// BlobID of the execution report.
    public var report: BlobID
    public var usage: Usage
    /// Every blob of the claim: body, result, files, logs, report. Served after the reveal.
    public var blobs: [BlobID]

    public init(
        termination: Termination, body: BlobID, bodyBytes: UInt64, inline: [UInt8],
        compareHash: Digest, report: BlobID, usage: Usage, blobs: [BlobID]
    ) {
        self.termination = termination
        self.body = body
        self.bodyBytes = bodyBytes
        self.inline = inline
        self.compareHash = compareHash
        self.report = report
        self.usage = usage
        self.blobs = blobs
    }
}

/// What was claimed: fixed before the commit leaves, never changed after.
public struct Claim: Sendable, Hashable, WireCodable {
    public static let blobsMax = 8_192

    public var result: ReplicaResult
    public var salt: Digest
    public var blobs: [BlobID]

    public init(result: ReplicaResult, salt: Digest, blobs: [BlobID]) {
        self.result = result
        self.salt = salt
        self.blobs = blobs
    }
    public func encode(to writer: inout WireWriter) {
        writer.value(result)
        writer.value(salt)
        writer.list(blobs)
    }
    public init(from reader: inout WireReader) throws(WireError) {
        result = try reader.value()
        salt = try reader.value()
        blobs = try reader.list(max: Claim.blobsMax, itemBytesMin: 32)
    }
}

/// Orders of the machine's owner.
public enum OwnerOrder: Sendable, Hashable {
    case pause
    case resume
    case drain
    /// Ends one execution.
    case stop(LeaseID)
}

/// Why a blob must not be collected.
public enum PinReason: UInt8, Sendable, Hashable {
    /// Inputs of a lease; until its deadline and an hour more.
    case lease
    /// A claim that is not settled.
    case claim
    /// A settled claim that is still served.
    case served
    /// Inputs and result of a job submitted here.
    case job
}

/// What people see of a lease on its worker.
public enum WorkerEvent: Sendable, Hashable {
    public enum State: String, Sendable {
        case leased, waiting, fetching, running, sealing, committed, revealed, won, lost
        case declined, handedBack, ended
    }
    case state(LeaseID, State)
    case progress(LeaseID, perMille: UInt16, text: String)
    case usage(LeaseID, Usage)
    case logged(LeaseID, LogMark)
    /// The end of the program, before anything is committed.
    case ended(LeaseID, Termination)
    case declined(LeaseID, [ReasonCode])
    case handedBack(LeaseID, RunEndReason)
}

/// A standing offer as this machine's settings and probes make it; the shell adds `validUntil` and the document.
public struct OfferDraft: Sendable, Hashable {
    public var slotClass: UInt8
    public var slots: UInt16
    /// Runtime and class hashes, ascending.
    public var runtimes: [Digest]
    public var capabilities: UInt64
    public var isolation: UInt8
    public var meter: UInt8
    /// Per slot.
    public var cores: UInt16
    public var memoryMiB: UInt32
    public var diskMiB: UInt32
    public var rateCPU: CreditAmount
    public var rateMemory: CreditAmount

    /// Nil if nothing can be offered: no slots, no wall, no runtime.
    ///
    /// Every slot is offered with the machine's whole share of a job's worth: what does not fit beside others waits.
    public static func of(
        _ settings: OwnerSettings, _ capability: CapabilitySummary, hashing: some Hashing
    ) -> OfferDraft? {
        guard let isolation = capability.isolation, settings.slots > 0, settings.isLending else {
            return nil
        }
        var runtimes: [Digest] = []
        var bits = CapabilityBits.architecture(capability.architecture)
        for kind in settings.offeredRuntimes {
            guard let found = capability.runtime(kind) else { continue }
            runtimes.append(JobMarket.runtimeHash(kind, hashing: hashing))
            if !found.classID.isZero { runtimes.append(found.classID) }
            bits |= CapabilityBits.runtime(kind)
        }
        if runtimes.isEmpty { return nil }
        for tag in capability.tags { bits |= CapabilityBits.tag(tag, hashing: hashing) }
        let slots = UInt64(min(settings.slots, LedgerLimits.slotsPerAccountMax))
        // Scratch is memory, so a slot's share holds memory, disk and slack together; half of it each.
        let share = settings.memoryBytes / slots
        let usable = share > Reservation.slackBytes ? share - Reservation.slackBytes : 0
        let diskMiB = min(usable / 2, settings.diskBytes / slots) >> 20
        let memoryMiB = (usable >> 20) - min(diskMiB, usable >> 20)
        guard memoryMiB > 0 else { return nil }
        return OfferDraft(
            slotClass: 0, slots: UInt16(slots),
            runtimes: Array(Set(runtimes).sorted().prefix(LedgerLimits.runtimesPerOfferMax)),
            capabilities: bits, isolation: isolation.rawValue, meter: capability.meter.rawValue,
            cores: UInt16(clamping: max(1, UInt64(settings.cpuThousandths) / 1_000 / slots)),
            memoryMiB: UInt32(clamping: memoryMiB), diskMiB: UInt32(clamping: diskMiB),
            rateCPU: settings.rateCPU, rateMemory: settings.rateMemory)
    }
}
