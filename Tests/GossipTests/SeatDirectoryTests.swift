import Basis
import Records
import TestKit
import Testing
import Trust

@testable import Gossip

/// Where members are, asked of seats (9.5), and links beyond the slots.
@Suite struct SeatDirectoryTests {
    /// Shows that the directory keeps the newest record of each id and lets the oldest id go when it is full.
    @Test func directoryIsBounded() {
        let lab = Lab(4)
        var directory = SeatDirectory(entriesMax: 3)
        for one in lab.peers.prefix(3) { directory.note(one.record, of: one.id) }
        let newer = lab.record(lab.peers[1].signer, lab.peers[1].address, sequence: Lab.unix + 9)
        directory.note(newer, of: lab.peers[1].id)
        directory.note(lab.peers[1].record, of: lab.peers[1].id)
        #expect(directory[lab.peers[1].id]?.sequence == newer.sequence)
        directory.note(lab.peers[3].record, of: lab.peers[3].id)
        #expect(directory.count == 3 && directory[lab.peers[0].id] == nil && directory[lab.peers[3].id] != nil)
    }

    /// Shows that a seat tells of a peer that it met and that its book has lost since; another node does not.
    @Test(arguments: [true, false])
    func seatsRememberWhomTheyMet(isSeat: Bool) {
        let lab = Lab(3)
        let seat = isSeat ? lab.own.publicKey : lab.peers[2].signer.publicKey
        lab.give(.seats(epoch: 0, current: [seat], next: []))
        lab.connect(0)
        lab.link(1)
        lab.core.book.remove(lab.peers[0].id)
        lab.advance(.seconds(2))
        _ = lab.take()
        lab.say(1, .find(request: 7, ids: [lab.peers[0].id]))
        let answers = lab.parts(to: 1).filter { $0.purpose == .answer && $0.request == 7 }.flatMap(\.records)
        #expect(answers == (isSeat ? [lab.peers[0].record.encoded] : []))
    }

    /// Shows that who is sought is asked of seats, too, that a seat is pinned meanwhile, and let go when the peer is
    /// found.
    @Test func seatsAreAsked() {
        let lab = Lab(3)
        lab.link(1)
        lab.connect(0)
        lab.give(.seats(epoch: 0, current: [lab.peers[0].signer.publicKey], next: []))
        _ = lab.take()
        lab.give(.pin(lab.peers[2].id, .transfer))
        let finds = lab.messages(to: 0).filter { if case .find = $0 { true } else { false } }
        #expect(finds.count == 1)
        #expect(lab.core.pins.purposes(of: lab.peers[0].id) == [.find])
        lab.push(0, [lab.peers[2].record])
        #expect(lab.core.book[lab.peers[2].id] != nil)
        #expect(lab.core.pins.purposes(of: lab.peers[0].id).isEmpty)
    }

    /// Shows that links that pins brought beyond the slots are closed when the pins end, the youngest first.
    @Test func linksOfEndedPinsAreClosed() {
        var limits = GossipLimits.tiny
        limits.fullMeshPeersMax = 1
        limits.fullMeshLeavePeersMax = 1
        let lab = Lab(12, limits: limits)
        for i in 0..<12 {
            lab.give(.pin(lab.peers[i].id, .job))
            lab.link(i)
        }
        #expect(lab.core.links.count == 12)
        for i in 0..<12 { lab.give(.unpin(lab.peers[i].id, .job)) }
        #expect(lab.core.links.count { !$1.isOutbound } <= limits.inboundLinksKept)
        #expect(lab.core.links[lab.index(0)] != nil && lab.core.links[lab.index(11)] == nil)
    }
}
