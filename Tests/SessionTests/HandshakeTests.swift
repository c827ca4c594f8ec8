import Basis
import Records
import Session
import TestKit
import Testing
import Trust

@Suite struct HandshakeTests {
    func ping(_ n: UInt32) -> PeerMessage {
        .ping(Ping(probe: n, sinceHeard: 0, mySequence: 1, yourSequence: 1))
    }

    /// Shows the whole way on a quiet network: four packets, both ends up, facts true, messages both ways.
    @Test func datagramSession() {
        let rig = SessionRig()
        let (a, b) = (rig.add(), rig.add())
        rig.dial(a, b, ticket: 1, expecting: rig.id(b))
        rig.run(for: .seconds(1))
        let up = rig.ups(a, .datagram)
        #expect(up.count == 1 && up.first?.0 == rig.id(b))
        let facts = up.first?.1
        #expect(facts?.isOutbound == true && facts?.ticket == Ticket(1) && facts?.version == 1)
        #expect(facts?.observed == rig.nodes[a].address && facts?.remote == rig.nodes[b].address)
        #expect(facts?.bootNonce == 101 && facts?.record?.value.sequence == 5 && facts?.hasRestarted == false)
        #expect(rig.ups(b, .datagram).first?.0 == rig.id(a))
        #expect(rig.ups(b, .datagram).first?.1.isOutbound == false)
        rig.give(a, .send(rig.id(b), [ping(1)], via: .best))
        rig.give(b, .send(rig.id(a), [ping(2), ping(3)], via: .datagram))
        rig.run(for: .seconds(1))
        #expect(rig.delivered(b) == [ping(1)] && rig.delivered(a) == [ping(2), ping(3)])
        // Hello, Retry, Hello, Accept, Confirm, Ready, two of messages.
        #expect(rig.transmitted == 8)
    }

    /// Shows that dials end up or fail within 5 s under loss, duplicates and reordering, that both ends then agree, and
    /// that nothing is delivered twice. From 40 seeds.
    @Test func lossyNetwork() {
        var ups = 0
        for seed in 0..<40 {
            let rig = SessionRig(seed: UInt64(seed))
            let (a, b) = (rig.add(), rig.add())
            rig.weather = .init(lossPerMille: 150, duplicatesPerMille: 300, delayMilliseconds: 1...400)
            rig.dial(a, b, ticket: 1)
            rig.run(for: .seconds(6))
            let isUp = !rig.ups(a, .datagram).isEmpty
            #expect(isUp != (rig.failures(a) == [.timeout]), "seed \(seed)")
            if !isUp { continue }
            ups += 1
            #expect(rig.ups(a, .datagram).count == 1 && rig.ups(b, .datagram).count == 1)
            for n in 0..<50 { rig.give(a, .send(rig.id(b), [ping(UInt32(n))], via: .best)) }
            rig.run(for: .seconds(2))
            let got = rig.delivered(b)
            #expect(Set(got).count == got.count && got.count > 25, "seed \(seed): \(got.count)")
        }
        #expect(ups > 25, "\(ups)")
    }

    /// Shows that a first contact learns the network from Retry, and that a wrong network is told (GP-32).
    @Test(arguments: [Path.datagram, .main])
    func networks(_ path: Path) {
        let rig = SessionRig()
        let (a, b) = (rig.add(network: nil), rig.add())
        rig.dial(a, b, path, ticket: 1)
        rig.run(for: .seconds(1))
        #expect(rig.ups(a, path).count == 1)
        rig.give(a, .network(SessionRig.network))
        rig.run(for: .seconds(1))
        #expect(rig.downs(a).isEmpty)
        let other = NetworkID(repeating: 9)
        rig.give(a, .network(other))
        rig.run(for: .seconds(1))
        #expect(rig.downs(a).map(\.0) == [path] && rig.downs(b).map(\.0) == [path])
        rig.clearLogs()
        rig.dial(a, b, path, ticket: 2)
        rig.run(for: .seconds(1))
        #expect(rig.failures(a) == [.wrongNetwork(SessionRig.network)])
        #expect(rig.ups(b, path).isEmpty)
    }

