import Basis
import Credits
import Records
import TestKit
import Trust
import Verdict
import Wire

/// A network without consensus: seats take turns, each block is final at once. Keeps the store that the batches make.
struct Chain {
    static let start: UInt64 = 1_767_225_600_000
    static let chainLength: UInt32 = 512

    let hashing: any Hashing
    let seats: [MixSigner]
    let inviter = MixSigner(seed: 900)
    var ledger: Ledger
    var store = MemoryStore()
    var blocks: [Block] = []
    var executions: [BlockExecution] = []
    var view: UInt64 = 0
    var time = Chain.start
    /// Per seat, its chain from the last to be shown to the first: element of turn t at index t.
    let reveals: [[Digest]]
    var nonces: [PublicKey: UInt64] = [:]
    var nodeNonces: [PublicKey: UInt64] = [:]

    var network: NetworkID { ledger.network }

    static func account(_ n: UInt64) -> MixSigner { MixSigner(seed: n) }

    init(
        seats count: Int = 1, accounts: Int = 4, hashing: any Hashing = MixHashing(),
        change: (inout Genesis) -> Void = { _ in }
    ) {
        self.hashing = hashing
        seats = (0..<count).map { MixSigner(seed: 1_000 + UInt64($0)) }.sorted { $0.publicKey < $1.publicKey }
        var reveals: [[Digest]] = []
        var inits: [SeatInit] = []
        for (index, seat) in seats.enumerated() {
            var element = Digest(repeating: UInt8(index + 1))
            var chain = [element]
            for _ in 1..<Chain.chainLength {
                element = hashing.hash("peernode/chain/v1", element.bytes)
                chain.append(element)
            }
            reveals.append(chain.reversed())
            inits.append(
                SeatInit(
                    account: seat.publicKey, votingKey: Chain.votingKey(of: index).publicKey,
                    beaconEnd: hashing.hash("peernode/chain/v1", element.bytes), beaconLength: Chain.chainLength))
        }
        self.reveals = reveals
        var genesis = Genesis(
            name: "lab", createdAt: Chain.start, seats: inits, inviteKey: inviter.publicKey,
            allocations: (0..<UInt64(accounts)).map {
                .init(account: Chain.account($0).publicKey, amount: .credits(1_000))
            })
        genesis.beaconDistance = UInt8(min(count, 2))
        change(&genesis)
        ledger = Ledger(genesis: genesis, hashing: hashing)
        store.apply(ledger.genesisBatch())
        for account in (0..<UInt64(accounts)).map({ Chain.account($0).publicKey }) {
            nonces[account] = 0
            nodeNonces[account] = 0
        }
    }

    static func votingKey(of seat: Int) -> MixSigner { MixSigner(seed: 5_000 + UInt64(seat)) }

    // MARK: blocks

    /// Executes a block of these entries, `millis` of T after the last.
    @discardableResult
    mutating func run(_ entries: [Entry] = [], after millis: UInt64 = 100, skip: UInt64 = 0) -> BlockExecution {
        run(bytes: entries.map(\.encoded), after: millis, skip: skip)
    }

    @discardableResult
    mutating func run(bytes entries: [[UInt8]], after millis: UInt64 = 100, skip: UInt64 = 0) -> BlockExecution {
        view += skip
        time += millis
        let block = makeBlock(entries)
        view += 1
        return execute(block)
    }

    func makeBlock(_ entries: [[UInt8]]) -> Block {
        let seat = Int(view % UInt64(seats.count))
        let header = BlockHeader(
            networkID: network, epoch: 0, view: view, height: ledger.height + 1,
            parentView: view == 0 ? BlockHeader.baseView : view - 1, parentHash: ledger.blockHash,
            parentCertHash: .zero, timestamp: time, seat: UInt16(seat),
            beaconReveal: reveals[seat][Int(view / UInt64(seats.count)) % Int(Chain.chainLength)], entryCount: UInt32(entries.count),
            payloadBytes: Block.payloadBytes(entries),
            txRoot: Block.txRoot(entries.map { Block.entryHash($0, hashing: hashing) }, hashing: hashing))
        return Block(header: header, parentCertificate: [], entries: entries)
    }

