public import Basis
public import Records
public import Trust
import Verdict

/// Derives the ledger's JobSpec from a canonical job: the same pure function at the entry peer, in a signing client and
/// in tests (`compute.md` 1.4).
public struct SpecDerivation: Sendable {
    /// Random, so that equal jobs are set apart. 16 bytes.
    public var salt: [UInt8]
    /// Identity key of the peer that serves manifest and inputs.
    public var entryPeer: PublicKey
    /// Account that pays, and the one that owns it: replicas come from others.
    public var submitter: PublicKey
    public var owner: PublicKey
    public var market: JobMarket
    /// What the account can hold now; nil = unknown, then the ledger decides.
    public var available: CreditAmount?
    /// Fee of an entry.
    public var fee: CreditAmount
    /// `submit.maxCost`, where the manifest names none.
    public var costMaxDefault: CreditAmount
    /// Milliseconds since 1970.
    public var wallMillis: UInt64
    /// Whether a job that no offer fits may wait.
    public var waitsForOffers: Bool

    public init(
        salt: [UInt8], entryPeer: PublicKey, submitter: PublicKey, owner: PublicKey,
        market: JobMarket, available: CreditAmount?, fee: CreditAmount,
        costMaxDefault: CreditAmount = .credits(10), wallMillis: UInt64,
        waitsForOffers: Bool = false
    ) {
        self.salt = salt
        self.entryPeer = entryPeer
        self.submitter = submitter
        self.owner = owner
        self.market = market
        self.available = available
        self.fee = fee
        self.costMaxDefault = costMaxDefault
        self.wallMillis = wallMillis
        self.waitsForOffers = waitsForOffers
    }

    static let second: UInt64 = 1_000_000_000
    /// Reveal window.
    static let revealSeconds: UInt32 = 30

    /// Whether `auto` becomes one replica: fewer than three other owners are eligible (`architecture.md` S4).
    public func isAlone(_ draft: CanonicalJob, hashing: some Hashing) -> Bool {
        let fitting = market.fitting(draft, hashing: hashing)
        return JobMarket.owners(fitting, besides: owner) < Int(Manifest.replicasAuto)
    }

    /// The spec, or why the job cannot be opened (E140, E150, E501, E502). Nothing is signed or reserved.
    ///
    /// `wasAuto`: the one replica came from `auto`, so a network without others may run it itself.
    public func spec(
        _ job: CanonicalJob, wasAuto: Bool, hashing: some Hashing
    ) -> Result<JobSpec, ManifestIssues> {
        let fitting = market.fitting(job, hashing: hashing)
        guard let total = totalSeconds(job) else {
            return .failure(ManifestIssues([.deadlineInPast("of the schedule")]))
        }
        let others = JobMarket.owners(fitting, besides: owner)
        var flags: JobSpec.Flags = job.purchase.isHighValue ? .highValue : []
        if job.purchase.replicas == 1 && wasAuto && others == 0 { flags.insert(.allowSelf) }
        let barred = flags.contains(.allowSelf) ? nil : owner
        let usable = fitting.filter { $0.owner != barred }
        // Fewer owners than replicas wait and are told so (`architecture.md` S4); nobody at all is E140.
        if usable.isEmpty && !waitsForOffers {
            return .failure(ManifestIssues([market.unsatisfiable(job, besides: barred, hashing: hashing)]))
        }
        var spec = draft(job, total: total, flags: flags, hashing: hashing)
        spec.runtime = market.runtime(job, fitting: usable, submitter: owner, hashing: hashing)
        let listed = usable.filter {
            spec.runtime == JobMarket.runtimeHash(job.work.runtime, hashing: hashing)
                || $0.offer.runtimes.contains(spec.runtime)
        }
        // The class that was chosen may be one that nobody usable has.
        if listed.isEmpty && !waitsForOffers {
            return .failure(ManifestIssues([market.unsatisfiable(job, besides: barred, hashing: hashing)]))
        }
        if let issue = setRates(&spec, job, listed) { return .failure(ManifestIssues([issue])) }
        invariant(spec.isWithinRanges, "derived \(spec)")
        return .success(spec)
    }

    // MARK: below their use

    func draft(
        _ job: CanonicalJob, total: UInt32, flags: JobSpec.Flags, hashing: some Hashing
    ) -> JobSpec {
        let (work, purchase) = (job.work, job.purchase)
        let affinity: Digest
        switch work.source {
        case .none: affinity = .zero
        case .file(let id, _), .tree(let id, _): affinity = Digest(id.raw)
        }
        // Escalation belongs to a later rules version: the ledger of this one refuses rMax above r. The manifest's
        // `maxExecutions` stays in the canonical job.
        return JobSpec(
            salt: salt, manifest: job.blobID(hashing: hashing), entryPeer: entryPeer, holders: [],
            runtime: .zero, affinity: affinity, hardwareClass: .zero,
            capabilities: purchase.capabilityBits(runtime: work.runtime, hashing: hashing),
            only: purchase.only, cores: work.cores, memoryMiB: work.memoryMiB,
            diskMiB: work.diskMiB, gpuMiB: 0, isolation: work.isolation.rawValue,
            comparator: work.comparator, r: purchase.replicas, q: purchase.quorum,
            rMax: purchase.replicas, cpuMicrosMax: work.cpuMicros,
            memoryMax: UInt64(work.memoryMiB) * work.runMillis, wallMillisMax: work.runMillis,
            outputBytesMax: work.outputBytesMax, rateCPUMax: .zero, rateMemoryMax: .zero,
            leaseSeconds: SpecDerivation.leaseSeconds(job, total: total),
            revealSeconds: SpecDerivation.revealSeconds, totalSeconds: total,
            retainSeconds: UInt32(clamping: purchase.keepResultsNanoseconds / Self.second),
            inlineMax: UInt16(LedgerLimits.inlineResultBytesMax), flags: flags,
            label: purchase.name)
    }