    /// Shows the refusals that a dialler is told on both carriers: wrong peer, versions, policy, itself (GP-08, GP-25,
    /// GP-31, GP-33).
    @Test(arguments: [Path.datagram, .main])
    func refusals(_ path: Path) {
        let rig = SessionRig()
        var newer = SessionLimits()
        newer.versionMin = 2
        newer.versionMax = 3
        var both = SessionLimits()
        both.versionMax = 2
        let (a, b, c, d) = (rig.add(), rig.add(), rig.add(limits: newer), rig.add(limits: both))
        rig.dial(a, b, path, ticket: 1, expecting: rig.id(c))
        rig.dial(a, c, path, ticket: 2)
        rig.dial(a, a, path, ticket: 3)
        rig.dial(d, c, path, ticket: 4)
        rig.run(for: .seconds(2))
        #expect(Set(rig.failures(a)) == [.wrongPeer, .wrongVersion(min: 2, max: 3), .selfDial])
        #expect(rig.ups(d, path).first?.1.version == 2, "the highest common version")
        rig.clearLogs()
        rig.give(b, .policy(isSilent: false, denied: [rig.id(a)]))
        rig.dial(a, b, path, ticket: 5)
        rig.dial(b, a, path, ticket: 6, expecting: rig.id(a))
        rig.run(for: .seconds(6))
        #expect(rig.failures(b) == [.policy] && rig.ups(b, path).isEmpty)
        #expect(rig.ups(a, path).isEmpty && rig.failures(a).count == 1)
        rig.clearLogs()
        rig.give(b, .policy(isSilent: true, denied: []))
        rig.dial(a, b, path, ticket: 7)
        rig.dial(b, d, path, ticket: 8)
        rig.run(for: .seconds(2))
        #expect(rig.failures(a) == [.policy], "silent: strangers are refused")
        #expect(rig.ups(b, path).count == 1, "silent: own dials go on")
    }

    /// Shows that nobody there, a closed port and a cancelled dial end as such, and leave nothing (no deadline).
    @Test func noAnswer() {
        let rig = SessionRig()
        let a = rig.add()
        let nobody = SocketAddress(v4: 0x0a00_00ff, port: 1)
        for (n, path) in [Path.datagram, .main].enumerated() {
            rig.give(
                a, .dial(Ticket(UInt64(n)), to: nobody, path: path, expecting: nil, network: nil))
        }
        rig.give(a, .dial(Ticket(7), to: nobody, path: .datagram, expecting: nil, network: nil))
        rig.give(a, .cancelDial(Ticket(7)))
        rig.run(for: .seconds(6))
        #expect(rig.failures(a) == [.cancelled, .connectionRefused, .timeout])
        #expect(rig.nodes[a].table.nextDeadline == nil)
        // Unproven: the first Hello and one more.
        #expect(rig.transmitted == 2 + 1)
    }

    /// Shows GP-70: a Hello without cookie costs one smaller Retry, equal within a minute; a wrong cookie gets nothing.
    @Test func cookies() {
        let rig = SessionRig()
        let (a, b) = (rig.add(), rig.add())
        var hellos: [[UInt8]] = []
        var retries: [[UInt8]] = []
        rig.tap = { from, bytes in
            if bytes.first == 0xd1 { hellos.append(bytes) }
            if bytes.first == 0xd2 { retries.append(bytes) }
            return from == a ? bytes : nil
        }
        rig.dial(a, b, ticket: 1)
        rig.run(for: .seconds(3))
        #expect(hellos.count == 2 && hellos[0] == hellos[1] && hellos[0].count == 1_200)
        #expect(retries.count == 2 && retries[0] == retries[1] && retries[0].count == 80)
        var wrong = Array(hellos[0].prefix(129))
        wrong.replaceSubrange(109..<129, with: retries[0][27..<47])
        wrong[128] ^= 1
        rig.clearLogs()
        rig.give(b, .datagram(wrong, from: rig.nodes[a].address, on: LocalSocket(1)))
        #expect(rig.nodes[b].log.isEmpty && rig.nodes[b].table.stats[.helloBadCookie] == 1)
        wrong[128] ^= 1
        rig.give(b, .datagram(wrong, from: SocketAddress(v4: 0x0a00_0099, port: 3), on: LocalSocket(1)))
        #expect(rig.nodes[b].log.isEmpty, "a cookie of another address")
        rig.give(b, .datagram(wrong, from: rig.nodes[a].address, on: LocalSocket(1)))
        #expect(rig.nodes[b].log.count == 1, "the right one gets Accept")
        rig.run(for: .seconds(150))
        rig.clearLogs()
        rig.give(b, .datagram(wrong, from: rig.nodes[a].address, on: LocalSocket(1)))
        #expect(!rig.nodes[b].log.contains { if case .transmit = $0 { true } else { false } }, "stale")
    }

