import Basis
import Records
import TestKit
import Testing
import Trust
import Wire

@testable import Gossip

/// Admission of records and their spreading (`gossip.md` 3.4, 3.6, 9), one core against peers played by the test.
@Suite struct RecordTests {
    let global = SocketAddress(v4: 0x0808_0808, port: 7717)
    let site = SocketAddress(v4: 0x0a00_0505, port: 7717)
    let host = SocketAddress(v4: 0x7f00_0001, port: 7718)

    /// Shows each check of 3.4 by a record that fails only it: which counter rises, and whether the teller answers for it.
    @Test func checks() {
        struct Row {
            let name: String
            let counter: MembershipCounter
            let isFault: Bool
            let bytes: (Lab) -> [UInt8]
        }
        func record(_ lab: Lab, _ sequence: UInt64 = Lab.unix, at address: SocketAddress? = nil) -> PeerRecord {
            lab.record(MixSigner(seed: 500), address ?? site, sequence: sequence)
        }
        let rows: [Row] = [
            Row(name: "trailing byte", counter: .recordMalformed, isFault: true) { record($0).encoded + [0] },
            Row(name: "too short", counter: .recordMalformed, isFault: true) { _ in [1, 2, 3] },
            Row(name: "other network", counter: .recordMalformed, isFault: true) { lab in
                var content = record(lab).content
                content.networkTag = NetworkTag(NetworkID(repeating: 1))
                return content.signed(by: MixSigner(seed: 500), network: lab.network).encoded
            },
            Row(name: "three hours ahead", counter: .recordOutOfTime, isFault: false) {
                record($0, Lab.unix + 3 * 3_600_000).encoded
            },
            Row(name: "25 hours old", counter: .recordOutOfTime, isFault: false) {
                record($0, Lab.unix - 25 * 3_600_000).encoded
            },
            Row(name: "sequence at the end of numbers", counter: .recordOutOfTime, isFault: false) {
                record($0, .max).encoded
            },
            Row(name: "sequence 0", counter: .recordOutOfTime, isFault: false) { record($0, 0).encoded },
            Row(name: "older than known", counter: .recordOld, isFault: false) { lab in
                lab.record(lab.peers[0].signer, lab.peers[0].address, sequence: Lab.unix - 1).encoded
            },
            Row(name: "below the teller's scope", counter: .recordUnusable, isFault: false) { lab in
                lab.record(MixSigner(seed: 500), SocketAddress(v4: 0x7f00_0001, port: 1), sequence: Lab.unix).encoded
            },
            Row(name: "forged", counter: .recordForged, isFault: true) { lab in
                var bytes = record(lab).encoded
                bytes[bytes.count - 1] ^= 1
                return bytes
            },
        ]
        for row in rows {
            let lab = Lab(2)
            lab.link(0)
            lab.link(1)
            _ = lab.take()
            let before = lab.core.book.count
            lab.say(1, .records(RecordsPart(purpose: .push, records: [row.bytes(lab)])))
            #expect(lab.core.counters[row.counter] == 1, "\(row.name)")
            #expect(lab.core.book.count == before, "\(row.name)")
            #expect(lab.effects.contains(.hangUp(lab.index(1), .protocolError)) == row.isFault, "\(row.name)")
            #expect(lab.events.contains(.linkDown(lab.index(1), .protocolError)) == row.isFault, "\(row.name)")
            #expect(lab.core.isBarred(lab.peers[1].id) == row.isFault, "\(row.name)")
        }
    }

    /// Shows GP-18 to GP-20: the same record again does nothing; a newer one with new content raises one `member`, a
    /// mere refresh none; what is admitted is verified only once.
    @Test func repeats() {
        let lab = Lab(1)
        lab.link(0)
        let signer = MixSigner(seed: 500)
        func members() -> Int { lab.events.filter { if case .member = $0 { true } else { false } }.count }
        func verifications() -> Int { lab.effects.filter { if case .verifyRecords = $0 { true } else { false } }.count }
        _ = lab.take()
        lab.push(0, [lab.record(signer, site, sequence: Lab.unix)])
        #expect(members() == 1 && verifications() == 1)
        lab.push(0, [lab.record(signer, site, sequence: Lab.unix)])
        #expect(members() == 1 && verifications() == 1)
        lab.push(0, [lab.record(signer, site, sequence: Lab.unix + 1)])
        #expect(members() == 1 && verifications() == 2)
        lab.push(0, [lab.record(signer, site, sequence: Lab.unix + 2, status: .draining)])
        #expect(members() == 2)
    }

