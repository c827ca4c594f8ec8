import Basis
@testable import Consensus
import Records
import TestKit
import Trust
import Wire

/// One replica under glass: the test plays all other seats, the disk, the pool and the ledger.
struct Bench {
    static let wallStart = World.wallStart
    let world: World
    var replica: Replica
    var now = Instant.zero
    var wall = Bench.wallStart
    /// Batches of the last calls.
    var batches: [StoreBatch] = []
    var sender: PeerID
    let own: Int?

    /// Seat `own` of `n`, active in view 0; nil is an observer.
    init(own: Int? = 1, n: Int = 4, isActive: Bool = true, limits: LedgerLimits = .production) {
        self.own = own
        var options = World.Options()
        options.seats = n
        options.observers = 1
        world = World(options, seed: 5)
        let node: WorldNode
        if let own { node = world.nodes[own] } else { node = world.nodes[n] }
        replica = Replica(
            configuration: .init(
                network: world.network, seats: world.seatList, account: node.account,
                voting: node.signer,
                beacons: node.beacon.map { [.init(start: 0, chain: $0)] } ?? []),
            executed: node.base(), image: JournalImage(), limits: limits, hashing: MixHashing(),
            generator: SeededGenerator(seed: 1), now: .zero)
        sender = world.nodes[0].peer
        _ = handle(.start)
        for other in world.nodes where other.index != (own ?? n) {
            _ = handle(.linkUp(other.peer))
        }
        if isActive {
            for other in world.nodes where other.seat != own && other.seat != nil {
                _ = receive(.status(status(certified: 0)), from: other.peer)
            }
        }
    }

    func status(certified: UInt64, executed: UInt64? = nil, view: UInt64 = 0) -> Status {
        Status(
            epoch: 0, view: view, finalHeight: certified, executedHeight: executed ?? certified,
            certifiedHeight: certified, executedHash: base, stateDigest: .zero, flags: [.seat])
    }

    var base: Digest { Block.genesisHash(world.network, hashing: MixHashing()) }

    /// Takes one input, and has the disk answer at once.
    mutating func handle(_ input: Replica.Input) -> [Replica.Effect] {
        var out: [Replica.Effect] = []
        var inputs = [input]
        while !inputs.isEmpty {
            for effect in replica.handle(inputs.removeFirst(), now: now, wall: wall) {
                if case .persist(let batch, let ticket) = effect {
                    batches.append(batch)
                    inputs.append(.persisted(ticket))
                } else {
                    out.append(effect)
                }
            }
        }
        return out
    }

    mutating func receive(_ message: LogMessage, from peer: PeerID? = nil) -> [Replica.Effect] {
        handle(.received(Verified(checked: message), from: peer ?? sender))
    }

    /// Lets `millis` pass on both clocks, firing timers in their order.
    mutating func pass(_ millis: Int64) -> [Replica.Effect] {
        var out: [Replica.Effect] = []
        let end = now + .milliseconds(millis)
        while let due = replica.nextDeadline, due <= end {
            advance(to: max(due, now))
            out += handle(.timeout)
        }
        advance(to: end)
        return out
    }

    mutating func advance(to next: Instant) {
        let start = Int64(Bench.wallStart)
        now = next
        wall = UInt64(start + now.nanoseconds / 1_000_000)
    }

    func ballot(_ kind: VoteKind, _ view: UInt64, _ hash: Digest = .zero) -> Ballot {
        Ballot(kind: kind, epoch: 0, view: view, blockHash: hash)
    }

    func vote(_ kind: VoteKind, _ view: UInt64, _ hash: Digest = .zero, by seat: Int) -> Vote {
        let ballot = ballot(kind, view, hash)
        let signature = world.signers[seat].sign(
            kind.signatureKind, network: world.network, body: ballot.signedBody)
        return Vote(ballot: ballot, seat: UInt16(seat), signature: signature)
    }

    func certificate(
        _ kind: VoteKind, _ view: UInt64, _ hash: Digest = .zero, by seats: [Int]? = nil
    ) -> Certificate {
        let others = (0..<world.seatList.count).filter { $0 != own }
        let seats = seats ?? Array(others.prefix(world.seatList.quorum))
        return Certificate(
            ballot: ballot(kind, view, hash),
            votes: seats.map {
                let vote = vote(kind, view, hash, by: $0)
                return SeatSignature(seat: vote.seat, signature: vote.signature)
            })
    }

