import Consensus
import Credits
public import Records
public import Trust
import Wire

/// The secret from which a seat's beacon chains come, one after the other (`ledger.md` 7.1).
///
/// The first chain is published before a genesis exists; each later one by `recommitBeacon`. Their last elements come
/// from a root of their own, because using a chain up reveals its last element.
public struct BeaconSecret: Sendable {
    /// The last element of chain 0.
    public let first: Digest
    /// Never revealed; chain k ends in `H("peernode/chain-seed/v1", root, u32 k)`.
    public let root: Digest
    /// Of every chain, in turns.
    public let length: UInt32

    public init(first: Digest, root: Digest, length: UInt32) {
        self.first = first
        self.root = root
        self.length = length
    }

    /// Chain `number`. `length` hashes: 15 ms for 65,536.
    public func chain(_ number: UInt32, hashing: some Hashing) -> BeaconChain {
        let seed =
            number == 0
            ? first : hashing.hash("peernode/chain-seed/v1") {
                $0.value(root)
                $0.u32(number)
            }
        return BeaconChain(seed: seed, length: length, hashing: hashing)
    }
}

/// Finds the own seat's chains in the ledger, and says when the next one must be published.
///
/// The problem: a chain has as many elements as turns, and a seat without one cannot lead; the ledger holds only what
/// was published, so after a restart the secret half must be found again. The idea: chains are numbered, and the one
/// that fits a position of the ledger is searched from 0 up; nothing is stored but the secret. Pure.
struct BeaconKeeper: Sendable {
    let secret: BeaconSecret
    let hashing: any Hashing
    /// Chains found, by the first turn that they serve, with their numbers.
    private(set) var found: [(start: UInt64, number: UInt32, chain: BeaconChain)] = []
    /// First turns of chains that no number fits: published by somebody else with this key, and not searched again.
    private var missing: [UInt64] = []
    /// The turn at which a recommit was asked for last.
    private var askedAt: UInt64?

    /// A year of one renewal an hour; each costs `length` hashes to look at.
    static let searchMax: UInt32 = 10_000
    static let stepMax: UInt32 = 4
    /// Turns after which an unanswered recommit is asked for again: an eighth of a chain, so that half of one has room
    /// for three tries.
    var patience: UInt64 { max(1, min(64, UInt64(secret.length) / 8)) }

    /// Chains that the ledger has come to know and that were not found before, and the entry to send, if one is due.
    struct Step {
        var chains: [Replica.Configuration.OwnBeacon] = []
        var entry: Entry.Body?
    }

    init(_ secret: BeaconSecret, hashing: any Hashing) {
        self.secret = secret
        self.hashing = hashing
    }

    /// - Parameters:
    ///   - record: the own seat's, after the newest executed block.
    ///   - turn: of the newest executed view.
    mutating func step(_ record: SeatRecord, turn: UInt64) -> Step {
        var step = Step(chains: chains(of: record))
        let isPending = record.next.map { !$0.isOver(at: turn) } ?? false
        if isPending { askedAt = nil }
        // With no chain of ours in the ledger its numbers are unknown, and none may be published twice.
        guard !isPending, record.length == 0 || !found.isEmpty,
            record.left(after: turn) * 2 <= UInt64(record.length)
        else { return step }
        if let askedAt, turn < askedAt + patience { return step }
        askedAt = turn
        let number = (found.map(\.number).max() ?? 0) + 1
        let end = secret.chain(number, hashing: hashing).end
        step.entry = .recommitBeacon(newEnd: end, length: secret.length)
        return step
    }

    /// Chains of a record that were not found before.
    mutating func chains(of record: SeatRecord) -> [Replica.Configuration.OwnBeacon] {
        var chains: [Replica.Configuration.OwnBeacon] = []
        if record.length > 0, let chain = find(start: record.start, fits: { [self] in fits($0, record) }) {
            chains.append(chain)
        }
        if let next = record.next, let chain = find(start: next.start, fits: { $0.end == next.end }) {
            chains.append(chain)
        }
        return chains
    }

    /// Whether a chain is the one that a record's position lies on.
    private func fits(_ chain: BeaconChain, _ record: SeatRecord) -> Bool {
        if record.turn < Int64(clamping: record.start) { return chain.end == record.element }
        return chain.element(at: UInt64(record.turn) - record.start, hashing: hashing) == record.element
    }

    private mutating func find(
        start: UInt64, fits: (BeaconChain) -> Bool
    ) -> Replica.Configuration.OwnBeacon? {
        if found.contains(where: { $0.start == start }) || missing.contains(start) { return nil }
        // The first search of a process is long; later chains follow the one in use.
        let newest = found.map(\.number).max()
        var number = newest.map { $0 + 1 } ?? 0
        while number < newest.map({ $0 + Self.stepMax }) ?? Self.searchMax {
            let chain = secret.chain(number, hashing: hashing)
            if fits(chain) {
                found.append((start, number, chain))
                // The chain in use and the next one are enough.
                if found.count > 3 { found.removeFirst() }
                return .init(start: start, chain: chain)
            }
            number += 1
        }
        missing.append(start)
        return nil
    }
}