    /// Shows 3.6: two valid records of one sequence are proof; the author is banned, the proof raised once.
    @Test func equivocation() {
        let lab = Lab(2)
        lab.link(0)
        lab.link(1)
        let other = lab.record(lab.peers[1].signer, site, sequence: Lab.unix)
        _ = lab.take()
        lab.push(0, [other])
        #expect(
            lab.events.contains(
                .equivocation(EquivocationProof(first: lab.peers[1].record, second: other))))
        #expect(lab.events.contains(.linkDown(lab.index(1), .banned)))
        #expect(lab.effects.contains(.hangUp(lab.index(1), .banned)))
        #expect(lab.core.isBarred(lab.peers[1].id))
        lab.push(0, [other])
        #expect(lab.core.counters[.recordEquivocated] == 1)
        #expect(lab.core.counters[.recordUnwanted] == 1)
    }

    /// Shows GP-24: what a global teller says gives only global endpoints; a site teller lowers the floor, and then the
    /// site endpoint is dialled too; nothing goes over a session whose scope exceeds all endpoints.
    @Test func scopes() {
        let lab = Lab(2)
        lab.addPeer(2, address: global)
        lab.connect(2, remote: global)
        let signer = MixSigner(seed: 500)
        let both = UnsignedRecord(
            networkTag: NetworkTag(lab.network), key: signer.publicKey, sequence: Lab.unix, reach: .open,
            endpoints: [Endpoint(SocketAddress(v4: 0x0909_0909, port: 7717)), Endpoint(site), Endpoint(host)]
        ).signed(by: signer, network: lab.network)
        let subject = lab.hashing.peerID(of: signer.publicKey)
        lab.push(2, [both])
        #expect(lab.core.book[subject]?.usableEndpoints.map(\.address.scope) == [.global])
        lab.connect(0)
        lab.push(0, [both])
        #expect(lab.core.book[subject]?.usableEndpoints.count == 2)
        let local = lab.record(MixSigner(seed: 501), site, sequence: Lab.unix)
        lab.push(2, [local])
        #expect(lab.core.counters[.recordUnusable] == 1)
        lab.link(2)
        _ = lab.take()
        lab.push(0, [local])
        #expect(lab.parts(to: 2).isEmpty, "a site record does not go over a global session")
    }

    /// Shows GP-57 and GP-35: an admitted record goes to every link but the teller and the subject, once per sequence,
    /// hops + 1, up to the limit; answers are not forwarded.
    @Test func forwarding() {
        let lab = Lab(4)
        for i in 0..<4 { lab.link(i) }
        _ = lab.take()
        let newer = lab.record(lab.peers[3].signer, lab.peers[3].address, sequence: Lab.unix + 5)
        lab.push(0, [newer], .forward, hops: 0)
        #expect(lab.parts(to: 0).isEmpty && lab.parts(to: 3).isEmpty)
        for i in [1, 2] {
            #expect(lab.parts(to: i).map(\.hops) == [1])
            #expect(lab.parts(to: i)[0].records == [newer.encoded])
            #expect(lab.parts(to: i)[0].purpose == .forward)
        }
        lab.push(1, [newer], .forward, hops: 0)
        #expect(lab.parts(to: 2).count == 1)
        _ = lab.take()
        let next = lab.record(lab.peers[3].signer, lab.peers[3].address, sequence: Lab.unix + 6)
        lab.push(0, [next], .forward, hops: 1)
        #expect(lab.parts(to: 1).isEmpty, "full mesh: one hop")
        lab.core.isFullMesh = false
        #expect(lab.core.hopLimit == 3)
    }

    /// Shows that a large network hears of a newcomer from its links, once each, and not from everybody whom it met.
    @Test func largeNetworksHearOfNewcomersFromTheirLinks() {
        var limits = GossipLimits.production
        limits.fullMeshPeersMax = 1
        limits.fullMeshLeavePeersMax = 1
        limits.hopsLargePeersMin = 2
        let lab = Lab(3, limits: limits)
        lab.link(0)
        lab.link(1)
        _ = lab.take()
        lab.connect(2)
        let newer = lab.record(lab.peers[2].signer, lab.peers[2].address, sequence: Lab.unix + 5)
        lab.push(2, [newer])
        #expect(lab.core.isLarge && lab.core.hopLimit == 1)
        #expect(lab.parts(to: 0).isEmpty && lab.parts(to: 1).isEmpty, "it is no link")
        lab.link(2)
        for i in [0, 1] {
            #expect(lab.parts(to: i).filter { $0.purpose == .forward }.map(\.records) == [[newer.encoded]])
        }
        let later = lab.record(lab.peers[2].signer, lab.peers[2].address, sequence: Lab.unix + 6)
        lab.push(2, [later])
        #expect(lab.parts(to: 0).last?.records == [later.encoded], "a link's change goes on")
        let far = lab.record(MixSigner(seed: 810), site, sequence: Lab.unix)
        lab.push(0, [far], .forward, hops: 1)
        #expect(lab.parts(to: 1).last?.records == [later.encoded], "one hop")
    }

    /// Shows that a stranger's record that is not new is kept and not passed on: it is told again because somebody
    /// evicted it, not because it changed. Issued lately, or newer than the known one, it goes on.
    @Test func oldStrangers() {
        let lab = Lab(3)
        for i in 0..<3 { lab.link(i) }
        _ = lab.take()
        let age = UInt64(lab.core.limits.forwardAgeMax.milliseconds)
        let old = lab.record(MixSigner(seed: 800), site, sequence: Lab.unix - age - 1_000)
        lab.push(0, [old], .forward)
        #expect(lab.core.book[lab.hashing.peerID(of: old.key)] != nil)
        #expect(lab.parts(to: 1).isEmpty)
        let newer = lab.record(MixSigner(seed: 800), site, sequence: Lab.unix - age - 500)
        lab.push(0, [newer], .forward)
        #expect(lab.parts(to: 1).map(\.records) == [[newer.encoded]])
        let fresh = lab.record(MixSigner(seed: 801), site.with(port: 9), sequence: Lab.unix - age + 60_000)
        lab.push(0, [fresh], .forward)
        #expect(lab.parts(to: 1).count == 2)
    }

    /// Shows the forwarding budget: 10 at once, the rest at 10 a second, one record per subject.
    @Test func forwardingBudget() {
        let lab = Lab(2)
        lab.link(0)
        lab.link(1)
        lab.advance(.seconds(2))
        _ = lab.take()
        for n in 0..<30 {
            let at = SocketAddress(v4: 0x0a00_0700 + UInt32(n), port: 7717)
            lab.push(0, [lab.record(MixSigner(seed: UInt64(600 + n)), at, sequence: Lab.unix)])
        }
        #expect(lab.parts(to: 1).count == 10)
        lab.advance(.milliseconds(1_050))
        #expect(lab.parts(to: 1).count == 20)
        lab.advance(.milliseconds(1_050))
        #expect(lab.parts(to: 1).count == 30)
    }

    /// Shows Pull (9.2, GP-65, GP-57): only own, linked and verified rows are given, never the asker's; at most 4 parts
    /// of 4; a second Pull within 5 s gets nothing; `ask` names what the asker has newer.
    @Test func answering() {
        let lab = Lab(22)
        for i in 0..<20 { lab.link(i) }
        lab.push(1, [lab.record(MixSigner(seed: 700), site, sequence: Lab.unix)])
        #expect(lab.core.book.count == 21)
        lab.advance(.seconds(1))
        _ = lab.take()
        let known = lab.peers[5]
        let stranger = PeerPrefix(PeerID(repeating: 0xee))
        let start = PeerPrefix(word: 0)
        let entries = [
            Pull.Known(prefix: PeerPrefix(known.id), sequence: known.record.sequence),
            Pull.Known(prefix: stranger, sequence: Lab.unix),
        ].sorted { $0.prefix < $1.prefix }
        let pull = Pull(
            request: 44, want: 16, start: start, end: PeerPrefix(word: .max), known: entries)
        lab.say(0, .pull(pull))
        let parts = lab.parts(to: 0)
        #expect(parts.count == 4)
        #expect(parts.map(\.part) == [0, 1, 2, 3] && parts.allSatisfy { $0.parts == 4 && $0.request == 44 })
        let given = parts.flatMap(\.records).compactMap { try? PeerRecord(decoding: $0) }
        #expect(given.count == 16)
        let keys = Set(given.map(\.key))
        #expect(keys.count == 16)
        #expect(!keys.contains(lab.peers[0].signer.publicKey))
        #expect(!keys.contains(known.signer.publicKey))
        #expect(!keys.contains(MixSigner(seed: 700).publicKey), "never verified by us")
        #expect(parts.flatMap(\.ask) == [stranger])
        lab.say(0, .pull(pull))
        #expect(lab.core.counters[.pullTooSoon] == 1)
        #expect(lab.parts(to: 0).count == 4)
    }

    /// Shows GP-73: answers need an open request younger than 3 s, the announced number of parts, each once.
    @Test func unaskedAnswers() {
        let lab = Lab(2)
        lab.link(0)
        lab.connect(1)
        _ = lab.take()
        lab.core.pull(from: lab.index(0), want: 16)
        lab.give(.timeout)
        guard case .pull(let pull)? = lab.messages(to: 0).last else {
            Issue.record("no pull")
            return
        }
        let record = lab.record(MixSigner(seed: 500), site, sequence: Lab.unix)
        func answer(_ i: Int, _ request: UInt16, part: UInt8 = 0, parts: UInt8 = 2) {
            lab.say(
                i,
                .records(
                    RecordsPart(
                        request: request, part: part, parts: parts, purpose: .answer, records: [record.encoded])))
        }
        answer(0, pull.request &+ 1)
        answer(1, pull.request)
        #expect(lab.core.counters[.answerUnasked] == 2)
        answer(0, pull.request)
        #expect(lab.core.book.count == 3)
        answer(0, pull.request)
        answer(0, pull.request, part: 1, parts: 3)
        #expect(lab.core.counters[.answerUnasked] == 4)
        lab.advance(.seconds(4))
        answer(0, pull.request, part: 1)
        #expect(lab.core.counters[.answerUnasked] == 5)
    }

    /// Shows our own Pull: the slice starts at random and wraps; with few rows it is the whole circle, with many it
    /// ends at the 64th.
    @Test func asking() {
        let lab = Lab(90)
        for i in 0..<90 { lab.connect(i) }
        #expect(lab.core.book.count > 64)
        _ = lab.take()
        lab.core.pull(from: lab.index(0), want: 16)
        lab.give(.timeout)
        guard case .pull(let pull)? = lab.messages(to: 0).last(where: { if case .pull = $0 { true } else { false } }) else {
            Issue.record("no pull")
            return
        }
        #expect(pull.known.count == 64)
        #expect(pull.end == pull.known.last?.prefix)
        #expect(pull.known.allSatisfy { pull.covers($0.prefix) })
        let decoded = try? Compound(decoding: Compound([.pull(pull)]).encoded)
        #expect(decoded?.messages == [.pull(pull)])
    }

    /// Shows GP-50: a leave replaces the row, no older record revives it, the leave goes to who still lists the record
    /// before, and a newer record brings the peer back.
    @Test func leaves() {
        let lab = Lab(3)
        for i in 0..<3 { lab.link(i) }
        _ = lab.take()
        let leave = lab.record(lab.peers[2].signer, nil, sequence: Lab.unix + 1, status: .left)
        lab.push(2, [leave])
        #expect(lab.events.contains(.memberLeft(lab.index(2))))
        #expect(lab.events.contains(.linkDown(lab.index(2), .leaving)))
        #expect(lab.parts(to: 0).count == 1)
        lab.push(0, [lab.peers[2].record])
        #expect(lab.core.book[lab.peers[2].id]?.isLeft == true)
        #expect(lab.core.counters[.recordOld] == 1)
        _ = lab.take()
        func pull(_ i: Int, _ known: [Pull.Known]) -> [PeerRecord] {
            lab.say(
                i, .pull(Pull(request: 1, want: 16, start: PeerPrefix(word: 0), end: PeerPrefix(word: .max), known: known)))
            return lab.parts(to: i).flatMap(\.records).compactMap { try? PeerRecord(decoding: $0) }
        }
        #expect(!pull(0, []).contains(leave), "no news for who never heard of it")
        let old = Pull.Known(prefix: PeerPrefix(lab.peers[2].id), sequence: Lab.unix)
        #expect(pull(1, [old]).contains(leave))
        lab.push(0, [lab.record(lab.peers[2].signer, lab.peers[2].address, sequence: Lab.unix + 2)])
        #expect(lab.core.book[lab.peers[2].id]?.isLeft == false)
    }

    /// Shows 9.4: a Ping that holds an older record of ours gets it; a peer that claims an older sequence than we hold
    /// is shown its own record.
    @Test func staleness() {
        let lab = Lab(1)
        lab.link(0)
        lab.advance(.seconds(3))
        _ = lab.take()
        func ping(mine: UInt64, yours: UInt64) {
            lab.say(0, .ping(Ping(probe: 5, sinceHeard: 1, flags: .linked, mySequence: mine, yourSequence: yours)))
        }
        let own = lab.core.own.published!
        ping(mine: Lab.unix, yours: own.sequence)
        #expect(lab.parts(to: 0).isEmpty)
        ping(mine: Lab.unix, yours: own.sequence - 1)
        #expect(lab.parts(to: 0).map(\.records) == [[own.encoded]])
        lab.advance(.seconds(3))
        _ = lab.take()
        ping(mine: Lab.unix - 9, yours: own.sequence)
        #expect(lab.parts(to: 0).map(\.records) == [[lab.peers[0].record.encoded]])
    }

    /// Shows that nobody can raise our own sequence but ourselves: a forged own record changes nothing, a true one with
    /// a higher sequence makes us issue the next.
    @Test func ownRecordShownToUs() {
        let lab = Lab(2)
        lab.link(0)
        lab.link(1)
        let now = lab.core.own.published!.sequence
        var forged = lab.record(lab.own, site, sequence: now + 100).encoded
        forged[forged.count - 1] ^= 1
        lab.say(0, .records(RecordsPart(purpose: .push, records: [forged])))
        #expect(lab.core.own.published!.sequence == now)
        lab.push(1, [lab.record(lab.own, site, sequence: now + 100)])
        #expect(lab.core.own.published!.sequence == now + 101)
    }

    /// Shows the budget per teller: 64 at once, then 30 a minute.
    @Test func tellerBudget() {
        let lab = Lab(1)
        lab.link(0)
        for n in 0..<80 {
            lab.push(0, [lab.record(MixSigner(seed: UInt64(800 + n)), site.with(port: UInt16(1 + n)), sequence: Lab.unix)])
        }
        #expect(lab.core.counters[.recordTellerBudget] == 80 - 64)
        #expect(lab.core.book.count == 65)
        lab.advance(.milliseconds(2_100))
        lab.push(0, [lab.record(MixSigner(seed: 999), site, sequence: Lab.unix)])
        #expect(lab.core.book.count == 66)
    }

    /// Shows a full book: heard rows give way, links and sessions never.
    @Test func fullBook() {
        let lab = Lab(4, limits: .tiny)
        for i in 0..<4 { lab.connect(i) }
        for n in 0..<32 {
            lab.advance(.milliseconds(100))
            lab.push(n % 4, [lab.record(MixSigner(seed: UInt64(800 + n)), site.with(port: UInt16(1 + n)), sequence: Lab.unix)])
        }
        #expect(lab.core.book.count == 16)
        #expect(lab.core.counters[.bookEvicted] > 0)
        for i in 0..<4 { #expect(lab.core.book[lab.peers[i].id] != nil) }
    }

    /// Shows ageing: heard rows go after half an hour, expired ones are no longer live or given, lost ones after 30 days.
    @Test func ageing() {
        let lab = Lab(2)
        lab.link(0)
        lab.give(.sessionDown(lab.index(0), .datagram, .stopping))
        let heard = lab.record(MixSigner(seed: 500), site, sequence: Lab.unix)
        lab.connect(1)
        lab.push(1, [heard])
        for _ in 0..<3 { lab.jump(.seconds(700)) }
        #expect(lab.core.book[lab.hashing.peerID(of: heard.key)] == nil)
        #expect(lab.core.book[lab.peers[0].id]?.isUnreachable == true)
        for _ in 0..<31 { lab.jump(.seconds(86_400)) }
        #expect(lab.core.book[lab.peers[0].id] == nil)
        #expect(lab.events.contains(.memberExpired(lab.index(0))))
    }
}
