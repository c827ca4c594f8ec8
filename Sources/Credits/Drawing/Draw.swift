import Basis
import Records
public import Trust
public import Wire

/// One offer that may be drawn for a job.
public struct DrawCandidate: Sendable, Hashable {
    public let account: PublicKey
    public let slotClass: UInt8
    public let tickets: UInt32
    public let owner: PublicKey

    public init(account: PublicKey, slotClass: UInt8, tickets: UInt32, owner: PublicKey) {
        self.account = account
        self.slotClass = slotClass
        self.tickets = tickets
        self.owner = owner
    }
}

/// The eligible list of one draw. Only its hash is in the event; the list is kept in family `proofs` under
/// 3 ‖ job ‖ round.
public struct CandidateList: Sendable, Hashable, WireCodable {
    /// Ascending by (account, slotClass).
    public let candidates: [DrawCandidate]

    public init(_ candidates: [DrawCandidate]) { self.candidates = candidates }

    public static func key(_ job: JobID, round: UInt32) -> [UInt8] {
        StoreKey([3]).raw(job.bytes).u32(round).bytes
    }

    public func encode(to w: inout WireWriter) {
        w.list(candidates) {
            $0.value($1.account)
            $0.u8($1.slotClass)
            $0.u32($1.tickets)
            $0.value($1.owner)
        }
    }

    public init(from r: inout WireReader) throws(WireError) {
        candidates = try r.ascending(
            max: 1_000_000, itemBytesMin: 69, by: { OfferKey(account: $0.account, slotClass: $0.slotClass) }
        ) { (r) throws(WireError) in
            DrawCandidate(account: try r.value(), slotClass: try r.u8(), tickets: try r.u32(), owner: try r.value())
        }
    }
}

/// The weighted draw without replacement of `ledger.md` 7.2, a pure function that anybody recomputes.
public enum Draw {
    static let drawTag: HashTag = "peernode/draw/v1"

    /// `H("peernode/eligible/v1", for each: account, slotClass, u32 tickets, owner)`; `candidates` ascend by
    /// (account, slotClass).
    public static func eligibleHash(_ candidates: [DrawCandidate], hashing: some Hashing) -> Digest {
        hashing.hash("peernode/eligible/v1") {
            for one in candidates {
                $0.value(one.account)
                $0.u8(one.slotClass)
                $0.u32(one.tickets)
                $0.value(one.owner)
            }
        }
    }

    /// How many different owners stand behind the candidates.
    public static func ownerCount(_ candidates: [DrawCandidate]) -> Int {
        var owners: Set<PublicKey> = []
        for one in candidates { owners.insert(one.owner) }
        return owners.count
    }

    public static func totalTickets(_ candidates: [DrawCandidate]) -> UInt64 {
        candidates.reduce(0) { $0 + UInt64($1.tickets) }
    }

    /// Up to `count` candidates, at most one per owner, each with the chance of its tickets among those left.
    ///
    /// `candidates` ascend by (account, slotClass). O(count × candidates).
    public static func choose(
        _ candidates: [DrawCandidate], count: Int, mix: Digest, job: JobID, round: UInt32, hashing: some Hashing
    ) -> [DrawCandidate] {
        choose(
            candidates, weights: candidates.map { UInt64($0.tickets) }, count: count, mix: mix, job: job, round: round,
            hashing: hashing
        ).map { candidates[$0] }
    }

    /// The same for any weights whose sum fits 64 bits; the chosen indices in the order drawn.
    static func choose(
        _ candidates: [DrawCandidate], weights: [UInt64], count: Int, mix: Digest, job: JobID, round: UInt32,
        hashing: some Hashing
    ) -> [Int] {
        var left = Array(candidates.indices)
        var chosen: [Int] = []
        var counter: UInt32 = 0
        while chosen.count < count, !left.isEmpty {
            let total = left.reduce(UInt64(0)) { $0 + weights[$1] }
            if total == 0 { break }
            // 2⁶⁴ mod total: values below it would favour some offers.
            let threshold = (0 &- total) % total
            var x: UInt64
            repeat {
                x = value(mix: mix, job: job, round: round, counter: counter, hashing: hashing)
                counter += 1
            } while x < threshold
            var rest = x % total
            var hit = left[0]
            for index in left {
                hit = index
                if rest < weights[index] { break }
                rest -= weights[index]
            }
            chosen.append(hit)
            let owner = candidates[hit].owner
            left.removeAll { candidates[$0].owner == owner }
        }
        return chosen
    }

    /// First 8 bytes, little-endian, of the draw digest.
    static func value(mix: Digest, job: JobID, round: UInt32, counter: UInt32, hashing: some Hashing) -> UInt64 {
        let digest = hashing.hash(drawTag) {
            $0.value(mix)
            $0.value(job)
            $0.u32(round)
            $0.u32(counter)
        }
        // Bytes32 holds big-endian words.
        return digest.raw.w0.byteSwapped
    }
}