    /// The whole job's ledger time: `timeout.total`, cut at the deadline. Nil if nothing could run before it.
    func totalSeconds(_ job: CanonicalJob) -> UInt32? {
        var total = job.purchase.totalNanoseconds / Self.second
        switch job.purchase.deadline {
        case nil: break
        case .at(let millis)?:
            if millis <= wallMillis { return nil }
            total = min(total, (millis - wallMillis) / 1_000)
        case .after(let nanoseconds)?: total = min(total, nanoseconds / Self.second)
        }
        let least = job.work.runMillis / 1_000 + 15
        return total < least ? nil : UInt32(total)
    }

    /// `timeout.lease`, else 60 s, the inputs at 1 MiB/s (30 min at most) and the run; at most total − 10 s, at least
    /// the run and 5 s (`compute.md` 5.1).
    static func leaseSeconds(_ job: CanonicalJob, total: UInt32) -> UInt32 {
        let run = (job.work.runNanoseconds + second - 1) / second
        let bytes = job.work.blobs.reduce(UInt64(0)) { $0 + min($1.bytes, 1 << 40) }
        var lease = 60 + min(bytes >> 20, 1_800) + min(run, UInt64(total))
        if let given = job.purchase.leaseNanoseconds { lease = given / second }
        return UInt32(max(min(lease, UInt64(total) - 10), job.work.runMillis / 1_000 + 5))
    }

    /// The highest rates among the cheapest offers that give 2·r owners, lowered until the budget holds.
    func setRates(
        _ spec: inout JobSpec, _ job: CanonicalJob, _ listed: [JobMarket.Listing]
    ) -> ManifestIssue? {
        let costMax = job.purchase.costMax ?? costMaxDefault
        let most = costMax.subtracting(fee) ?? .zero
        var perExecution = CreditAmount(micro: most.micro / UInt64(spec.rMax))
        if let given = job.purchase.costPerExecution { perExecution = min(perExecution, given) }
        func price(_ rates: (CreditAmount, CreditAmount)) -> CreditAmount {
            Pricing.price(
                rateCPU: rates.0, rateMemory: rates.1, cpuMicros: spec.cpuMicrosMax,
                memoryMiBMillis: spec.memoryMax) ?? .supplyMax
        }
        if listed.isEmpty {
            // Nothing to go by: three quarters of the budget for CPU, the rest for memory.
            let cpu = UInt128(perExecution.micro) * 750_000 / UInt128(spec.cpuMicrosMax)
            let memory = UInt128(perExecution.micro) * 256_000 / UInt128(spec.memoryMax)
            spec.rateCPUMax = CreditAmount(
                micro: UInt64(min(cpu, UInt128(LedgerLimits.rateMax.micro))))
            spec.rateMemoryMax = CreditAmount(
                micro: UInt64(min(memory, UInt128(LedgerLimits.rateMax.micro))))
        } else {
            let cheapest = listed.sorted {
                let (a, b) = (
                    price(($0.offer.rateCPU, $0.offer.rateMemory)),
                    price(($1.offer.rateCPU, $1.offer.rateMemory))
                )
                return a != b ? a < b : $0.account < $1.account
            }
            var rates = (CreditAmount.zero, CreditAmount.zero)
            var owners: [PublicKey] = []
            for (i, listing) in cheapest.enumerated() where owners.count < 2 * Int(spec.r) {
                let next = (
                    max(rates.0, listing.offer.rateCPU), max(rates.1, listing.offer.rateMemory)
                )
                if price(next) > perExecution {
                    if i == 0 {
                        return .overBudget(estimate: estimate(price(next), spec), costMax: costMax)
                    }
                    break
                }
                rates = next
                if !owners.contains(listing.owner) { owners.append(listing.owner) }
            }
            (spec.rateCPUMax, spec.rateMemoryMax) = rates
        }
        let reserved = estimate(price((spec.rateCPUMax, spec.rateMemoryMax)), spec)
        if let available, available < reserved {
            return .insufficientCredit(holds: available, reserves: reserved)
        }
        return nil
    }

    /// `funded` and the fee.
    func estimate(_ perExecution: CreditAmount, _ spec: JobSpec) -> CreditAmount {
        (Pricing.times(spec.rMax, perExecution) ?? .supplyMax).adding(fee) ?? .supplyMax
    }
}