    /// Shows GP-72: a Confirm with a bad signature leaves nothing, and the honest handshake that follows succeeds.
    @Test func forgedIdentity() {
        let rig = SessionRig()
        let (a, b) = (rig.add(), rig.add())
        // The initiator claims a record that is not its own.
        let foreign = UnsignedRecord(
            networkTag: NetworkTag(SessionRig.network), key: rig.crypto(b).publicKey, sequence: 9,
            reach: .client
        ).signed(by: rig.crypto(b).key, network: SessionRig.network)
        rig.give(a, .ownRecord(foreign))
        rig.dial(a, b, ticket: 1)
        rig.run(for: .seconds(6))
        #expect(rig.failures(a) == [.timeout] && rig.ups(b, .datagram).isEmpty)
        #expect(rig.nodes[b].table.stats[.handshakeForged] == 1)
        let own = UnsignedRecord(
            networkTag: NetworkTag(SessionRig.network), key: rig.crypto(a).publicKey, sequence: 9,
            reach: .client
        ).signed(by: rig.crypto(a).key, network: SessionRig.network)
        rig.give(a, .ownRecord(own))
        rig.dial(a, b, ticket: 2)
        rig.run(for: .seconds(6))
        #expect(rig.ups(a, .datagram).count == 1 && rig.ups(b, .datagram).count == 1)
    }

    /// Shows that a signature over anything but the transcript proves nothing, on either side and carrier, and that a
    /// record with a wrong signature is not believed though its key is right.
    @Test(arguments: [Path.datagram, .main])
    func forgedSignatures(_ path: Path) {
        let rig = SessionRig()
        let (forger, honest) = (rig.add(forges: true), rig.add())
        rig.dial(forger, honest, path, ticket: 1)
        rig.run(for: .seconds(6))
        rig.dial(honest, forger, path, ticket: 2)
        rig.run(for: .seconds(6))
        #expect(rig.ups(honest, path).isEmpty && rig.ups(forger, path).isEmpty)
        #expect(rig.failures(honest) == [.badSignature])
        #expect(rig.nodes[honest].table.stats[.handshakeForged] == 2)
        let teller = rig.add()
        let record = UnsignedRecord(
            networkTag: NetworkTag(SessionRig.network), key: rig.crypto(teller).publicKey, sequence: 9,
            reach: .client)
        rig.give(teller, .ownRecord(PeerRecord(record, signature: .zero)))
        rig.run(for: .seconds(1))
        rig.dial(teller, honest, path, ticket: 3)
        rig.run(for: .seconds(6))
        #expect(rig.ups(honest, path).isEmpty)
        #expect(rig.nodes[honest].table.stats[.handshakeForged] == 3)
    }

