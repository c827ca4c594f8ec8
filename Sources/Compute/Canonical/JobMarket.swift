import Basis
public import Records
public import Trust

/// The standing offers that an entry peer knows, and what a job finds among them (`compute.md` 1.4).
///
/// A hint for choosing rates and an equivalence class before signing. Who is really drawn is the ledger's rule.
public struct JobMarket: Sendable {
    /// One standing offer with its account and the account that owns it.
    public struct Listing: Sendable, Hashable {
        public var account: PublicKey
        public var owner: PublicKey
        public var offer: Offer

        public init(account: PublicKey, owner: PublicKey, offer: Offer) {
            self.account = account
            self.owner = owner
            self.offer = offer
        }
    }
    /// A class that belongs to a runtime. An offer does not say which of its hashes is which runtime's class, so the
    /// entry peer knows those of its own capabilities.
    public struct KnownClass: Sendable, Hashable {
        public var runtime: RuntimeKind
        public var classID: Digest

        public init(runtime: RuntimeKind, classID: Digest) {
            self.runtime = runtime
            self.classID = classID
        }
    }

    public var listings: [Listing]
    public var classes: [KnownClass]

    public init(listings: [Listing] = [], classes: [KnownClass] = []) {
        self.listings = listings
        self.classes = classes
    }

    /// `H("peernode/runtime/v1", id)`.
    public static func runtimeHash(_ kind: RuntimeKind, hashing: some Hashing) -> Digest {
        hashing.hash("peernode/runtime/v1", Array(kind.id.utf8))
    }

    /// What an offer lacks for a job; nil if it fits.
    enum Lack: Int, CaseIterable {
        case runtime, capability, isolation, cores, memory, disk, admitted, otherOwner

        func text(_ job: CanonicalJob) -> String {
            switch self {
            case .runtime: "runtime \(job.work.runtime.id)"
            case .capability: "a required capability"
            case .isolation: "the isolation level"
            case .cores: "\(job.work.cores) cores"
            case .memory: "\(job.work.memoryMiB) MiB of memory"
            case .disk: "\(job.work.diskMiB) MiB of disk"
            case .admitted: "a place in place.only"
            case .otherOwner: "an owner other than the submitter"
            }
        }

        /// What the author can change; `listings` show how far.
        func remedy(_ listings: [Listing]) -> String {
            func most(_ value: (Offer) -> UInt64) -> UInt64 { listings.map { value($0.offer) }.max() ?? 0 }
            switch self {
            case .runtime: return "start a peer that offers the runtime"
            case .capability: return "remove a rule of place.require"
            case .isolation: return "lower place.isolation"
            case .cores:
                return "lower resources.cpu (--cpus) to \(most { UInt64($0.cores) }), the largest offer"
            case .memory:
                return "lower resources.memory (--memory) to \(most { UInt64($0.memoryMiB) })MiB, the largest offer"
            case .disk:
                return "lower resources.disk (--disk) to \(most { UInt64($0.diskMiB) })MiB, the largest offer"
            case .admitted: return "name other peers in place.only"
            case .otherOwner:
                return "leave verify out, so that a network without others runs it itself; or wait for other peers"
            }
        }
    }

    func lack(_ listing: Listing, _ job: CanonicalJob, _ hashing: any Hashing) -> Lack? {
        let (offer, work) = (listing.offer, job.work)
        let runtime = JobMarket.runtimeHash(work.runtime, hashing: hashing)
        let bits = job.purchase.capabilityBits(runtime: work.runtime, hashing: hashing)
        if !offer.runtimes.contains(runtime) { return .runtime }
        if offer.capabilities & bits != bits { return .capability }
        if offer.isolation < work.isolation.rawValue { return .isolation }
        if offer.cores < work.cores { return .cores }
        if offer.memoryMiB < work.memoryMiB { return .memory }
        if offer.diskMiB < work.diskMiB { return .disk }
        let only = job.purchase.only
        return only.isEmpty || only.contains(listing.account) ? nil : .admitted
    }

    /// Offers that fit the job, in order.
    public func fitting(_ job: CanonicalJob, hashing: any Hashing) -> [Listing] {
        listings.filter { lack($0, job, hashing) == nil }
    }

    /// Different owners other than `submitter` among offers.
    static func owners(_ listings: [Listing], besides submitter: PublicKey?) -> Int {
        Set(listings.map(\.owner).filter { $0 != submitter }).count
    }

    /// E140 with how many offers lack what, most first. `submitter`: its own offers do not count; nil: they do.
    func unsatisfiable(_ job: CanonicalJob, besides submitter: PublicKey?, hashing: any Hashing) -> ManifestIssue {
        var counts = [Int](repeating: 0, count: Lack.allCases.count)
        for listing in listings {
            if let lack = lack(listing, job, hashing) {
                counts[lack.rawValue] += 1
            } else if listing.owner == submitter {
                counts[Lack.otherOwner.rawValue] += 1
            }
        }
        let ranked = Lack.allCases.filter { counts[$0.rawValue] > 0 }.sorted {
            (counts[$1.rawValue], $0.rawValue) < (counts[$0.rawValue], $1.rawValue)
        }
        let nearest = ranked.last?.remedy(listings) ?? "start a peer that lends to this network"
        let lacks = ranked.map { (counts[$0.rawValue], $0.text(job)) }
        return .unsatisfiable(
            offers: listings.count, lacks: lacks, nearest: nearest,
            queueNanoseconds: job.purchase.queueNanoseconds)
    }

    /// The hash that the draw asks for: any worker with the runtime, or the class with most eligible owners.
    func runtime(
        _ job: CanonicalJob, fitting: [Listing], submitter: PublicKey?, hashing: any Hashing
    ) -> Digest {
        let plain = JobMarket.runtimeHash(job.work.runtime, hashing: hashing)
        guard job.work.determinism == .equivalenceClass, job.purchase.classRule == .auto,
            job.purchase.replicas > 1
        else { return plain }
        var best: (owners: Int, classID: Digest)?
        for known in classes where known.runtime == job.work.runtime {
            let listed = fitting.filter { $0.offer.runtimes.contains(known.classID) }
            let owners = JobMarket.owners(listed, besides: submitter)
            if owners == 0 { continue }
            if let standing = best,
                (standing.owners, known.classID) > (owners, standing.classID)
            {
                continue
            }
            best = (owners, known.classID)
        }
        return best?.classID ?? plain
    }
}
