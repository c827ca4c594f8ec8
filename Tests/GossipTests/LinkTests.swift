import Basis
import Records
import TestKit
import Testing
import Trust
import Wire

@testable import Gossip

/// Links, dials, pins and finds (`gossip.md` 7, 9.5, 12.1), one core against peers played by the test.
@Suite struct LinkTests {
    func isRequest(_ message: PeerMessage) -> Bool {
        if case .linkRequest = message { true } else { false }
    }

    func refusals(_ lab: Lab, _ i: Int) -> [LinkRefusal] {
        lab.messages(to: i).compactMap { if case .linkRefuse(let why, _) = $0 { why } else { nil } }
    }

    /// Shows our request: LinkRequest at once and after 1 s, Accept → Ping(linked) each 500 ms, Ack(linked) → up, keep,
    /// own record pushed.
    @Test func requesting() {
        let lab = Lab(1)
        lab.connect(0)
        #expect(lab.messages(to: 0).filter(isRequest).count == 1)
        lab.advance(.milliseconds(1_001))
        #expect(lab.messages(to: 0).filter(isRequest).count == 2)
        lab.say(0, .linkAccept(linkCount: 0))
        #expect(lab.pings(to: 0).count == 1)
        #expect(lab.pings(to: 0)[0].flags == .linked)
        lab.advance(.milliseconds(501))
        #expect(lab.pings(to: 0).count == 2)
        lab.ack(0, lab.pings(to: 0)[0].probe, flags: [])
        #expect(lab.events.allSatisfy { if case .linkUp = $0 { false } else { true } }, "an Ack without the bit")
        lab.ack(0, lab.pings(to: 0)[1].probe)
        #expect(lab.events.contains(.linkUp(lab.index(0), outbound: true)))
        #expect(lab.effects.contains(.keep(lab.index(0), .datagram)))
        #expect(lab.parts(to: 0).contains { $0.purpose == .push && $0.hops == 0 })
    }

    /// Shows that a request without an answer ends after 3 s with a backoff of a minute, and that confirming ends with
    /// LinkClose(notLinked) after 3 s.
    @Test func timeouts() {
        let lab = Lab(2)
        lab.connect(0)
        lab.advance(.milliseconds(3_001))
        #expect(lab.core.links.isEmpty)
        _ = lab.take()
        lab.advance(.seconds(30))
        #expect(lab.messages(to: 0).filter(isRequest).isEmpty)
        lab.advance(.seconds(32))
        #expect(!lab.messages(to: 0).filter(isRequest).isEmpty, "asked again when the backoff is over")
        lab.connect(1)
        lab.say(1, .linkAccept(linkCount: 0))
        _ = lab.take()
        lab.advance(.milliseconds(3_001))
        #expect(lab.messages(to: 1).contains(.linkClose(.notLinked, retrySeconds: 0)))
        #expect(lab.core.links[lab.index(1)] == nil)
    }

    /// Shows crossing requests: both confirm at once, and exactly the smaller id counts the link as outbound.
    @Test func crossing() {
        for n in 0..<4 {
            let lab = Lab(n + 1)
            lab.connect(n)
            lab.say(n, .linkRequest(linkCount: 0, isLowPriority: false))
            #expect(lab.core.links[lab.index(n)]?.phase == .confirming)
            lab.ack(n, lab.pings(to: n).last!.probe)
            #expect(lab.events.contains(.linkUp(lab.index(n), outbound: lab.core.id < lab.peers[n].id)))
        }
    }

    /// Shows that an offer needs the Ping with the bit linked within 3 s, and that a lost Accept is repeated.
    @Test func offering() {
        let lab = Lab(1, limits: .tiny)
        lab.give(.policy(PeerPolicy(isSilent: true)))
        lab.connect(0)
        if lab.core.links[lab.index(0)] != nil { lab.say(0, .linkRefuse(.full, retrySeconds: 60)) }
        lab.say(0, .linkRequest(linkCount: 0, isLowPriority: false))
        lab.say(0, .linkRequest(linkCount: 0, isLowPriority: false))
        #expect(lab.messages(to: 0).filter { $0 == .linkAccept(linkCount: 0) }.count == 2)
        lab.ping(0, flags: [])
        #expect(lab.core.links[lab.index(0)]?.phase == .offered)
        lab.advance(.milliseconds(3_001))
        #expect(lab.core.links.isEmpty)
    }

    /// Shows GP-53: without a session, or without an admitted record, a LinkRequest makes no link; a held request is
    /// answered when the record comes.
    @Test func needsSessionAndRecord() {
        let lab = Lab(1)
        lab.say(0, .linkRequest(linkCount: 0, isLowPriority: false))
        #expect(lab.core.links.isEmpty)
        #expect(lab.core.counters[.messageNoSession] == 1)
        lab.connect(0, hasRecord: false)
        lab.say(0, .linkRequest(linkCount: 0, isLowPriority: false))
        #expect(lab.core.links.isEmpty)
        lab.push(0, [lab.peers[0].record])
        #expect(lab.core.links[lab.index(0)] != nil)
        #expect(lab.messages(to: 0).contains { if case .linkAccept = $0 { true } else { false } })
    }