    /// Shows that a flipped bit anywhere in any handshake packet yields no session with wrong facts, and no trap.
    @Test func flippedBits() {
        for seed in 0..<60 {
            let rig = SessionRig(seed: UInt64(seed))
            let (a, b) = (rig.add(), rig.add())
            var dice = SeededGenerator(seed: UInt64(seed) + 900)
            rig.tap = { _, bytes in
                var bytes = bytes
                if Bool.random(using: &dice) {
                    bytes[Int.random(in: 0..<bytes.count, using: &dice)] ^=
                        1 << UInt8.random(in: 0..<8, using: &dice)
                }
                return bytes
            }
            rig.dial(a, b, ticket: 1)
            rig.run(for: .seconds(6))
            for (peer, facts) in rig.ups(a, .datagram) {
                #expect(peer == rig.id(b) && facts.version == 1 && facts.bootNonce == 101)
            }
            for (peer, _) in rig.ups(b, .datagram) { #expect(peer == rig.id(a)) }
        }
    }

    /// Shows "two sessions with one peer": after crossing dials each side counts one, opened by the smaller id, both
    /// tickets are answered, and messages arrive; a restarted peer replaces its session and is told apart.
    @Test(arguments: [Path.datagram, .main])
    func crossingDials(_ path: Path) {
        for seed in 0..<10 {
            let rig = SessionRig(seed: UInt64(seed))
            let (a, b) = (rig.add(), rig.add())
            rig.weather.delayMilliseconds = 1...80
            rig.dial(a, b, path, ticket: 1)
            rig.dial(b, a, path, ticket: 2)
            rig.run(for: .seconds(60))
            let (atA, atB) = (rig.ups(a, path).last?.1, rig.ups(b, path).last?.1)
            #expect(rig.ups(a, path).contains { $0.1.ticket == Ticket(1) })
            #expect(rig.ups(b, path).contains { $0.1.ticket == Ticket(2) })
            #expect(atA?.isOutbound == (rig.id(a) < rig.id(b)) && atB?.isOutbound == (rig.id(b) < rig.id(a)))
            #expect(rig.downs(a).isEmpty && rig.downs(b).isEmpty, "seed \(seed)")
            rig.give(a, .send(rig.id(b), [ping(1)], via: path == .main ? .main : .datagram))
            rig.give(b, .send(rig.id(a), [ping(2)], via: path == .main ? .main : .datagram))
            rig.run(for: .seconds(1))
            #expect(rig.delivered(a) == [ping(2)] && rig.delivered(b) == [ping(1)])
        }
    }

    /// Shows that crossing dials end with one session at both ends also where each end gives up its own dial as soon as
    /// the other's session is up, as the membership layer does: whatever the delays, what both send then arrives.
    @Test func crossingDialsGivenUp() {
        for seed in 0..<40 {
            let rig = SessionRig(seed: UInt64(seed))
            let (a, b) = (rig.add(), rig.add())
            rig.weather.delayMilliseconds = seed % 2 == 0 ? 5...5 : 1...40
            rig.whenCarried = { node, effect in
                guard case .sessionUp(_, let facts) = effect, !facts.isOutbound else { return }
                rig.give(node, .cancelDial(Ticket(UInt64(node) + 1)))
            }
            rig.dial(a, b, ticket: 1)
            rig.dial(b, a, ticket: 2)
            rig.run(for: .seconds(1))
            rig.give(a, .send(rig.id(b), [ping(1)], via: .datagram))
            rig.give(b, .send(rig.id(a), [ping(2)], via: .datagram))
            rig.run(for: .seconds(60))
            rig.give(a, .send(rig.id(b), [ping(3)], via: .datagram))
            rig.give(b, .send(rig.id(a), [ping(4)], via: .datagram))
            rig.run(for: .seconds(1))
            #expect(rig.delivered(a) == [ping(2), ping(4)] && rig.delivered(b) == [ping(1), ping(3)], "seed \(seed)")
            #expect(rig.downs(a).isEmpty && rig.downs(b).isEmpty, "seed \(seed)")
            for node in [a, b] {
                let isUnknown = rig.nodes[node].log.contains { if case .unknownSession = $0 { true } else { false } }
                #expect(!isUnknown, "seed \(seed)")
            }
        }
    }

    @Test func restart() {
        let rig = SessionRig()
        let (a, b) = (rig.add(), rig.add())
        rig.dial(a, b, ticket: 1)
        rig.run(for: .seconds(1))
        rig.restart(b, bootNonce: 777)
        rig.give(a, .send(rig.id(b), [ping(1)], via: .best))
        rig.run(for: .seconds(1))
        #expect(rig.nodes[a].log.contains(.unknownSession(rig.id(b))))
        rig.dial(a, b, ticket: 2)
        rig.run(for: .seconds(1))
        #expect(rig.ups(a, .datagram).map(\.1.hasRestarted) == [false, true])
        rig.give(a, .send(rig.id(b), [ping(2)], via: .best))
        rig.run(for: .seconds(1))
        #expect(rig.delivered(b).contains(ping(2)))
        // An Unknown that matches nothing we sent has no effect.
        rig.clearLogs()
        rig.give(a, .datagram([0xd7] + [UInt8](repeating: 0, count: 28), from: rig.nodes[b].address, on: .any))
        #expect(rig.nodes[a].log.isEmpty)
    }
}
