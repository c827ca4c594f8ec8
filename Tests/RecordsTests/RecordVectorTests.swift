import Basis
import Records
import TestKit
import Testing
import Trust
import Verdict
import Wire

/// Golden vectors and mutations of every layout of the log and its entries.
@Suite struct RecordVectorTests {
    static let network = NetworkID(repeating: 0x4e)
    static let signer = MixSigner(seed: 1)
    static let signature = Signature(high: Bytes32(repeating: 0xaa), low: Bytes32(repeating: 0xbb))
    static func key(_ n: UInt8) -> PublicKey { PublicKey(repeating: n) }
    static func digest(_ n: UInt8) -> Digest { Digest(repeating: n) }

    static let seat = SeatInit(account: key(1), votingKey: key(2), beaconEnd: digest(3), beaconLength: 4_096)
    static let genesis: Genesis = {
        var genesis = Genesis(
            name: "lab", createdAt: 1_767_225_600_000, seats: [seat], inviteKey: key(9),
            allocations: [.init(account: key(1), amount: .credits(1_000))])
        genesis.entryFee = CreditAmount(micro: 10_000)
        return genesis
    }()
    static let token = InviteToken(
        inviter: key(9), serial: Array(0..<16), invitee: .zero, owner: .zero, validUntil: 99, uses: 20,
        signature: signature)
    static let offer = Offer(
        slotClass: 1, slots: 2, capabilities: 5, hardwareClass: .zero, runtimes: [digest(2), digest(1)], cached: [],
        cores: 1, memoryMiB: 512, diskMiB: 256, gpuMiB: 0, isolation: 3, meter: 3,
        rateCPU: CreditAmount(micro: 100), rateMemory: CreditAmount(micro: 5), validUntil: 77, document: digest(8))
    static let spec = JobSpec(
        salt: Array(repeating: 7, count: 16), manifest: BlobID(repeating: 1), entryPeer: key(1), holders: [key(2)],
        runtime: digest(1), affinity: .zero, hardwareClass: .zero, capabilities: 1, only: [], cores: 1,
        memoryMiB: 256, diskMiB: 256, gpuMiB: 0, isolation: 3, comparator: .raw, r: 3, q: 2, rMax: 3,
        cpuMicrosMax: 1_000_000, memoryMax: 256_000, wallMillisMax: 1_000, outputBytesMax: 65_536,
        rateCPUMax: CreditAmount(micro: 100), rateMemoryMax: CreditAmount(micro: 10), leaseSeconds: 8,
        revealSeconds: 30, totalSeconds: 60, retainSeconds: 3_600, inlineMax: 4_096, flags: [], label: "words")
    static let result = ReplicaResult(
        status: .completed, exitCode: 0, bodyHash: BlobID(repeating: 4), bodyBytes: 3, compareHash: digest(5),
        sketch: [], cpuMicros: 10, memoryMiBMillis: 20, wallMillis: 30, report: .zero, inline: [1, 2, 3])

    static func owner(_ lane: Entry.Lane, _ body: Entry.Body) -> Entry {
        Entry(
            account: key(1), envelope: .owner(lane, nonce: 5, validUntil: 1_000), body: body, signature: signature)
    }
    static func lease(_ body: Entry.Body, signed: Bool = true) -> Entry {
        Entry(
            account: key(1), envelope: .lease(job: JobID(repeating: 6), index: 2), body: body,
            signature: signed ? signature : nil)
    }
    static let entries: [(String, Entry)] = [
        ("transfer", owner(.wallet, .transfer(payees: [.init(account: key(2), amount: .credits(3))], memo: [1]))),
        ("openJob", owner(.wallet, .openJob(spec))),
        ("cancelJob", owner(.wallet, .cancelJob(JobID(repeating: 6)))),
        ("putOffer", owner(.node, .putOffer(offer))),
        ("withdrawOffer", owner(.node, .withdrawOffer(slotClass: 3))),
        ("recommitBeacon", owner(.node, .recommitBeacon(newEnd: digest(4), length: 64))),
        ("admit", Entry(account: key(1), envelope: .admission, body: .admit(token), signature: signature)),
        ("admitOpen", Entry(account: key(1), envelope: .admission, body: .admit(nil), signature: signature)),
        ("commit", lease(.commit(hash: digest(1)))),
        ("reveal", lease(.reveal(salt: digest(2), result: result), signed: false)),
        ("revealSigned", lease(.reveal(salt: .zero, result: result))),
        ("decline", lease(.decline(.shuttingDown))),
    ]