    /// Shows that a link whose paths are all gone tells nothing (a connection that lost to another may outlive it), and
    /// that nobody with an address of invalid scope gets a session: a record told so would have no scope floor.
    @Test func needsAddressOfTeller() {
        let lab = Lab(3)
        lab.link(0)
        lab.give(.sessionDown(lab.index(0), .datagram, .silent))
        #expect(lab.core.links[lab.index(0)] != nil)
        lab.push(0, [lab.peers[1].record])
        #expect(lab.core.counters[.messageNoSession] == 1)
        #expect(lab.core.book[lab.peers[1].id] == nil)
        for remote: UInt32 in [0xf000_0001, 0x0000_0001] {
            _ = lab.take()
            lab.connect(2, remote: SocketAddress(v4: remote, port: 7717))
            #expect(lab.effects.contains(.hangUp(lab.index(2), .policy)))
            #expect(lab.core.sessions[lab.index(2)] == nil && lab.core.book[lab.peers[2].id] == nil)
        }
    }

    /// Shows GP-54: a full peer refuses a request of low priority, displaces one inbound link for a peer without links
    /// (never one of the 4 oldest), and does so once in 10 s.
    @Test func fullPeer() {
        let lab = Lab(40)
        for i in 0..<24 { lab.link(i) }
        _ = lab.take()
        lab.connect(24)
        lab.say(24, .linkRequest(linkCount: 3, isLowPriority: true))
        #expect(refusals(lab, 24) == [.full])
        lab.connect(25)
        let inbound = lab.core.links.filter { !$0.value.isOutbound }.count
        lab.say(25, .linkRequest(linkCount: 0, isLowPriority: false))
        if inbound > 4 {
            #expect(lab.messages(to: 25).contains { if case .linkAccept = $0 { true } else { false } })
            #expect(lab.events.contains { if case .linkDown(_, .surplus) = $0 { true } else { false } })
        } else {
            #expect(refusals(lab, 25) == [.full])
        }
        lab.connect(26)
        lab.say(26, .linkRequest(linkCount: 0, isLowPriority: false))
        #expect(refusals(lab, 26) == [.full])
        #expect(lab.core.links.count <= 24)
    }

    /// Shows GP-75: inside a backoff that we set a request is refused with the seconds left, also after a reconnect.
    @Test func backoffIsKept() {
        let lab = Lab(1)
        lab.link(0)
        lab.core.closeLink(lab.index(0), .surplus, retry: .seconds(60), bars: true)
        lab.give(.sessionDown(lab.index(0), .datagram, .idle))
        lab.connect(0)
        _ = lab.take()
        lab.say(0, .linkRequest(linkCount: 0, isLowPriority: false))
        guard case .linkRefuse(.backoff, let seconds)? = lab.messages(to: 0).last else {
            Issue.record("\(lab.messages(to: 0))")
            return
        }
        #expect(seconds >= 59 && seconds <= 61)
    }

    /// Shows GP-55: `surplus` keeps the peer as a candidate, `protocolError` bars it.
    @Test func closeReasons() {
        for (reason, isCandidate) in [(CloseReason.surplus, true), (.protocolError, false), (.leaving, false)] {
            let lab = Lab(1)
            lab.link(0)
            lab.say(0, .linkClose(reason, retrySeconds: 1))
            lab.give(.sessionDown(lab.index(0), .datagram, reason))
            _ = lab.take()
            lab.advance(.seconds(12))
            #expect(lab.dials.contains { $0.expecting == lab.peers[0].id } == isCandidate, "\(reason)")
        }
    }

    /// Shows that a Ping without the bit linked ends a link older than 3 s, not a younger one (GP-52).
    @Test func otherEndLostTheLink() {
        let lab = Lab(1)
        lab.link(0)
        lab.ping(0, flags: [])
        #expect(lab.core.links[lab.index(0)]?.isUp == true)
        lab.advance(.milliseconds(3_100))
        lab.ping(0, flags: [])
        #expect(lab.events.contains(.linkDown(lab.index(0), .notLinked)))
        #expect(lab.acks(to: 0).last?.flags == [])
    }

