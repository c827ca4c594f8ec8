import Basis
import Records
import Trust

/// The rules of `ledger.md` 7.2, step 1, in the order in which they are asked. `explainDraw` counts by them.
public enum EligibilityRule: UInt8, Sendable, CaseIterable, Hashable {
    /// The account is not admitted, revoked or guilty.
    case notAdmitted = 1
    case suspended
    /// Ended or past its validUntil.
    case offerEnded
    /// Registered too close to the anchor: its owner could have known the beacon.
    case tooNew
    case capabilities
    case runtime
    case hardwareClass
    /// Not on the job's `only` list.
    case notListed
    case cores
    case memory
    case disk
    case gpuMemory
    case isolation
    /// A rate above the job's maximum.
    case rate
    case noFreeSlot
    /// The account or its owner already has a lease of this job.
    case ownerInJob
    /// The submitter's own, and the job or the network does not allow that.
    case ownOffer
}

/// What the eligibility of an offer is asked against.
struct EligibilityContext {
    let spec: JobSpec
    /// T and L of the block before the draw.
    let time: UInt64
    let ledgerTime: UInt64
    let anchorHeight: UInt64
    let anchorEpoch: UInt64
    let anchorView: UInt64
    let hasOneSeat: Bool
    let submitterOwner: PublicKey
    let allowsSelf: Bool
    /// Accounts and owners of all leases of the job so far.
    let taken: [PublicKey]

    /// The first rule that refuses the offer; nil if it is eligible.
    func refusal(of record: OfferRecord, account: PublicKey, _ holder: AccountRecord) -> EligibilityRule? {
        if !holder.isAdmitted { return .notAdmitted }
        if ledgerTime < holder.suspendedUntil { return .suspended }
        let offer = record.offer
        if !record.isLive || offer.validUntil <= time { return .offerEnded }
        if !isOldEnough(record) { return .tooNew }
        if offer.capabilities & spec.capabilities != spec.capabilities { return .capabilities }
        if !spec.runtime.isZero && !offer.runtimes.contains(spec.runtime) { return .runtime }
        if !spec.hardwareClass.isZero && offer.hardwareClass != spec.hardwareClass { return .hardwareClass }
        if !spec.only.isEmpty && !spec.only.contains(account) { return .notListed }
        if offer.cores < spec.cores { return .cores }
        if offer.memoryMiB < spec.memoryMiB { return .memory }
        if offer.diskMiB < spec.diskMiB { return .disk }
        if offer.gpuMiB < spec.gpuMiB { return .gpuMemory }
        if offer.isolation < spec.isolation { return .isolation }
        if offer.rateCPU > spec.rateCPUMax || offer.rateMemory > spec.rateMemoryMax { return .rate }
        if record.free < 1 { return .noFreeSlot }
        if taken.contains(account) || taken.contains(holder.owner) { return .ownerInJob }
        if holder.owner == submitterOwner && !allowsSelf { return .ownOffer }
        return nil
    }

    /// The table of the anchor minus what ended since: no copy of it is kept.
    func isOldEnough(_ record: OfferRecord) -> Bool {
        if hasOneSeat { return record.height <= anchorHeight }
        if record.epoch < anchorEpoch { return true }
        return record.epoch == anchorEpoch && anchorView >= 2 && record.view <= anchorView - 2
    }
}
