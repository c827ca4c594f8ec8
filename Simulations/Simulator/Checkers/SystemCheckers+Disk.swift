import Basis
import Compute
import Consensus
import Credits
import Gossip
import NodeCore
import Records
import Trust
import Wire

/// S8: what a process finds at its start is a state that its store had between two batches, none older than was
/// promised.
struct DurableStates: Checker {
    static let id = "S8"
    static let statement = "the state after a restart is one the peer had at a durable point, not a mixture"
    static let watches: [Observation.Kind] = [.appended, .persisted, .restored, .wiped]
    private(set) var judged: UInt64 = 0

    private struct Store {
        /// Row hashes by family and key.
        var rows = SortedMap<SimDisk.Key, UInt64>()
        /// Fingerprint after batch `first`, and after each later one.
        var sums: [UInt64] = [0]
        var first: UInt64 = 0
        /// Durable, as the process was told.
        var promised: UInt64 = 0
        /// A lying disk promised what it did not keep: outside the contract.
        var isExcused = false

        var sum: UInt64 {
            get { sums[sums.count - 1] }
            set { sums[sums.count - 1] = newValue }
        }
    }

    private var stores: [Store]

    init(_ plan: Plan) { stores = Array(repeating: Store(), count: plan.peers.count) }

    private static let places: [Family: UInt8] = Dictionary(
        uniqueKeysWithValues: Family.allCases.enumerated().map { ($1, UInt8($0)) })

    private static func key(_ family: Family, _ key: [UInt8]) -> SimDisk.Key { .init([places[family] ?? 0] + key) }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .appended(let i, let batch, let number): append(i, batch, number)
        case .persisted(let i, let number, let isSynced):
            if world.peers[i].isLying { stores[i].isExcused = true }
            guard isSynced, number > stores[i].promised else { return nil }
            stores[i].promised = number
            // What lies before can never come back.
            let passed = Int(clamping: number) - Int(clamping: stores[i].first)
            if passed > 64, passed < stores[i].sums.count {
                stores[i].sums.removeFirst(passed)
                stores[i].first = number
            }
        case .wiped(let i): stores[i] = Store()
        case .restored(let i, let fingerprint):
            let isExcused = stores[i].isExcused
            defer { rebuild(i, world.peers[i].disk) }
            if isExcused { return nil }
            judged += 1
            let store = stores[i]
            let least = Int(clamping: store.promised) - Int(clamping: store.first)
            if store.sums[min(max(0, least), store.sums.count - 1)...].contains(fingerprint) { return nil }
            return Finding(
                peers: [i],
                expected: "the state after one of batches \(store.promised) to "
                    + "\(Int(store.first) + store.sums.count - 1)",
                found: "fingerprint \(fingerprint), which is none of them")
        default: break
        }
        return nil
    }

    private mutating func append(_ i: Int, _ batch: StoreBatch, _ number: UInt64) {
        var sum = stores[i].sum
        for operation in batch.operations {
            switch operation {
            case .put(let family, let key, let value):
                let hash = SimDisk.rowHash(family, key, value)
                let at = DurableStates.key(family, key)
                sum = sum &+ hash &- (stores[i].rows.updateValue(hash, for: at) ?? 0)
            case .delete(let family, let key):
                sum &-= stores[i].rows.remove(DurableStates.key(family, key)) ?? 0
            case .deleteRange(let family, let from, let to):
                let (low, high) = (DurableStates.key(family, from), DurableStates.key(family, to))
                for key in stores[i].rows.keys(in: low, high) { sum &-= stores[i].rows.remove(key) ?? 0 }
            }
        }
        // The first records of a store are written while its process starts, before this is heard.
        if Int(clamping: number) - Int(clamping: stores[i].first) < stores[i].sums.count {
            stores[i].sum = sum
        } else {
            stores[i].sums.append(sum)
        }
    }

    private mutating func rebuild(_ i: Int, _ disk: SimDisk) {
        var store = Store()
        var sum: UInt64 = 0
        for family in Family.allCases {
            for row in disk.rows(family) {
                let hash = SimDisk.rowHash(family, row.key, row.value)
                store.rows.insert(hash, for: DurableStates.key(family, row.key))
                sum &+= hash
            }
        }
        store.sums = [sum]
        store.first = disk.durable
        store.promised = disk.durable
        stores[i] = store
    }
}

