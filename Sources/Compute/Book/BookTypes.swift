import Basis
public import Records
public import Trust
public import Wire

/// Where a job stands, as its owner sees it (`surfaces.md` 0).
public enum BookedState: UInt8, Sendable, Hashable, CaseIterable {
    case resolving = 1
    case funding, waiting, running, comparing, completed, failed, cancelled, expired

    public var isEnded: Bool { self >= .completed }

    static func >= (a: BookedState, b: BookedState) -> Bool { a.rawValue >= b.rawValue }

    public var word: String {
        switch self {
        case .resolving: "resolving"
        case .funding: "funding"
        case .waiting: "waiting"
        case .running: "running"
        case .comparing: "comparing"
        case .completed: "completed"
        case .failed: "failed"
        case .cancelled: "cancelled"
        case .expired: "expired"
        }
    }
}

/// How a job ended, in the words of `surfaces.md` 0.
public enum EndCode: UInt8, Sendable, Hashable, CaseIterable {
    case ok = 1
    case programExit, programSignal, trapped, startFailed
    case timeLimit, memoryLimit, diskLimit, outputLimit, badOutput
    case noAgreement, lostTooOften, inputUnavailable
    case noWorkers, timedOut, unfunded, cancelled

    /// The code of an agreed outcome (`compute.md` 1.6).
    public static func of(status: ReplicaResult.Status, exitCode: Int32) -> EndCode {
        switch (status, exitCode) {
        case (.completed, _): .ok
        case (.taskFailed, 1...): .programExit
        case (.taskFailed, -255...0): .programSignal
        case (.taskFailed, -512): .startFailed
        case (.taskFailed, _): .trapped
        case (.limitExceeded, 1): .timeLimit
        case (.limitExceeded, 2): .memoryLimit
        case (.limitExceeded, 3): .diskLimit
        case (.limitExceeded, _): .outputLimit
        case (.badForm, _): .badOutput
        }
    }

    public var word: String {
        switch self {
        case .ok: "ok"
        case .programExit: "programExit"
        case .programSignal: "programSignal"
        case .trapped: "trapped"
        case .startFailed: "startFailed"
        case .timeLimit: "timeLimit"
        case .memoryLimit: "memoryLimit"
        case .diskLimit: "diskLimit"
        case .outputLimit: "outputLimit"
        case .badOutput: "badOutput"
        case .noAgreement: "noAgreement"
        case .lostTooOften: "lostTooOften"
        case .inputUnavailable: "inputUnavailable"
        case .noWorkers: "noWorkers"
        case .timedOut: "timedOut"
        case .unfunded: "unfunded"
        case .cancelled: "cancelled"
        }
    }
}

/// What the ledger settled, with what the canonical answer says.
public struct Settlement: Sendable, Hashable, WireCodable {
    public struct Winner: Sendable, Hashable, WireCodable {
        /// Identity key of the worker.
        public var account: PublicKey
        public var body: BlobID

        public init(account: PublicKey, body: BlobID) {
            self.account = account
            self.body = body
        }
        public func encode(to writer: inout WireWriter) {
            writer.value(account)
            writer.value(body)
        }
        public init(from reader: inout WireReader) throws(WireError) {
            account = try reader.value()
            body = try reader.value()
        }
    }

    public var status: ReplicaResult.Status
    public var exitCode: Int32
    public var bodyBytes: UInt64
    /// In the ledger's order; not empty.
    public var winners: [Winner]
    /// The first winner's body where the reveal carried it.
    public var inline: [UInt8]

    public init(
        status: ReplicaResult.Status, exitCode: Int32, bodyBytes: UInt64, winners: [Winner],
        inline: [UInt8]
    ) {
        self.status = status
        self.exitCode = exitCode
        self.bodyBytes = bodyBytes
        self.winners = winners
        self.inline = inline
    }
    public func encode(to writer: inout WireWriter) {
        writer.u8(status.rawValue)
        writer.i32(exitCode)
        writer.u64(bodyBytes)
        writer.list(winners)
        writer.bytes(inline)
    }
    public init(from reader: inout WireReader) throws(WireError) {
        status = try reader.tag()
        exitCode = try reader.i32()
        bodyBytes = try reader.u64()
        winners = try reader.list(max: LedgerLimits.leasesPerJobMax, itemBytesMin: 64)
        inline = try reader.bytes(max: LedgerLimits.inlineResultBytesMax)
    }
}

/// What the ledger says of a job now, for the book's recovery.
public struct JobStanding: Sendable, Hashable {
    public enum Phase: Sendable, Hashable {
        case queued, running, revealing, cancelled
        case settled(Settlement)
        case refunded(LedgerEvent.RefundReason)
    }
    public var job: JobID
    public var phase: Phase

