import Basis
import Records
import TestKit
import Testing
import Trust
import Wire

@testable import Gossip

/// One core with peers played by the test: what it is told, and what it does.
final class Lab {
    struct Peer {
        let signer: MixSigner
        let id: PeerID
        let address: SocketAddress
        var record: PeerRecord
    }

    static let unix: UInt64 = 1_790_000_000_000
    let network = NetworkID(repeating: 7)
    let hashing = MixHashing()
    var core: Membership
    let own: MixSigner
    var now = Instant(nanoseconds: 5_000_000_000)
    var peers: [Peer] = []
    /// Effects since the last `take`.
    var effects: [Membership.Effect] = []
    /// Whether signatures, disk and verification answer by themselves.
    var answers = true

    init(_ count: Int, seed: UInt64 = 1, limits: GossipLimits = .production, starts: Bool = true) {
        own = MixSigner(seed: 1_000)
        core = Membership(
            key: own.publicKey, hashing: hashing, limits: limits, generator: SeededGenerator(seed: seed),
            now: now)
        for i in 0..<count { addPeer(i) }
        if starts { start() }
    }

    func addPeer(_ i: Int, address: SocketAddress? = nil) {
        let signer = MixSigner(seed: UInt64(i) + 1)
        let address = address ?? SocketAddress(v4: 0x0a00_0100 + UInt32(i), port: 7717)
        let record = record(signer, address, sequence: Lab.unix)
        peers.append(
            Peer(signer: signer, id: hashing.peerID(of: signer.publicKey), address: address, record: record))
    }

    func record(
        _ signer: MixSigner, _ address: SocketAddress?, sequence: UInt64,
        status: UnsignedRecord.Status = .acceptingWork, reach: UnsignedRecord.Reach = .open
    ) -> PeerRecord {
        UnsignedRecord(
            networkTag: NetworkTag(network), key: signer.publicKey, sequence: sequence, status: status,
            reach: address == nil ? .unknown : reach, endpoints: address.map { [Endpoint($0)] } ?? []
        ).signed(by: signer, network: network)
    }

    func start() {
        give(.started(RestoredMembership(network: network, hasGenesis: true, ownsGenesis: true)))
        give(.clock(unixMilliseconds: Lab.unix))
        give(.interfaces([SocketAddress(v4: 0x0a00_0001, port: 7717)]))
    }

    func give(_ input: Membership.Input) {
        let out = core.handle(input, now: now)
        effects += out
        guard answers else { return }
        for effect in out {
            switch effect {
            case .signRecord(let record, let ticket):
                give(.recordSigned(record.signed(by: own, network: network), ticket))
            case .persist(_, let ticket): give(.persisted(ticket))
            case .verifyRecords(let candidates, let ticket): verify(candidates, ticket)
            default: break
            }
        }
    }

    func verify(_ candidates: [RecordCandidate], _ ticket: Ticket) {
        let verdicts = candidates.map { $0.record.isAuthentic(network: network, by: MixVerifier()) }
        give(
            .recordsVerified(
                zip(candidates, verdicts).filter(\.1).map { Verified(checked: $0.0.record) },
                rejected: verdicts.indices.filter { !verdicts[$0] }.map { UInt8($0) }, ticket))
    }

    /// Lets time pass and fires what is due.
    func advance(_ span: Interval) {
        let end = now + span
        while let next = core.nextDeadline, next <= end {
            now = max(now, next)
            give(.timeout)
        }
        now = end
    }

    /// Long time at once: everything that is due fires late, in one go.
    func jump(_ span: Interval) {
        now += span
        give(.timeout)
    }

    func take() -> [Membership.Effect] {
        defer { effects = [] }
        return effects
    }

    func index(_ i: Int) -> PeerIndex { core.index(of: peers[i].id)! }

    func facts(
        _ i: Int, path: Path = .datagram, isOutbound: Bool = false, remote: SocketAddress? = nil,
        bootNonce: UInt64 = 1, hasRecord: Bool = true, ticket: Ticket? = nil
    ) -> SessionFacts {
        SessionFacts(
            path: path, remote: remote ?? peers[i].address, isOutbound: isOutbound,
            key: peers[i].signer.publicKey, record: hasRecord ? Verified(checked: peers[i].record) : nil,
            bootNonce: bootNonce, observed: SocketAddress(v4: 0x0a00_0001, port: 7717),
            clockDifferenceMilliseconds: 0, version: 1, features: 0, hasRestarted: false, ticket: ticket,
            network: network)
    }

