import Consensus
import Records
import Trust
import Wire

/// What one write of a peer says about ordering: marks, certificates, blocks (`ledger.md` 14.2).
struct LogWrites: Sendable {
    struct Mark: Sendable {
        let epoch: UInt64
        let view: UInt64
        let kind: VoteKind
        let hash: Digest
    }

    struct Proof: Sendable {
        /// As it is stored: a `Certificate` or a `StateCertificate`.
        let bytes: [UInt8]
        /// Whether it belongs to a state.
        let isOfState: Bool
    }

    var marks: [Mark] = []
    var proofs: [Proof] = []
    /// Blocks that a seat votes for, with the hash of their key.
    var blocks: [(hash: Digest, bytes: [UInt8])] = []
    /// Views of own blocks.
    var ownViews: [UInt64] = []

    var isEmpty: Bool { marks.isEmpty && proofs.isEmpty && blocks.isEmpty }

    init(_ batch: StoreBatch) {
        for operation in batch.operations {
            guard case .put(let family, let key, let value) = operation else { continue }
            switch family {
            case .journal: addJournal(key, value)
            case .certs: proofs.append(Proof(bytes: value, isOfState: false))
            case .proofs where key.count == 8: proofs.append(Proof(bytes: value, isOfState: true))
            case .pending where key.count == 48:
                if let hash = Digest(key[16...]) { blocks.append((hash, value)) }
            default: continue
            }
        }
    }

    private mutating func addJournal(_ key: [UInt8], _ value: [UInt8]) {
        switch key.first {
        case 1 where key.count == 18:
            guard let kind = VoteKind(rawValue: key[17]), let hash = Digest(value) else { return }
            marks.append(
                Mark(epoch: LogWrites.number(key[1..<9]), view: LogWrites.number(key[9..<17]), kind: kind, hash: hash))
        case 2 where key.count == 17: ownViews.append(LogWrites.number(key[9..<17]))
        case 3: proofs.append(Proof(bytes: value, isOfState: false))
        default: break
        }
    }

    static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
}

/// A proof as its bytes lie, read without the code under test: which seats signed what (`ledger.md` 4.3, 5.2).
struct RawProof: Sendable {
    /// 0 = a state, else the kind of vote.
    let kind: UInt8
    let epoch: UInt64
    /// View of a vote, height of a state.
    let number: UInt64
    /// What was signed, without the domain.
    let body: [UInt8]
    let seats: [UInt16]
    /// Of each signature in `bytes`.
    private let signaturesAt: Int
    private let bytes: [UInt8]

    init?(_ proof: LogWrites.Proof) {
        let head = proof.isOfState ? 144 : 49
        let bytes = proof.bytes
        guard bytes.count >= head + 4 else { return nil }
        func number(_ at: Int, _ count: Int) -> UInt64 {
            (0..<count).reduce(UInt64(0)) { $0 | UInt64(bytes[at + $1]) << UInt64(8 * $1) }
        }
        let count = Int(number(head, 4))
        guard bytes.count == head + 4 + 66 * count else { return nil }
        kind = proof.isOfState ? 0 : bytes[0]
        epoch = number(proof.isOfState ? 0 : 1, 8)
        self.number = number(proof.isOfState ? 8 : 9, 8)
        body = Array(bytes[(proof.isOfState ? 0 : 1)..<head])
        seats = (0..<count).map { UInt16(number(head + 4 + 66 * $0, 2)) }
        signaturesAt = head + 6
        self.bytes = bytes
    }

    /// Block hash of a vote.
    var hash: Digest { Digest(body[16..<48]) ?? .zero }

    func signature(_ index: Int) -> Signature? {
        let start = signaturesAt + 66 * index
        return Signature(Array(bytes[start..<(start + 64)]))
    }
}