    public init(job: JobID, phase: Phase) {
        self.job = job
        self.phase = phase
    }
}

/// A request to run a job here.
public struct Submission: Sendable, Hashable {
    public var manifest: Manifest
    /// The account that pays; it must be one that this node signs for.
    public var account: PublicKey
    /// Equal keys of one account name one job. At most 64 bytes.
    public var idempotencyKey: [UInt8]?
    /// Whether a job that no offer fits may wait (`allowWait`).
    public var waitsForOffers: Bool

    public static let keyBytesMax = 64

    public init(
        manifest: Manifest, account: PublicKey, idempotencyKey: [UInt8]? = nil,
        waitsForOffers: Bool = false
    ) {
        self.manifest = manifest
        self.account = account
        self.idempotencyKey = idempotencyKey
        self.waitsForOffers = waitsForOffers
    }
}

/// The answer to a submission.
public enum SubmitReply: Sendable, Hashable {
    /// The job is durable here and on its way to the ledger. `wasKnown`: the idempotency key named it already.
    /// `isUnverified`: `auto` became one replica, so nobody checks the answer.
    case accepted(JobID, wasKnown: Bool, isUnverified: Bool)
    case refused(ManifestIssues)
    /// The key was used with another job.
    case conflict(JobID)
    /// Too many submissions are under way; nothing was done.
    case busy
    /// The node cannot write or sign; nothing was opened.
    case failed(String)
}

/// The answer to a cancel request.
public enum CancelReply: Sendable, Hashable {
    /// The cancel entry is on its way; the ledger may still refuse it.
    case underway
    case notFound
    case notAllowed
    /// After the first commit (E310), or the job ended.
    case tooLate(BookedState)
}

/// What the API's feed hears of a job.
public enum JobEvent: Sendable, Hashable {
    case state(JobID, BookedState, EndCode?)
    case drawn(JobID, round: UInt32, leases: [LeaseID])
    /// A draw found too few eligible owners.
    case waitingForOwners(JobID, eligible: UInt32)
    case replica(LeaseID, ReplicaState)
    /// The certified body is in the store.
    case resultReady(JobID, BlobID)
    /// No winner could serve it; tried again later.
    case resultMissing(JobID, BlobID)

    public enum ReplicaState: UInt8, Sendable, Hashable {
        case leased = 1, committed, revealed, expired, declined, noReveal, released
    }
}

/// One job of this entry peer as it is stored: the row is rewritten when its state changes.
public struct BookRecord: Sendable, Hashable {
    /// An entry is at most 16 KiB.
    static let entryBytesMax = LedgerLimits.entryBytesMax

    public var job: JobID
    public var account: PublicKey
    /// `H("peernode/idempotency/v1", account, key)`; zero without a key.
    public var key: Digest
    /// Digest of what was submitted, so that a key with another job is noticed.
    public var content: Digest
    /// The signed openJob entry, sent again until it was executed.
    public var entry: [UInt8]
    public var canonical: CanonicalJob
    public var isUnverified: Bool
    public var state: BookedState
    public var code: EndCode?
    public var isCancelAsked: Bool
    public var settlement: Settlement?
    public var hasResult: Bool

    /// The key in the family of the shell's choice: 0x02, job.
    public var storeKey: [UInt8] { StoreKey([2]).raw(job.bytes).bytes }
}

extension BookRecord: WireCodable {
    public func encode(to writer: inout WireWriter) {
        writer.u16(1)
        writer.value(job)
        writer.value(account)
        writer.value(key)
        writer.value(content)
        writer.bytes(entry)
        writer.value(canonical)
        writer.bool(isUnverified)
        writer.u8(state.rawValue)
        writer.optional(code) { $0.u8($1.rawValue) }
        writer.bool(isCancelAsked)
        writer.optional(settlement)
        writer.bool(hasResult)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let version = try reader.u16()
        if version != 1 { throw .unknownTag(UInt64(version)) }
        job = try reader.value()
        account = try reader.value()
        key = try reader.value()
        content = try reader.value()
        entry = try reader.bytes(max: BookRecord.entryBytesMax)
        canonical = try reader.value()
        isUnverified = try reader.bool()
        state = try reader.tag()
        code = try reader.optional { (r) throws(WireError) in try r.tag() }
        isCancelAsked = try reader.bool()
        settlement = try reader.optional { (r) throws(WireError) in try Settlement(from: &r) }
        hasResult = try reader.bool()
    }
}