    @discardableResult
    mutating func execute(_ block: Block) -> BlockExecution {
        let entries = ledger.check(block, verifying: MixVerifier())
        let execution = ledger.execute(
            Verified(checked: block), hash: block.hash(hashing: hashing), entries: entries)
        store.apply(execution.batch)
        store.put(.blocks, JournalKey.height(execution.height), block.encoded)
        store.put(
            .proofs, JournalKey.height(execution.height),
            certificate(execution.stateTuple(epoch: 0)).encoded)
        blocks.append(block)
        executions.append(execution)
        return execution
    }

    /// Runs empty blocks until `done` holds; false if it did not within `blocksMax`.
    @discardableResult
    mutating func runUntil(
        after millis: UInt64 = 500, blocksMax: Int = 200, _ done: (Chain) -> Bool
    ) -> Bool {
        for _ in 0..<blocksMax {
            if done(self) { return true }
            run([], after: millis)
        }
        return done(self)
    }

    func certificate(_ state: StateTuple) -> StateCertificate {
        StateCertificate(
            state: state,
            signatures: seats.indices.map {
                SeatSignature(
                    seat: UInt16($0),
                    signature: Chain.votingKey(of: $0).sign(.attest, network: network, body: state.encoded))
            })
    }

    // MARK: entries

    mutating func wallet(_ signer: MixSigner, _ body: Entry.Body, validFor: UInt64 = 60_000) -> Entry {
        let nonce = nonces[signer.publicKey] ?? ledger.account(signer.publicKey)?.nonceWallet ?? 0
        nonces[signer.publicKey] = nonce + 1
        return owner(signer, .wallet, nonce, body, validUntil: time + validFor)
    }

    mutating func node(_ signer: MixSigner, _ body: Entry.Body) -> Entry {
        let nonce = nodeNonces[signer.publicKey] ?? ledger.account(signer.publicKey)?.nonceNode ?? 0
        nodeNonces[signer.publicKey] = nonce + 1
        return owner(signer, .node, nonce, body, validUntil: time + 60_000)
    }

    func owner(
        _ signer: MixSigner, _ lane: Entry.Lane, _ nonce: UInt64, _ body: Entry.Body, validUntil: UInt64
    ) -> Entry {
        Entry(
            envelope: .owner(lane, nonce: nonce, validUntil: validUntil), body: body, network: network,
            signer: signer)
    }

    mutating func transfer(_ from: MixSigner, _ to: PublicKey, _ micro: UInt64) -> Entry {
        wallet(from, .transfer(payees: [.init(account: to, amount: CreditAmount(micro: micro))], memo: []))
    }

    func admit(_ signer: MixSigner, _ token: InviteToken?) -> Entry {
        Entry(envelope: .admission, body: .admit(token), network: network, signer: signer)
    }

    func token(
        serial: UInt8 = 1, invitee: PublicKey = .zero, owner: PublicKey = .zero, uses: UInt16 = 10,
        validFor: UInt64 = 3_600_000, by signer: MixSigner? = nil
    ) -> InviteToken {
        InviteToken(
            serial: Array(repeating: serial, count: 16), invitee: invitee, owner: owner,
            validUntil: time + validFor, uses: uses, network: network, signer: signer ?? inviter)
    }

    func lease(_ signer: MixSigner, _ job: JobID, _ index: UInt16, _ body: Entry.Body) -> Entry {
        Entry(envelope: .lease(job: job, index: index), body: body, network: network, signer: signer)
    }

    /// A reveal of a committed lease needs no signature.
    func unsignedReveal(
        _ signer: MixSigner, _ job: JobID, _ index: UInt16, _ salt: Digest, _ result: ReplicaResult
    ) -> Entry {
        Entry(
            account: signer.publicKey, envelope: .lease(job: job, index: index),
            body: .reveal(salt: salt, result: result), signature: nil)
    }

    func signer(of account: PublicKey) -> MixSigner {
        for seed in 0..<UInt64(200) where Chain.account(seed).publicKey == account { return Chain.account(seed) }
        for seat in seats where seat.publicKey == account { return seat }
        fatalError("no signer of \(account)")
    }

    // MARK: shapes

    static let runtime = Digest(repeating: 0x52)

