import Basis
import Records
import TestKit
import Testing
import Trust

@testable import Gossip

/// The failure detector (`gossip.md` 8), one core against peers played by the test.
@Suite struct ProbeTests {
    /// Answers everything that the core asks of peers other than `silent` and lets time pass.
    static func live(_ lab: Lab, _ span: Interval, except silent: Set<Int>, helpersAnswer: Bool = true) {
        let end = lab.now + span
        var seen = lab.effects.count
        while lab.now < end {
            let next = lab.core.nextDeadline ?? end
            lab.now = max(lab.now, min(next, end))
            if next <= end { lab.give(.timeout) }
            while seen < lab.effects.count {
                let effect = lab.effects[seen]
                seen += 1
                guard case .send(let peer, let messages, _) = effect,
                    let i = lab.peers.firstIndex(where: { lab.core.directory.index(of: $0.id) == peer }),
                    !silent.contains(i)
                else { continue }
                for message in messages {
                    switch message {
                    case .ping(let ping): lab.ack(i, ping.probe)
                    case .pingRequest(let request) where helpersAnswer:
                        lab.say(
                            i,
                            .indirectAck(
                                IndirectAck(
                                    probe: request.probe, target: PeerPrefix(request.target),
                                    verdict: .noAnswer, rttMilliseconds: 0)))
                    default: break
                    }
                }
            }
        }
    }

    static func linked(_ n: Int, main: Bool = false) -> Lab {
        let lab = Lab(n)
        for i in 0..<n { lab.link(i, main: main) }
        _ = lab.take()
        return lab
    }

    /// Shows the rounds (GP-04, GP-14): one Ping, then two rounds of doubted Pings (two each), each with requests to 3
    /// distinct live helpers that are not the target; then `linkDown(silent)` between 8.5 and 10.5 s after the last
    /// evidence, the session hung up, and the peer unreachable.
    @Test func roundsOfASilentPeer() {
        let lab = Self.linked(6)
        let start = lab.now
        Self.live(lab, .seconds(12), except: [0])
        let pings = lab.pings(to: 0)
        #expect(pings.count == 5)
        #expect(pings.map { $0.flags.contains(.doubted) } == [false, true, true, true, true])
        #expect(pings.allSatisfy { $0.flags.contains(.linked) })
        let requests = lab.pingRequests
        #expect(requests.count == 6)
        for round in [requests.prefix(3), requests.suffix(3)] {
            #expect(Set(round.map(\.peer)).count == 3)
            #expect(round.allSatisfy { $0.peer != lab.index(0) && $0.request.target == lab.peers[0].id })
        }
        // 5 helpers: the second round asks the two that were not asked first.
        #expect(Set(requests.map(\.peer)).count == 5)
        #expect(lab.events.filter { if case .linkDown = $0 { true } else { false } } == [.linkDown(lab.index(0), .silent)])
        #expect(lab.events.contains(.memberLost(lab.index(0))))
        #expect(lab.effects.contains(.hangUp(lab.index(0), .silent)))
        #expect(lab.core.book[lab.peers[0].id]?.isUnreachable == true)
        #expect(lab.core.probing.health == 0)
        _ = start
    }

    /// Shows GP-05: with fewer than 3 possible helpers all are asked, with none the rounds still end on time.
    @Test(arguments: [1, 2, 3]) func fewHelpers(n: Int) {
        let lab = Self.linked(n)
        Self.live(lab, .milliseconds(11_000), except: [0])
        #expect(lab.pingRequests.count == (n - 1) * 2)
        #expect(lab.events.contains(.linkDown(lab.index(0), .silent)))
    }

    /// Shows GP-06: helpers that answer anything leave our health alone, helpers that say nothing raise it, and health
    /// multiplies the round.
    @Test func silentHelpers() {
        let lab = Self.linked(4)
        Self.live(lab, .seconds(12), except: [0], helpersAnswer: true)
        #expect(lab.core.probing.health == 0)
        #expect(lab.core.roundTime == .milliseconds(1_500))
        let other = Self.linked(4)
        Self.live(other, .seconds(9), except: [0], helpersAnswer: false)
        #expect(other.core.probing.health >= 1)
        #expect(other.core.roundTime >= .milliseconds(3_000))
    }

    /// Shows that helpers that died together with the target say nothing about us (8.3): of ten links eight fall silent
    /// at once, our health stays 0, and all eight are given up within the 10.5 s of one silent peer.
    @Test func helpersThatDiedToo() {
        let lab = Self.linked(10)
        Self.live(lab, .seconds(10), except: [])
        #expect(lab.core.links.count == 10)
        Self.live(lab, .milliseconds(10_600), except: Set(0..<8))
        #expect(lab.core.probing.health == 0)
        #expect((0..<8).allSatisfy { lab.events.contains(.linkDown(lab.index($0), .silent)) })
        #expect((8..<10).allSatisfy { lab.core.links[lab.index($0)]?.isUp == true })
    }

