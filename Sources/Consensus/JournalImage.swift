import Basis
import Wire
public import Records
import Trust

/// What a replica finds in its store at start (`ledger.md` 14.4, steps 4 and 5).
public struct JournalImage: Sendable {
    struct Mark: Sendable {
        let epoch: UInt64
        let view: UInt64
        let kind: VoteKind
        let hash: Digest
    }

    var marks: [Mark] = []
    var certificates: [Certificate] = []
    var blocks: [Block] = []
    /// (epoch, view) → hash of the own block.
    var ownBlocks: [(epoch: UInt64, view: UInt64, hash: Digest)] = []
    var certified: StateCertificate?

    /// A store that a node opens for the first time.
    public init() {}

    /// A row that this version cannot read: the files are kept, nothing was changed.
    public struct CorruptRow: Error, Hashable, Sendable {
        public let family: Family
        public let key: [UInt8]
    }

    /// The families to read in full, besides the newest row of `proofs`.
    public static let families: [Family] = [.journal, .pending, .certs]

    /// Takes one row of `journal`, `pending`, `certs` or `proofs`; rows of other parts are ignored.
    public mutating func add(
        _ family: Family, key: [UInt8], value: [UInt8]
    ) throws(CorruptRow) {
        do {
            switch family {
            case .journal: try addJournal(key, value)
            case .pending: blocks.append(try Block(decoding: value))
            case .certs: certificates.append(try Certificate(decoding: value))
            case .proofs:
                let certificate = try StateCertificate(decoding: value)
                if certificate.state.height > certified?.state.height ?? 0 { certified = certificate }
            default: break
            }
        } catch {
            throw CorruptRow(family: family, key: key)
        }
    }

    private mutating func addJournal(_ key: [UInt8], _ value: [UInt8]) throws(WireError) {
        guard let prefix = key.first else { throw .truncated }
        switch prefix {
        case 1:
            guard key.count == 18, let kind = VoteKind(rawValue: key[17]), let hash = Digest(value)
            else { throw .outOfRange }
            marks.append(
                Mark(
                    epoch: JournalImage.number(key[1..<9]), view: JournalImage.number(key[9..<17]),
                    kind: kind, hash: hash))
        case 2:
            guard key.count == 17, let hash = Digest(value) else { throw .outOfRange }
            ownBlocks.append(
                (JournalImage.number(key[1..<9]), JournalImage.number(key[9..<17]), hash))
        case 3: certificates.append(try Certificate(decoding: value))
        default: break
        }
    }

    static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