    static let header = BlockHeader(
        networkID: network, epoch: 0, view: 7, height: 3, parentView: 6, parentHash: digest(1),
        parentCertHash: digest(2), timestamp: 1_767_225_600_123, seat: 3, beaconReveal: digest(4), entryCount: 2,
        payloadBytes: 5, txRoot: digest(5))
    static let block = Block(header: header, parentCertificate: [1, 2], entries: [[1, 2, 3], [4, 5]])
    static let ballot = Ballot(kind: .notarize, epoch: 0, view: 7, blockHash: digest(1))
    static let votes = [SeatSignature(seat: 0, signature: signature), SeatSignature(seat: 2, signature: signature)]
    static let state = StateTuple(
        epoch: 0, height: 3, blockHash: digest(1), stateDigest: digest(2), eventRoot: digest(3), nextSeatsHash: .zero)
    static let certificate = Certificate(ballot: ballot, votes: votes)
    static let stateCertificate = StateCertificate(state: state, signatures: votes)
    static let messages: [LogMessage] = [
        .proposal(Proposal(block: block, signature: signature)),
        .vote(Vote(ballot: ballot, seat: 2, signature: signature)),
        .certificate(certificate),
        .attestation(Attestation(state: state, seat: 1, signature: signature)),
        .stateCertificate(stateCertificate),
        .status(
            Status(
                epoch: 0, view: 7, finalHeight: 6, executedHeight: 6, certifiedHeight: 5, executedHash: digest(1),
                stateDigest: digest(2), flags: [.seat, .wantsAnswer])),
        .fetchBlocks(FetchBlocks(from: 4, count: 64)),
        .fetchBlocks(FetchBlocks(hash: digest(1), height: 9)),
        .blocks(
            Blocks(
                blocks: [block], links: [header], stateCertificate: stateCertificate, finalizeCertificate: nil)),
        .fetchCertificates(FetchCertificates(epoch: 0, from: 3, to: 9)),
        .certificates(
            Certificates(
                certificates: [certificate], ownVotes: [Vote(ballot: ballot, seat: 2, signature: signature)])),
        .submit(Submit(entries: [[1, 2], [3]], hops: 1)),
        .submitAck(SubmitAck(results: [.init(entryHash: digest(1), answer: 0)])),
        .follow(Follow(fromHeight: 12)),
        .final(
            Blocks(
                blocks: [block], links: [], stateCertificate: nil, finalizeCertificate: certificate)),
    ]
    static let events: [LedgerEvent] = [
        .outcome(txIndex: 1, id: TransactionID(repeating: 1), code: .insufficientFunds, fee: .credits(1)),
        .admitted(account: key(1), inviter: key(2), owner: key(1), welcome: .credits(100)),
        .transferred(from: key(1), to: key(2), amount: .credits(5)),
        .offerChanged(account: key(1), slotClass: 0, slots: 2, reason: .put),
        .jobOpened(job: JobID(repeating: 6), submitter: key(1), funded: .credits(3), fee: .zero),
        .drawn(
            .init(
                job: JobID(repeating: 6), round: 1, mix: digest(1), anchorHeight: 4, eligibleOwners: 3,
                totalTickets: 9, eligibleHash: digest(2), flags: 0,
                leases: [
                    .init(
                        lease: 0, account: key(2), owner: key(2), slotClass: 0, tickets: 3,
                        rateCPU: CreditAmount(micro: 100), rateMemory: CreditAmount(micro: 5))
                ])),
        .drawFailed(job: JobID(repeating: 6), round: 1, eligibleOwners: 0, retryAt: 5_000),
        .committed(job: JobID(repeating: 6), lease: 1),
        .revealed(job: JobID(repeating: 6), lease: 1, compareHash: digest(1), bodyHash: BlobID(repeating: 2)),
        .leaseEnded(job: JobID(repeating: 6), lease: 1, state: 6, reason: 0),
        .revealOpened(job: JobID(repeating: 6), deadline: 30_000),
        .settled(
            .init(
                job: JobID(repeating: 6), r: 3, q: 2, revealed: 3, comparator: 1, diameter: 0, tolerance: 0,
                core: [0, 1], winners: [.init(lease: 0, pay: .credits(1), bodyHash: BlobID(repeating: 2))],
                losers: [2], canonical: digest(1), paidCpuMicros: 10, paidMemory: 20, refund: .credits(2),
                agreement: 1_000, credibility: 998, flags: 0)),
        .refunded(
            job: JobID(repeating: 6), reason: .noAgreement, attempts: [.init(lease: 1, pay: .credits(1))],
            refund: .credits(2)),
        .cancelled(job: JobID(repeating: 6), attempts: [], refund: .credits(3)),
        .suspended(account: key(2), until: 60_000),
    ]