    /// Shows the order of an attempt: datagram first, the stream of the same endpoint a second later, then the next
    /// endpoint, then a failure with backoff; our own send errors cost the row nothing.
    @Test func attempts() {
        let lab = Lab(2)
        lab.link(0)
        let second = SocketAddress(v4: 0x0a00_0909, port: 7717)
        let record = UnsignedRecord(
            networkTag: NetworkTag(lab.network), key: lab.peers[1].signer.publicKey, sequence: Lab.unix,
            reach: .open, endpoints: [Endpoint(lab.peers[1].address), Endpoint(second)]
        ).signed(by: lab.peers[1].signer, network: lab.network)
        _ = lab.take()
        var dials: [(ticket: Ticket, to: SocketAddress, path: Path, expecting: PeerID?)] {
            lab.dials.filter { $0.expecting == lab.peers[1].id }
        }
        lab.push(0, [record])
        #expect(dials.map(\.path) == [.datagram])
        lab.advance(.milliseconds(1_001))
        #expect(dials.map(\.path) == [.datagram, .main])
        #expect(Set(dials.map(\.to)) == [lab.peers[1].address])
        lab.give(.dialFailed(dials[1].ticket, .connectionRefused))
        lab.give(.dialFailed(dials[0].ticket, .timeout))
        #expect(dials.count == 3)
        #expect(dials[2].to == second && dials[2].path == .datagram)
        lab.give(.dialFailed(dials[2].ticket, .unreachable))
        #expect(dials.count == 4 && dials[3].path == .main, "the stream is tried at once")
        lab.give(.dialFailed(dials[3].ticket, .unreachable))
        #expect(lab.core.book[lab.peers[1].id]?.failures == 1, "a timeout of the first endpoint weighs more")
        let wait = lab.core.book[lab.peers[1].id]!.nextDial - lab.now
        #expect(wait >= .seconds(4) && wait <= .seconds(6))
    }

    /// Shows that 3 failures remove a heard row and that it is not admitted again for 6 h, unless newer.
    @Test func heardRowIsForgotten() {
        let lab = Lab(2)
        lab.link(0)
        _ = lab.take()
        lab.push(0, [lab.peers[1].record])
        var tickets: Set<Ticket> = []
        for _ in 0..<200 where lab.core.book[lab.peers[1].id] != nil {
            lab.advance(.milliseconds(500))
            for dial in lab.dials where dial.expecting == lab.peers[1].id && tickets.insert(dial.ticket).inserted {
                lab.give(.dialFailed(dial.ticket, .timeout))
            }
            lab.ping(0, sinceHeard: 0)
        }
        #expect(lab.core.book[lab.peers[1].id] == nil)
        lab.push(0, [lab.peers[1].record])
        #expect(lab.core.book[lab.peers[1].id] == nil)
        #expect(lab.core.counters[.recordUnwanted] == 1)
        lab.push(0, [lab.record(lab.peers[1].signer, lab.peers[1].address, sequence: Lab.unix + 1)])
        #expect(lab.core.book[lab.peers[1].id] != nil)
    }

    /// Shows 7.3, damping: an unverified global address is dialled at most 3 times in half an hour and 4 ports of one
    /// host, whatever names them.
    @Test func damping() {
        var damping = DialDamping(limits: .production)
        let now = Instant(nanoseconds: 0)
        let address = SocketAddress(v4: 0x0102_0304, port: 1)
        func admit(_ address: SocketAddress, _ at: Instant) -> Bool { damping.admit(address, now: at) }
        let repeats = (0..<5).map { _ in admit(address, now) }
        #expect(repeats == [true, true, true, false, false])
        let ports = (2...6).map { admit(address.with(port: UInt16($0)), now) }
        #expect(ports == [true, true, true, false, false])
        let neighbour = admit(SocketAddress(v4: 0x0102_0305, port: 1), now)
        let later = admit(address, now + .seconds(1_800))
        #expect(neighbour && later)
    }

    /// Shows a wrong key at a known address (GP-26, GP-27): the newly proven key owns it, the older row loses the
    /// endpoint, one event is raised however often it happens.
    @Test func addressConflict() {
        let lab = Lab(1)
        lab.addPeer(1, address: lab.peers[0].address)
        lab.link(0)
        lab.give(.sessionDown(lab.index(0), .datagram, .leaving))
        _ = lab.take()
        lab.connect(1, isOutbound: true)
        let conflict = MembershipEvent.addressConflict(
            lab.peers[0].address, older: lab.index(0), newer: lab.index(1))
        #expect(lab.events.filter { $0 == conflict }.count == 1)
        #expect(lab.core.book[lab.peers[0].id]?.usableEndpoints.isEmpty == true)
        lab.connect(1, isOutbound: true)
        lab.connect(1, isOutbound: true)
        #expect(lab.events.filter { $0 == conflict }.count == 1)
    }