    /// Shows GP-07 and GP-09: answers with unknown numbers, from peers not asked, or repeated change nothing.
    @Test func strayAnswers() {
        let lab = Self.linked(4)
        Self.live(lab, .milliseconds(8_000), except: [0])
        guard let asked = lab.pingRequests.first else {
            Issue.record("nobody was asked")
            return
        }
        let before = lab.core.links[lab.index(0)]!.probe
        func reached(_ probe: UInt32) -> PeerMessage {
            .indirectAck(
                IndirectAck(
                    probe: probe, target: PeerPrefix(lab.peers[0].id), verdict: .reached, rttMilliseconds: 5))
        }
        lab.say(1, reached(asked.request.probe &+ 1_000_000))
        lab.say(0, reached(asked.request.probe))
        #expect(lab.core.counters[.indirectAckUnknown] == 2)
        lab.ack(0, 1_234_567)
        #expect(lab.core.counters[.ackUnknown] == 1)
        #expect(lab.core.links[lab.index(0)]!.probe.phase == before.phase)
        let ping = lab.pings(to: 0).last!
        lab.ack(0, ping.probe)
        #expect(lab.core.links[lab.index(0)]!.probe.phase == .quiet)
        lab.ack(0, ping.probe)
        #expect(lab.core.counters[.ackUnknown] == 2)
    }

    /// Shows that a helper's `reached` ends the rounds without ending the doubt: after 60 s of nothing else the link is
    /// `oneWay`.
    @Test func oneWay() {
        let lab = Self.linked(4)
        let end = lab.now + .seconds(90)
        var answered = 0
        while lab.now < end, lab.core.links[lab.index(0)] != nil {
            Self.live(lab, .milliseconds(100), except: [0], helpersAnswer: false)
            for entry in lab.pingRequests.dropFirst(answered) {
                answered += 1
                let helper = (0..<4).first { lab.index($0) == entry.peer }!
                lab.say(
                    helper,
                    .indirectAck(
                        IndirectAck(
                            probe: entry.request.probe, target: PeerPrefix(lab.peers[0].id), verdict: .reached,
                            rttMilliseconds: 5)))
            }
        }
        #expect(lab.events.contains(.linkDown(lab.index(0), .oneWay)))
        #expect(lab.now < end)
    }

    /// Shows GP-10: a PONG keeps the link though datagrams are silent; it becomes streamOnly with one `pathChanged`,
    /// Pings go over the stream, and an Ack by datagram brings the path back.
    @Test func streamFallback() {
        let lab = Self.linked(3, main: true)
        var changes: [MembershipEvent] = []
        for _ in 0..<120 {
            lab.effects = []
            Self.live(lab, .milliseconds(100), except: [0])
            for effect in lab.effects {
                if case .streamPing(let peer, let probe) = effect { lab.give(.streamPong(peer, probe: probe)) }
                // What goes over the stream is answered.
                if case .send(let peer, let messages, .main) = effect, peer == lab.index(0) {
                    for message in messages {
                        if case .ping(let ping) = message {
                            lab.say(
                                0,
                                .ack(
                                    Ack(
                                        probe: ping.probe, flags: .linked, mySequence: lab.peers[0].record.sequence,
                                        yourSequence: 0)), via: .main)
                        }
                    }
                }
            }
            changes += lab.events.filter { if case .pathChanged = $0 { true } else { false } }
        }
        #expect(changes == [.pathChanged(lab.index(0), datagram: false, main: true)])
        #expect(lab.core.links[lab.index(0)]?.isUp == true)
        #expect(lab.core.sessions[lab.index(0)]?.isStreamOnly == true)
        _ = lab.take()
        lab.core.ping(lab.index(0), via: .datagram)
        lab.give(.timeout)
        let probe = lab.pings(to: 0).last!.probe
        lab.ack(0, probe)
        #expect(lab.events == [.pathChanged(lab.index(0), datagram: true, main: true)])
    }

    /// Shows GP-11: with the fallback off for a peer, a PONG counts for nothing.
    @Test func fallbackSwitchedOff() {
        let lab = Self.linked(3, main: true)
        lab.give(.policy(PeerPolicy(withoutStreamFallback: [lab.peers[0].id])))
        Self.live(lab, .seconds(12), except: [0])
        #expect(!lab.effects.contains { if case .streamPing(let p, _) = $0 { p == lab.index(0) } else { false } })
        #expect(lab.events.contains(.linkDown(lab.index(0), .silent)))
    }