/// S9: an answer to a ticket comes when its batch is durable, and a client's promise when its entry is.
struct TicketsKept: Checker {
    static let id = "S9"
    static let statement = "what waits for a ticket leaves only after the batch of that ticket is durable"
    static let watches: [Observation.Kind] = [.persisted, .promised]
    private(set) var judged: UInt64 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .persisted(let i, let number, let isSynced):
            guard isSynced, world.peers[i].isUp, !world.peers[i].isLying else { return nil }
            judged += 1
            let durable = world.peers[i].disk.durable
            if durable < number {
                return Finding(
                    peers: [i], expected: "batch \(number) durable when its ticket is answered",
                    found: "\(durable) are")
            }
        case .promised(let i, let place):
            guard world.peers[i].isUp, !world.peers[i].isLying, let id = world.work.items[place].entry
            else { return nil }
            judged += 1
            if !world.peers[i].disk.isDurable(.local, LogImage.outboxPrefix + id.bytes) {
                return Finding(
                    peers: [i], expected: "entry \(id) on the disk before its client is told", found: "no such row")
            }
        default: break
        }
        return nil
    }
}

/// S2: what is decoded encodes to the same bytes, messages and stored records alike.
struct CodecsAgree: Checker {
    static let id = "S2"
    static let statement = "decode(encode(m)) = m and encode(decode(b)) = b for messages and records"
    static let watches: [Observation.Kind] = [.sent, .appended]
    private(set) var judged: UInt64 = 0
    private var count: UInt64 = 0
    private let oneIn: UInt64
    private let isReadable: Bool

    init(_ plan: Plan) {
        oneIn = plan.tier == .small ? 1 : 100
        isReadable = plan.crypto == .sim
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        count += 1
        guard count % oneIn == 0 else { return nil }
        switch observation {
        case .sent(let i, let bytes, _):
            guard isReadable, !world.peers[i].isByzantine, let text = SealedText.text(bytes) else { return nil }
            judged += 1
            let plain = Array(text)
            guard let compound = try? Compound(decoding: plain) else {
                return Finding(peers: [i], expected: "a compound that decodes", found: "\(plain.count) other bytes")
            }
            if compound.encoded != plain {
                return Finding(peers: [i], expected: "the same \(plain.count) bytes again", found: "\(compound)")
            }
        case .appended(let i, let batch, _):
            guard !world.peers[i].isByzantine else { return nil }
            for operation in batch.operations {
                guard case .put(let family, let key, let value) = operation else { continue }
                guard let isSame = CodecsAgree.isSame(family, key, value, hashing: world.peers[i].key) else { continue }
                judged += 1
                if !isSame {
                    return Finding(
                        peers: [i], expected: "a row of \(family.rawValue) that decodes to itself",
                        found: "\(value.count) bytes that do not")
                }
            }
        default: break
        }
        return nil
    }

    /// Whether a value decodes and encodes to itself; nil if it is raw.
    private static func isSame(_ family: Family, _ key: [UInt8], _ value: [UInt8], hashing: SimKey) -> Bool? {
        func again<T: WireDecodable & WireEncodable>(_ type: T.Type) -> Bool {
            (try? T(decoding: value))?.encoded == value
        }
        switch family {
        case .blocks: return again(StoredBlock.self)
        case .certs: return again(Certificate.self)
        case .pending: return again(Block.self)
        case .proofs: return key.count == 8 ? again(StateCertificate.self) : nil
        case .meta: return key == ExecutedRecord.key ? again(ExecutedRecord.self) : nil
        case .local: return key.first == LogImage.outboxPrefix[0] ? again(Outbox.Item.self) : nil
        case .journal: return key.first == 3 ? again(Certificate.self) : nil
        case .book: return key.count == 32 ? (try? SavedRow(value: value, hashing: hashing))?.value == value : nil
        default: return nil
        }
    }
}
