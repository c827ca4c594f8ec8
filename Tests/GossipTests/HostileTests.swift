import Basis
import Records
import TestKit
import Testing
import Trust
import Wire

@testable import Gossip

/// Whatever peers say in whatever order, nothing traps and no table passes its limit (STYLE 4.4, GP-84).
@Suite struct HostileTests {
    static func word(_ rng: inout SeededGenerator) -> UInt64 {
        switch Int.random(in: 0..<6, using: &rng) {
        case 0: 0
        case 1: .max
        case 2: Lab.unix
        case 3: Lab.unix + UInt64.random(in: 0...9_000_000, using: &rng)
        case 4: UInt64.random(in: 0...3, using: &rng)
        default: rng.next()
        }
    }

    static func message(_ rng: inout SeededGenerator, _ lab: Lab, _ i: Int) -> PeerMessage {
        func w() -> UInt64 { word(&rng) }
        func record() -> [UInt8] {
            let j = Int.random(in: 0..<lab.peers.count, using: &rng)
            let signer = Bool.random(using: &rng) ? lab.peers[j].signer : MixSigner(seed: w())
            let port = UInt16.random(in: 1...UInt16.max, using: &rng)
            let address = SocketAddress(v4: UInt32(truncatingIfNeeded: w()), port: port)
            let usable = address.scope > .invalid ? address : nil
            let made = lab.record(
                signer, usable, sequence: w(), status: usable == nil ? .left : .acceptingWork)
            var bytes = made.encoded
            if Int.random(in: 0..<4, using: &rng) == 0 { bytes[Int.random(in: 0..<bytes.count, using: &rng)] ^= 4 }
            return bytes
        }
        let target = Bool.random(using: &rng) ? lab.peers.randomElement(using: &rng)!.id : PeerID(repeating: 3)
        let flags = Ping.Flags(rawValue: UInt8.random(in: 0...7, using: &rng))
        switch Int.random(in: 0..<12, using: &rng) {
        case 0:
            return .ping(
                Ping(
                    probe: UInt32(truncatingIfNeeded: w()), sinceHeard: UInt16(truncatingIfNeeded: w()), flags: flags,
                    health: 3, mySequence: w(), yourSequence: w(), tip: ChainTip(height: w())))
        case 1:
            let known = lab.pings(to: i).last?.probe ?? 1
            return .ack(
                Ack(probe: Bool.random(using: &rng) ? known : UInt32(truncatingIfNeeded: w()), flags: flags,
                    mySequence: w(), yourSequence: w(), tip: ChainTip(height: w())))
        case 2: return .pingRequest(PingRequest(probe: UInt32(truncatingIfNeeded: w()), target: target, roundMilliseconds: 200))
        case 3:
            let asked = lab.pingRequests.last?.request.probe ?? 1
            return .indirectAck(
                IndirectAck(probe: asked, target: PeerPrefix(target), verdict: .reached, rttMilliseconds: .max))
        case 4: return .linkRequest(linkCount: UInt8.random(in: 0...24, using: &rng), isLowPriority: Bool.random(using: &rng))
        case 5: return .linkAccept(linkCount: 24)
        case 6: return .linkRefuse(.full, retrySeconds: 3_600)
        case 7: return .linkClose(CloseReason.allCases.randomElement(using: &rng)!, retrySeconds: 3_600)
        case 8:
            let start = w()
            return .pull(
                Pull(request: UInt16(truncatingIfNeeded: w()), want: UInt8.random(in: 1...16, using: &rng),
                    start: PeerPrefix(word: start), end: PeerPrefix(word: w()),
                    known: [Pull.Known(prefix: PeerPrefix(word: start), sequence: w())]))
        case 9:
            let purposes: [RecordsPart.Purpose] = [.answer, .push, .forward, .witnesses]
            return .records(
                RecordsPart(request: UInt16(truncatingIfNeeded: w()), part: UInt8.random(in: 0...3, using: &rng), parts: 4,
                    purpose: purposes.randomElement(using: &rng)!, hops: UInt8(truncatingIfNeeded: w()),
                    records: (0..<Int.random(in: 0...4, using: &rng)).map { _ in record() },
                    ask: [PeerPrefix(word: w())]))
        case 10: return .find(request: UInt16(truncatingIfNeeded: w()), ids: [target, lab.core.id])
        default: return .goodbye(CloseReason.allCases.randomElement(using: &rng)!)
        }
    }