    /// Shows GP-15: a link that ends during a round asks nobody any more.
    @Test func endDuringRound() {
        let lab = Self.linked(5)
        Self.live(lab, .milliseconds(6_200), except: [0])
        lab.say(0, .linkClose(.surplus, retrySeconds: 60))
        _ = lab.take()
        Self.live(lab, .seconds(10), except: [0])
        #expect(lab.pingRequests.isEmpty)
        #expect(lab.pings(to: 0).isEmpty)
        #expect(lab.core.book[lab.peers[0].id]?.isVerified == true, "surplus keeps it a candidate")
    }

    /// Shows GP-16: a new boot nonce drops the link as `restarted` and asks again at once; old numbers mean nothing.
    @Test func restartDuringRound() {
        let lab = Self.linked(3)
        Self.live(lab, .milliseconds(8_000), except: [0])
        let old = lab.pings(to: 0).last!.probe
        _ = lab.take()
        lab.connect(0, bootNonce: 2)
        #expect(lab.events.contains(.linkDown(lab.index(0), .restarted)))
        #expect(lab.messages(to: 0).contains { if case .linkRequest = $0 { true } else { false } })
        lab.ack(0, old)
        #expect(lab.core.counters[.ackUnknown] == 1)
        #expect(lab.core.links[lab.index(0)]?.phase == .requested)
    }

    /// Shows that a lost main connection brings round 2 forward, and that an Ack settles it.
    @Test func brokenPath() {
        let lab = Self.linked(4, main: true)
        lab.give(.sessionDown(lab.index(0), .main, .silent))
        #expect(lab.pings(to: 0).last?.flags.contains(.doubted) == true)
        #expect(lab.pingRequests.count == 3)
        lab.ack(0, lab.pings(to: 0).last!.probe)
        #expect(lab.core.links[lab.index(0)]?.probe.phase == .quiet)
    }

    /// Shows 8.3: two links that doubt us within 30 s raise our health value by one; one link alone does not.
    @Test func doubtedByTwo() {
        let lab = Self.linked(4)
        lab.ping(0, flags: [.linked, .doubted])
        lab.ping(0, flags: [.linked, .doubted])
        #expect(lab.core.probing.health == 0)
        lab.ping(1, flags: [.linked, .doubted])
        #expect(lab.core.probing.health == 1)
        for i in 0..<4 { lab.ping(i, flags: [.linked, .doubted]) }
        for i in 0..<4 { lab.ping(i, flags: [.linked, .doubted]) }
        #expect(lab.core.probing.health <= 3)
    }

    /// Shows the helper's side (8.2): one Ping for a request, `reached` with a round trip or `noAnswer` at 0.8 of the
    /// round, `noSession` at once, shared Pings, and `overBudget`.
    @Test func beingAHelper() {
        let lab = Self.linked(6)
        lab.addPeer(6)
        func ask(_ i: Int, _ probe: UInt32, target: Int) {
            lab.say(
                i, .pingRequest(PingRequest(probe: probe, target: lab.peers[target].id, roundMilliseconds: 1_500)))
        }
        func verdicts(_ i: Int) -> [IndirectAck.Verdict] {
            lab.messages(to: i).compactMap { if case .indirectAck(let ack) = $0 { ack.verdict } else { nil } }
        }
        ask(1, 11, target: 0)
        ask(2, 12, target: 0)
        #expect(lab.pings(to: 0).count == 1, "one Ping for both")
        #expect(lab.pings(to: 0).first?.flags.contains(.helper) == true)
        lab.now += .milliseconds(40)
        lab.ack(0, lab.pings(to: 0)[0].probe)
        #expect(verdicts(1) == [.reached] && verdicts(2) == [.reached])
        ask(3, 13, target: 6)
        #expect(verdicts(3) == [.noSession])
        _ = lab.take()
        lab.advance(.milliseconds(1_100))
        ask(1, 14, target: 0)
        lab.advance(.milliseconds(1_190))
        #expect(verdicts(1).isEmpty)
        lab.advance(.milliseconds(20))
        #expect(verdicts(1) == [.noAnswer])
        ask(4, 15, target: 0)
        ask(4, 16, target: 0)
        #expect(verdicts(4) == [.overBudget], "two requests within a second")
        ask(5, 17, target: 5)
        #expect(lab.core.counters[.messageNotLinked] == 1)
    }

    /// Shows that a late timer restarts open rounds: after a pause nobody is given up at once.
    @Test func lateTimer() {
        let lab = Self.linked(3)
        Self.live(lab, .milliseconds(8_500), except: [0])
        #expect(lab.core.links[lab.index(0)]!.probe.round >= 2)
        lab.now += .seconds(30)
        lab.give(.timeout)
        #expect(lab.core.links[lab.index(0)]?.isUp == true)
        #expect(lab.core.links[lab.index(0)]?.probe.round == 1)
        #expect(lab.core.counters[.timerLate] == 1)
    }
}