    static func offer(
        slotClass: UInt8 = 0, slots: UInt16 = 1, validUntil: UInt64, change: (inout Offer) -> Void = { _ in }
    ) -> Offer {
        var offer = Offer(
            slotClass: slotClass, slots: slots, capabilities: 7, hardwareClass: .zero, runtimes: [runtime],
            cached: [], cores: 2, memoryMiB: 1_024, diskMiB: 1_024, gpuMiB: 0, isolation: 3, meter: 3,
            rateCPU: CreditAmount(micro: 250_000), rateMemory: CreditAmount(micro: 1_000), validUntil: validUntil,
            document: .zero)
        change(&offer)
        return offer
    }

    static func spec(r: UInt8 = 3, q: UInt8 = 2, change: (inout JobSpec) -> Void = { _ in }) -> JobSpec {
        var spec = JobSpec(
            salt: Array(repeating: 7, count: 16), manifest: BlobID(repeating: 1), entryPeer: account(0).publicKey,
            holders: [], runtime: runtime, affinity: .zero, hardwareClass: .zero, capabilities: 1, only: [],
            cores: 1, memoryMiB: 512, diskMiB: 256, gpuMiB: 0, isolation: 3, comparator: .raw, r: r, q: q, rMax: r,
            cpuMicrosMax: 10_000_000, memoryMax: 5_120_000, wallMillisMax: 5_000, outputBytesMax: 65_536,
            rateCPUMax: CreditAmount(micro: 300_000), rateMemoryMax: CreditAmount(micro: 2_000), leaseSeconds: 20,
            revealSeconds: 10, totalSeconds: 120, retainSeconds: 3_600, inlineMax: 4_096, flags: [], label: "job")
        change(&spec)
        return spec
    }

    /// A result whose body lies inline.
    func result(_ body: String = "42", cpu: UInt64 = 1_000_000, wall: UInt64 = 1_000, status: UInt8 = 0)
        -> ReplicaResult
    {
        let bytes = Array(body.utf8)
        return ReplicaResult(
            status: ReplicaResult.Status(rawValue: status)!, exitCode: status == 0 ? 0 : 1,
            bodyHash: BlobTree.id(of: bytes, hashing: hashing), bodyBytes: UInt64(bytes.count),
            compareHash: try! Comparator.raw.compareHash(
                status: status, exitCode: status == 0 ? 0 : 1, body: bytes, hashing: hashing),
            sketch: [], cpuMicros: cpu, memoryMiBMillis: 512 * wall, wallMillis: wall, report: .zero, inline: bytes)
    }
}

/// The column families as sorted tables in memory.
struct MemoryStore {
    var families: [Family: SortedMap<Bytes, [UInt8]>] = [:]

    struct Bytes: Comparable, Hashable, Sendable {
        let raw: [UInt8]
        static func < (a: Bytes, b: Bytes) -> Bool { a.raw.lexicographicallyPrecedes(b.raw) }
    }

    mutating func apply(_ batch: StoreBatch) {
        for operation in batch.operations {
            switch operation {
            case .put(let family, let key, let value): put(family, key, value)
            case .delete(let family, let key): families[family]?.remove(Bytes(raw: key))
            case .deleteRange(let family, let from, let to):
                for entry in families[family] ?? SortedMap() where entry.key >= Bytes(raw: from) {
                    if entry.key < Bytes(raw: to) { families[family]?.remove(entry.key) }
                }
            }
        }
    }

    mutating func put(_ family: Family, _ key: [UInt8], _ value: [UInt8]) {
        families[family, default: SortedMap()].insert(value, for: Bytes(raw: key))
    }

    func all(_ family: Family) -> [(key: [UInt8], value: [UInt8])] {
        (families[family] ?? SortedMap()).map { (key: $0.key.raw, value: $0.value) }
    }
}

extension MemoryStore: StoreReading {
    func value(_ family: Family, _ key: [UInt8]) -> [UInt8]? { families[family]?[Bytes(raw: key)] }

    func rows(
        _ family: Family, prefix: [UInt8], from start: [UInt8]?, limit: Int, descending: Bool
    ) -> [(key: [UInt8], value: [UInt8])] {
        let inside = all(family).filter { $0.key.starts(with: prefix) }
        let ordered = descending ? inside.reversed() : inside
        let begun = ordered.drop { row in
            guard let start else { return false }
            return descending
                ? !row.key.lexicographicallyPrecedes(start) : row.key.lexicographicallyPrecedes(start)
        }
        return Array(begun.prefix(limit))
    }
}