    func connect(
        _ i: Int, path: Path = .datagram, isOutbound: Bool = false, remote: SocketAddress? = nil,
        bootNonce: UInt64 = 1, hasRecord: Bool = true
    ) {
        give(
            .sessionUp(
                index(i),
                facts(
                    i, path: path, isOutbound: isOutbound, remote: remote, bootNonce: bootNonce,
                    hasRecord: hasRecord)))
    }

    func say(_ i: Int, _ message: PeerMessage, via path: Path = .datagram) {
        give(.received(Verified(checked: message), from: index(i), via: path))
    }

    func ping(_ i: Int, probe: UInt32 = 9, sinceHeard: UInt16 = .max, flags: Ping.Flags = .linked) {
        say(
            i,
            .ping(
                Ping(
                    probe: probe, sinceHeard: sinceHeard, flags: flags,
                    mySequence: peers[i].record.sequence,
                    yourSequence: core.own.published?.sequence ?? 0)))
    }

    func ack(_ i: Int, _ probe: UInt32, flags: Ping.Flags = .linked) {
        say(
            i,
            .ack(
                Ack(
                    probe: probe, flags: flags, mySequence: peers[i].record.sequence,
                    yourSequence: core.own.published?.sequence ?? 0)))
    }

    /// Brings a link up, whoever asked; the main connection too if wanted.
    func link(_ i: Int, main: Bool = false, isOutbound: Bool = false) {
        connect(i, isOutbound: isOutbound)
        if main { connect(i, path: .main, isOutbound: isOutbound) }
        if core.links[index(i)] == nil { say(i, .linkRequest(linkCount: 1, isLowPriority: false)) }
        if core.links[index(i)]?.phase == .requested { say(i, .linkAccept(linkCount: 1)) }
        if core.links[index(i)]?.phase == .offered { ping(i) }
        if core.links[index(i)]?.phase == .confirming { ack(i, pings(to: i).last!.probe) }
        #expect(core.links[index(i)]?.isUp == true, "link \(i)")
    }

    // MARK: looking at effects

    func messages(to i: Int) -> [PeerMessage] {
        effects.flatMap { effect -> [PeerMessage] in
            if case .send(let peer, let messages, _) = effect, peer == index(i) { messages } else { [] }
        }
    }

    func pings(to i: Int) -> [Ping] {
        messages(to: i).compactMap { if case .ping(let ping) = $0 { ping } else { nil } }
    }

    func acks(to i: Int) -> [Ack] {
        messages(to: i).compactMap { if case .ack(let ack) = $0 { ack } else { nil } }
    }

    func parts(to i: Int) -> [RecordsPart] {
        messages(to: i).compactMap { if case .records(let part) = $0 { part } else { nil } }
    }

    /// (helper, request) of every PingRequest.
    var pingRequests: [(peer: PeerIndex, request: PingRequest)] {
        effects.flatMap { effect -> [(PeerIndex, PingRequest)] in
            guard case .send(let peer, let messages, _) = effect else { return [] }
            return messages.compactMap { if case .pingRequest(let request) = $0 { (peer, request) } else { nil } }
        }
    }

    var events: [MembershipEvent] {
        effects.compactMap { if case .event(let event) = $0 { event } else { nil } }
    }

    var dials: [(ticket: Ticket, to: SocketAddress, path: Path, expecting: PeerID?)] {
        effects.compactMap {
            if case .dial(let ticket, let to, let path, let expecting, _) = $0 { (ticket, to, path, expecting) } else { nil }
        }
    }

    func push(_ i: Int, _ records: [PeerRecord], _ purpose: RecordsPart.Purpose = .push, hops: UInt8 = 0) {
        say(i, .records(RecordsPart(purpose: purpose, hops: hops, records: records.map(\.encoded))))
    }
}
