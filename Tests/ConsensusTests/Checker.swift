import Basis
@testable import Consensus
import Records
import TestKit
import Trust
import Wire

/// Sees everything and judges by I1–I8 of `ledger.md` 4.11.
final class Checker {
    struct Slot: Hashable {
        let seat: Int
        let view: UInt64
    }

    struct Marks {
        var notarize: Digest?
        var nullify = false
        var finalize: Digest?
    }

    let seats: Int
    let faulty: Int
    var failures: [String] = []
    var marks: [Slot: Marks] = [:]
    var proposals: [Slot: Digest] = [:]
    var notarized: [UInt64: Digest] = [:]
    var checked: Set<Certificate> = []
    /// The log as the first executor saw it.
    var log: [(hash: Digest, digest: Digest)] = []
    var stateOf: [UInt64: StateTuple] = [:]
    /// Alarms that must not appear are failures unless a test plants them.
    var expectsAlarms = false

    init(seats: Int, faulty: Int) {
        self.seats = seats
        self.faulty = faulty
    }

    func fail(_ text: String) { if failures.count < 5 { failures.append(text) } }

    func sent(_ message: LogMessage, by node: WorldNode, world: World) {
        let name: String
        switch message {
        case .proposal: name = "proposal"
        case .vote(let v): name = "\(v.ballot.kind)"
        case .certificate: name = "certificate"
        case .attestation: name = "attestation"
        case .status: name = "status"
        case .fetchCertificates: name = "fetchCertificates"
        case .fetchBlocks: name = "fetchBlocks"
        default: name = "other"
        }
        world.sent[name, default: 0] += 1
        guard world.isHonest(node.index) else { return }
        switch message {
        case .vote(let vote): own(vote, node, world)
        case .proposal(let proposal): own(proposal, node, world)
        case .certificate(let certificate): check(certificate, world)
        case .certificates(let list):
            for certificate in list.certificates { check(certificate, world) }
            for vote in list.ownVotes { own(vote, node, world) }
        default: break
        }
    }

    /// I1 across crashes, and I2: the mark is on the disk, or was and is pruned.
    func own(_ vote: Vote, _ node: WorldNode, _ world: World) {
        let ballot = vote.ballot
        let slot = Slot(seat: Int(vote.seat), view: ballot.view)
        var known = marks[slot] ?? Marks()
        switch ballot.kind {
        case .notarize:
            if let first = known.notarize, first != ballot.blockHash {
                fail("I1: seat \(slot.seat) notarises twice in view \(slot.view)")
            }
            known.notarize = ballot.blockHash
        case .nullify: known.nullify = true
        case .finalize:
            if let first = known.finalize, first != ballot.blockHash {
                fail("I1: seat \(slot.seat) finalises twice in view \(slot.view)")
            }
            known.finalize = ballot.blockHash
        }
        if known.nullify, known.finalize != nil {
            fail("I1: seat \(slot.seat) finalises and nullifies view \(slot.view)")
        }
        marks[slot] = known
        world.votesBySeatView["\(slot.seat) \(slot.view)", default: 0] += 1
        let executedView = node.chain.last?.view ?? 0
        if ballot.view + 64 > executedView,
            !node.holds(.journal, JournalKey.mark(epoch: 0, view: ballot.view, kind: ballot.kind))
        {
            fail("I2: seat \(slot.seat) sends \(ballot.kind)(\(ballot.view)) before it is durable")
        }
    }

    func own(_ proposal: Proposal, _ node: WorldNode, _ world: World) {
        let header = proposal.block.header
        let slot = Slot(seat: Int(header.seat), view: header.view)
        let hash = proposal.block.hash(hashing: MixHashing())
        if let first = proposals[slot], first != hash {
            fail("I2: two proposals of seat \(slot.seat) in view \(slot.view)")
        }
        proposals[slot] = hash
        let vote = Ballot(kind: .notarize, epoch: 0, view: header.view, blockHash: hash)
        own(Vote(ballot: vote, seat: header.seat, signature: proposal.signature), node, world)
    }

    /// I3 and I6.
    func check(_ certificate: Certificate, _ world: World) {
        if !checked.insert(certificate).inserted { return }
        if !certificate.isValid(
            seats: world.seatList, network: world.network, verifying: MixVerifier())
        {
            fail("I6: bad certificate \(certificate.ballot)")
        }
        if Set(certificate.votes.map(\.seat)).count < world.seatList.quorum {
            fail("I6: \(certificate.votes.count) votes")
        }
        if certificate.ballot.kind != .nullify {
            let view = certificate.ballot.view
            if let first = notarized[view], first != certificate.ballot.blockHash {
                fail("I3: two notarised blocks in view \(view)")
            }
            notarized[view] = certificate.ballot.blockHash
        }
    }

    func executing(_ final: Replica.FinalBlock, after parent: Replica.Executed, _ node: WorldNode) {
        guard node.world.isHonest(node.index) else { return }
        let header = final.block.header
        let height = Int(header.height)
        if header.height != parent.state.height + 1 || header.parentHash != parent.state.blockHash {
            fail("I5: node \(node.index) executes height \(height) off the chain")
        }
        if header.timestamp <= parent.timestamp { fail("I7: T falls at height \(height)") }
        let turn = node.world.seatList.turn(of: header.view)
        if !parent.beacons[Int(header.seat)].verifies(
            header.beaconReveal, turn: turn, hashing: MixHashing())
        {
            fail("beacon of height \(height) does not verify")
        }
        if let certificate = final.finalizeCertificate { check(certificate, node.world) }
        let digest = MixHashing().digest(parent.state.stateDigest.bytes + final.hash.bytes)
        if height <= log.count {
            if log[height - 1].hash != final.hash {
                fail("I4: node \(node.index) executes another block at height \(height)")
            }
        } else {
            log.append((final.hash, digest))
        }
    }

    func certified(_ certificate: StateCertificate, _ node: WorldNode) {
        guard node.world.isHonest(node.index) else { return }
        if let known = stateOf[certificate.state.height], known != certificate.state {
            fail("I4: two certified states of height \(certificate.state.height)")
        }
        stateOf[certificate.state.height] = certificate.state
        if !certificate.isValid(
            seats: node.world.seatList, network: node.world.network, verifying: MixVerifier())
        {
            fail("I6: bad state certificate")
        }
    }

    func alarm(_ alert: Replica.Alert, _ node: WorldNode) {
        guard node.world.isHonest(node.index), !expectsAlarms else { return }
        switch alert {
        case .equivocation(let seat, _, _):
            let byzantine = node.world.options.twins + node.world.options.spammers
            if !byzantine.contains(Int(seat)) { fail("honest seat \(seat) accused") }
        default: fail("alarm \(alert) at node \(node.index)")
        }
    }

    /// I8: nothing grows beyond section 2.
    func afterEvent(_ node: WorldNode) {
        guard let replica = node.replica, node.world.isHonest(node.index) else { return }
        if replica.outbox.count > 200 { fail("I8: \(replica.outbox.count) parcels") }
        let span = Int(clamping: replica.view - min(replica.view, replica.viewsFloor))
        if replica.views.count > span + Int(replica.limits.viewsAheadMax) + 2 {
            fail("I8: \(replica.views.count) views")
        }
        // What rests on an own vote that is not durable yet was shown to nobody.
        if replica.outbox.isEmpty, replica.view > 0, let record = replica.views[replica.view - 1] {
            for kind in VoteKind.allCases {
                if let certificate = record[kind] { check(certificate, node.world) }
            }
        }
    }
}