    /// Shows it for 20 seeds × 1,500 steps of messages, sessions, failures, lost answers and time, with tiny limits.
    @Test func anything() {
        for seed in 1...20 as ClosedRange<UInt64> {
            var rng = SeededGenerator(seed: seed)
            let limits: GossipLimits = seed % 2 == 0 ? .tiny : .production
            let lab = Lab(12, seed: seed, limits: limits)
            for step in 0..<1_500 {
                let i = Int.random(in: 0..<12, using: &rng)
                switch Int.random(in: 0..<20, using: &rng) {
                case 0...1:
                    lab.connect(
                        i, path: [.datagram, .main, .bulk].randomElement(using: &rng)!, isOutbound: Bool.random(using: &rng),
                        bootNonce: UInt64.random(in: 1...2, using: &rng), hasRecord: Bool.random(using: &rng))
                case 2:
                    lab.give(.sessionDown(lab.index(i), [.datagram, .main].randomElement(using: &rng)!, CloseReason.allCases.randomElement(using: &rng)!))
                case 3:
                    let failures: [DialFailure] = [
                        .timeout, .unreachable, .busy(retrySeconds: .max), .wrongPeer, .selfDial,
                        .wrongNetwork(NetworkID(repeating: 1)), .wrongVersion(min: 9, max: 9),
                    ]
                    if let dial = lab.dials.last { lab.give(.dialFailed(dial.ticket, failures.randomElement(using: &rng)!)) }
                case 4: lab.give(.streamPong(lab.index(i), probe: UInt32.random(in: 0...9, using: &rng)))
                case 5: lab.give(.sendFailed(lab.index(i), .datagram, [.noPath, .unreachable, .queueFull].randomElement(using: &rng)!))
                case 6: lab.give(.unknownSession(lab.index(i)))
                case 7: lab.advance(.milliseconds(Int64.random(in: 0...4_000, using: &rng)))
                case 8: if step % 50 == 0 { lab.jump(.seconds(Int64.random(in: 0...100_000, using: &rng))) }
                case 9:
                    lab.give(Bool.random(using: &rng) ? .pin(lab.peers[i].id, .job) : .unpin(lab.peers[i].id, .job))
                default: lab.say(i, Self.message(&rng, lab, i), via: Bool.random(using: &rng) ? .datagram : .main)
                }
                if lab.effects.count > 400 { lab.effects.removeFirst(200) }
                #expect(lab.core.links.count <= 36 && lab.core.dials.byTicket.count <= 64)
            }
            #expect(lab.core.counters.all.reduce(0) { $0 + $1.value } > 100, "hostility is counted")
        }
    }
}

extension NetworkTests {
    /// Shows GP-59: 80 % of 30 peers die at once; the survivors are one component again within a minute (G7).
    @Test func mostDie() {
        let net = Self.cold(30, seed: 21)
        net.run(.seconds(20))
        for i in 0..<24 { net.kill(i, quietly: true) }
        #expect(net.run(.seconds(60)) { net.isOneComponent && (24..<30).allSatisfy { net.links($0).count >= 1 } })
    }

    /// Shows G3: idle traffic of a full mesh of 20 is below 1.5 kB/s per direction and peer, every message counted as a
    /// datagram of its own.
    @Test func idleTraffic() {
        let net = Self.cold(20, seed: 22)
        net.run(.seconds(60))
        #expect(net.isFullMesh(Array(0..<20)))
        for node in net.nodes { node.sentBytes = 0 }
        net.run(.seconds(120))
        let rates = net.nodes.map { $0.sentBytes / 120 }
        #expect(rates.max()! <= 1_500, "\(rates)")
        #expect(rates.min()! > 200, "\(rates)")
    }

    /// Shows that equal seeds give equal runs, effect by effect as far as counts tell.
    @Test func deterministic() {
        func trace() -> [String] {
            let net = Self.cold(12, seed: 23)
            net.lossPercent = 10
            net.run(.seconds(30))
            return net.nodes.map { "\($0.sent) \($0.events.count) \($0.record!.sequence) \($0.core.counters.values)" }
        }
        #expect(trace() == trace())
    }

    /// Shows GP-49: with 50 % loss of datagrams records still converge and links hold over the streams.
    @Test func heavyLoss() {
        let net = Self.cold(8, seed: 24)
        net.lossPercent = 50
        #expect(net.run(.seconds(300)) { (0..<8).allSatisfy { net.known($0) == 7 } && net.isOneComponent })
    }
}