    /// Shows that no layout changed since it was written down, and that each round-trips.
    @Test func goldenVectors() throws {
        let golden = GoldenVectors("records")
        func check<T: WireCodable & Equatable>(_ name: String, _ value: T) throws {
            #expect(try T(decoding: value.encoded) == value, "\(name)")
            if let difference = golden.difference(name, value.encoded) { Issue.record("\(difference)") }
        }
        try check("genesis", Self.genesis)
        try check("inviteToken", Self.token)
        try check("offer", Self.offer)
        try check("jobSpec", Self.spec)
        try check("result", Self.result)
        for (name, entry) in Self.entries { try check("entry.\(name)", entry) }
        for message in Self.messages {
            let name = "message.\(String(message.number, radix: 16))"
            #expect(try LogMessage(number: message.number, body: message.body) == message)
            if message.number == 0x0306, case .fetchBlocks(let m) = message, m.hash != nil { continue }
            if let difference = golden.difference(name, message.body) { Issue.record("\(difference)") }
        }
        for event in Self.events {
            try check("event.\(event.kind)", NumberedEvent(ordinal: 3, event: event))
        }
        #expect(Self.header.encoded.count == BlockHeader.bytes)
        #expect(Self.seat.encoded.count == SeatInit.bytes)
        #expect(Self.token.encoded.count == InviteToken.bytes)
        #expect(Self.state.encoded.count == 144)
        #expect(Self.votes[0].encoded.count == 66)
    }

    /// Shows that no mutation of any layout traps, and that what is accepted has exactly one encoding.
    @Test func mutationsAreRefusedOrCanonical() {
        func fuzz<T: WireCodable>(_ value: T, _ seed: UInt64) {
            let (_, broken) = Mutation.fuzz(value, seed: seed)
            #expect(broken == nil, "\(T.self) accepts \(broken?.hex ?? "")")
        }
        fuzz(Self.genesis, 1)
        fuzz(Self.token, 2)
        fuzz(Self.offer, 3)
        fuzz(Self.spec, 4)
        fuzz(Self.result, 5)
        for (index, entry) in Self.entries.enumerated() { fuzz(entry.1, 100 + UInt64(index)) }
        for (index, event) in Self.events.enumerated() {
            fuzz(NumberedEvent(ordinal: 1, event: event), 200 + UInt64(index))
        }
        var rng = SeededGenerator(seed: 300)
        for message in Self.messages {
            for _ in 0..<400 {
                let body = Mutation.of(message.body, using: &rng)
                if let other = try? LogMessage(number: message.number, body: body) { #expect(other.body == body) }
            }
        }
    }

    /// Shows that checked entries carry the hashes that blocks commit to, and that a changed byte breaks the signature.
    @Test func checkedEntries() throws {
        let entry = Entry(
            envelope: .owner(.wallet, nonce: 1, validUntil: 9),
            body: .transfer(payees: [.init(account: Self.key(2), amount: .credits(1))], memo: []),
            network: Self.network, signer: Self.signer)
        let checked = try CheckedEntry(
            entry.encoded, network: Self.network, hashing: MixHashing(), verifying: MixVerifier())
        #expect(checked.id == entry.id(network: Self.network, hashing: MixHashing()))
        #expect(checked.hash == Block.entryHash(entry.encoded, hashing: MixHashing()))
        var changed = entry.encoded
        changed[changed.count - 1] ^= 1
        #expect(throws: CheckedEntry.Refusal.badSignature) {
            _ = try CheckedEntry(
                changed, network: Self.network, hashing: MixHashing(), verifying: MixVerifier())
        }
        #expect(throws: CheckedEntry.Refusal.badSignature) {
            _ = try CheckedEntry(
                entry.encoded, network: NetworkID(repeating: 1), hashing: MixHashing(), verifying: MixVerifier())
        }
        var later = entry.encoded
        later[1] = 9
        #expect(throws: CheckedEntry.Refusal.unsupported) {
            _ = try CheckedEntry(later, network: Self.network, hashing: MixHashing(), verifying: MixVerifier())
        }
    }

    /// Shows that any entries are split into messages that a lane takes, whole and in order.
    @Test func submitsFitTheirLane() {
        let rows: [(entries: Int, bytes: Int, parts: Int)] = [
            (0, 100, 0), (1, 16_384, 1), (256, 100, 1), (257, 100, 2), (256, 16_384, 5), (1_000, 4_000, 4),
        ]
        for row in rows {
            let entries = (0..<row.entries).map { [UInt8](repeating: UInt8($0 & 255), count: row.bytes) }
            let parts = Submit.parts(of: entries)
            #expect(parts.count == row.parts && parts.flatMap(\.self) == entries, "\(row)")
            for part in parts { #expect(Submit(entries: part, hops: 0).encoded.count <= 1 << 20) }
        }
    }
}