    /// Shows seats (12.1): a seat pins all others and dials the larger ids at once, the smaller ones after 2 s; a new
    /// list unpins who is not in it, 60 s later; who is no seat pins nobody.
    @Test func seats() {
        let lab = Lab(5)
        for i in 0..<4 { lab.link(i) }
        for i in 0..<4 { lab.give(.sessionDown(lab.index(i), .datagram, .leaving)) }
        _ = lab.take()
        let keys = lab.peers.prefix(4).map(\.signer.publicKey)
        lab.give(.seats(epoch: 1, current: keys, next: []))
        #expect(lab.core.pins.byPeer.isEmpty)
        lab.give(.seats(epoch: 1, current: keys + [lab.own.publicKey], next: [lab.peers[4].signer.publicKey]))
        #expect(lab.core.pins.byPeer.count == 5)
        let early = Set(lab.dials.compactMap(\.expecting))
        #expect(early == Set(lab.peers.prefix(4).map(\.id).filter { $0 > lab.core.id }))
        lab.advance(.milliseconds(2_100))
        #expect(Set(lab.dials.compactMap(\.expecting)) == Set(lab.peers.prefix(4).map(\.id)))
        lab.give(.seats(epoch: 2, current: Array(keys.prefix(2)) + [lab.own.publicKey], next: []))
        #expect(lab.core.pins.byPeer.count == 5)
        lab.advance(.seconds(61))
        #expect(lab.core.pins.byPeer.count == 2)
    }

    /// Shows that a pinned peer with a session gets a main connection, with growing waits when it fails.
    @Test func pinnedMain() {
        let lab = Lab(1)
        lab.link(0)
        _ = lab.take()
        lab.give(.pin(lab.peers[0].id, .job))
        #expect(lab.dials.map(\.path) == [.main])
        lab.give(.dialFailed(lab.dials[0].ticket, .connectionRefused))
        #expect(lab.dials.count == 1)
        lab.advance(.milliseconds(1_300))
        #expect(lab.dials.count == 2)
        lab.connect(0, path: .main, isOutbound: true)
        #expect(lab.effects.contains(.keep(lab.index(0), .main)))
        #expect(lab.events.contains(.pathChanged(lab.index(0), datagram: true, main: true)))
        lab.give(.unpin(lab.peers[0].id, .job))
        #expect(!lab.effects.contains(.release(lab.index(0), .main)), "the link still keeps it")
    }

    /// Shows Find: asked of every link, answered when the record comes; nil after the quick repeats.
    @Test func find() {
        let lab = Lab(3)
        lab.link(0)
        lab.link(1)
        _ = lab.take()
        lab.give(.find(lab.peers[2].id, Ticket(77)))
        func finds(_ i: Int) -> [UInt16] {
            lab.messages(to: i).compactMap { if case .find(let request, let ids) = $0, ids == [lab.peers[2].id] { request } else { nil } }
        }
        #expect(finds(0).count == 1 && finds(1).count == 1)
        let request = finds(0)[0]
        lab.say(
            0,
            .records(RecordsPart(request: request, purpose: .answer, records: [lab.peers[2].record.encoded])))
        #expect(lab.effects.contains(.found(Ticket(77), lab.index(2))))
        _ = lab.take()
        lab.give(.find(PeerID(repeating: 9), Ticket(78)))
        lab.give(.find(lab.peers[1].id, Ticket(79)))
        #expect(lab.effects.contains(.found(Ticket(79), lab.index(1))))
        for _ in 0..<40 {
            lab.advance(.seconds(1))
            lab.ping(0, sinceHeard: 0)
            lab.ping(1, sinceHeard: 0)
        }
        #expect(lab.effects.contains(.found(Ticket(78), nil)))
        #expect(lab.core.pins.finds.isEmpty)
    }

    /// Shows GP-01 and GP-02: every row once before any repeats, in another order each round; a newcomer anywhere.
    @Test func walk() {
        var rng = SeededGenerator(seed: 4)
        var walk = VerificationWalk()
        var rows = (1...20).map { (id: PeerID(repeating: UInt8($0)), verifiedAt: UInt64($0 % 3)) }
        var rounds: [[PeerID]] = []
        for _ in 0..<5 {
            rounds.append((0..<20).map { _ in walk.next(eligible: rows, using: &rng)! })
        }
        for round in rounds { #expect(Set(round).count == 20) }
        #expect(Set(rounds).count == 5)
        let first = rounds[0].prefix(12).map { id in rows.first { $0.id == id }!.verifiedAt == 0 }
        #expect(first == [true, false, true, false, true, false, true, false, true, false, true, false])
        var positions: Set<Int> = []
        for n in 0..<60 {
            var copy = VerificationWalk()
            for row in rows { copy.insert(row.id, using: &rng) }
            let newcomer = PeerID(repeating: 200)
            copy.insert(newcomer, using: &rng)
            positions.insert(copy.ahead.firstIndex(of: newcomer)!)
            _ = n
        }
        #expect(positions.count > 10)
        rows = []
        #expect(walk.next(eligible: rows, using: &rng) == nil)
    }
}