    /// A valid block of `view` on `parent` (the base if nil), as its leader would make it.
    func block(
        view: UInt64, on parent: Block? = nil, at timestamp: UInt64? = nil,
        entries: [[UInt8]] = [[1, 2, 3]]
    ) -> Block {
        let hashing = MixHashing()
        let seat = world.seatList.leader(of: view)
        let certificate = parent.map {
            self.certificate(.notarize, $0.header.view, $0.hash(hashing: hashing)).encoded
        } ?? []
        let reveal = world.nodes[seat].beacon?.element(
            at: world.seatList.turn(of: view), hashing: hashing)
        let header = BlockHeader(
            networkID: world.network, epoch: 0, view: view,
            height: (parent?.header.height ?? 0) &+ 1,
            parentView: parent?.header.view ?? BlockHeader.baseView,
            parentHash: parent?.hash(hashing: hashing) ?? base,
            parentCertHash: Block.certificateHash(certificate, hashing: hashing),
            timestamp: timestamp ?? max(wall, (parent?.header.timestamp ?? 0) &+ 1), seat: UInt16(seat),
            beaconReveal: reveal ?? .zero, entryCount: UInt32(entries.count),
            payloadBytes: Block.payloadBytes(entries),
            txRoot: Block.txRoot(
                entries.map { Block.entryHash($0, hashing: hashing) }, hashing: hashing))
        return Block(header: header, parentCertificate: certificate, entries: entries)
    }

    func proposal(_ block: Block) -> Proposal {
        let vote = vote(
            .notarize, block.header.view, block.hash(hashing: MixHashing()),
            by: Int(block.header.seat))
        return Proposal(block: block, signature: vote.signature)
    }

    func hash(_ block: Block) -> Digest { block.hash(hashing: MixHashing()) }

    mutating func wantBlocks() -> [Replica.Effect] {
        handle(.demand(.init(entryCount: 1, bytes: 3, oldest: now)))
    }

    /// Executes a handed block.
    mutating func execute(_ block: Block, digest: Digest = Digest(repeating: 7)) -> [Replica.Effect] {
        let before = replica.executed
        return handle(
            .executed(
                Replica.Executed(
                    state: StateTuple(
                        epoch: 0, height: block.header.height, blockHash: hash(block),
                        stateDigest: digest, eventRoot: .zero, nextSeatsHash: .zero),
                    view: block.header.view, timestamp: block.header.timestamp, ledgerMillis: 0,
                    beacons: before.beacons.enumerated().map { seat, record in
                        seat == Int(block.header.seat)
                            ? record.advanced(
                                to: world.seatList.turn(of: block.header.view),
                                reveal: block.header.beaconReveal) : record
                    }, blocksDue: 0, isTimerArmed: false)))
    }

    func attestation(_ state: StateTuple, by seat: Int) -> Attestation {
        Attestation(
            state: state, seat: UInt16(seat),
            signature: world.signers[seat].sign(
                .attest, network: world.network, body: state.encoded))
    }
}

extension [Replica.Effect] {
    var votes: [Vote] {
        compactMap { if case .send(.vote(let vote), _) = $0 { vote } else { nil } }
    }
    func votes(_ kind: VoteKind) -> [UInt64] {
        votes.filter { $0.ballot.kind == kind }.map(\.ballot.view)
    }
    var proposals: [Proposal] {
        compactMap { if case .send(.proposal(let proposal), _) = $0 { proposal } else { nil } }
    }
    var certificates: [Certificate] {
        compactMap { if case .send(.certificate(let certificate), _) = $0 { certificate } else { nil } }
    }
    var payloadRequest: Replica.PayloadRequest? {
        for effect in self { if case .buildPayload(let request) = effect { return request } }
        return nil
    }
    var finals: [Block] {
        compactMap { if case .finalised(let final) = $0 { final.block } else { nil } }
    }
    var fetchesCertificates: [FetchCertificates] {
        compactMap { if case .send(.fetchCertificates(let fetch), _) = $0 { fetch } else { nil } }
    }
    var fetchesBlocks: [FetchBlocks] {
        compactMap { if case .send(.fetchBlocks(let fetch), _) = $0 { fetch } else { nil } }
    }
    var alerts: [Replica.Alert] {
        compactMap { if case .alarm(let alert) = $0 { alert } else { nil } }
    }
    var faults: [ProposalFault] {
        compactMap { if case .misbehaved(_, .badProposal(let fault)) = $0 { fault } else { nil } }
    }
}
