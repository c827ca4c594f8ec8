import Credits
import Consensus
import Basis
import NodeCore
import Records
import TestKit
import Testing
import Trust

@Suite struct LogNodeTests {
    /// Shows that one seat certifies a transfer, takes the fee once, and makes no block without demand.
    @Test func oneSeatCertifiesATransfer() throws {
        var network = LogNetwork(seats: 1, count: 2, seed: 1)
        let payee = network.account(1)
        network.transfer(from: 0, to: payee, micro: 5_000_000, ticket: 1)
        #expect(
            network.run(seconds: 5) { net in
                net.nodes[0].accepted[1].map { net.isCertified($0, at: 0) } ?? false
            })
        #expect(network.balance(payee, at: 0) == 1_005_000_000)
        #expect(network.balance(network.account(0), at: 0) == 995_000_000 - 10)
        let height = network.nodes[0].log.ledger.height
        network.run(seconds: 3_600)
        #expect(network.nodes[0].log.ledger.height == height, "an idle hour makes no block")
        #expect(network.nodes[1].log.ledger.digest == network.nodes[0].log.ledger.digest, "the observer follows")
        #expect(network.nodes.allSatisfy { $0.alarms.isEmpty })
    }

    /// Shows that an entry that fails takes its fee once, and that the client is told the code.
    @Test func aFailedEntryTakesItsFeeOnce() throws {
        var network = LogNetwork(seats: 1, seed: 2)
        let stranger = PublicKey(repeating: 5)
        network.transfer(from: 0, to: stranger, micro: 1, key: [7], ticket: 1)
        network.run(seconds: 5)
        // An unknown payee fails with its code, and the fee is taken once.
        let id = try #require(network.nodes[0].accepted[1])
        #expect(network.nodes[0].progress[id]?.contains(.certified(height: 1, .unknownTarget)) == true)
        #expect(network.balance(network.account(0), at: 0) == 1_000_000_000 - 10)
    }

    /// Shows that what was accepted survives a kill before or after any write of one seat, and is paid exactly once.
    @Test(arguments: [true, false])
    func oneSeatSurvivesAKillAtEveryWrite(after: Bool) throws {
        for write in 1...14 {
            var network = LogNetwork(seats: 1, count: 2, seed: UInt64(write))
            network.killAtWrite = (0, write, after)
            for ticket in 1...4 {
                network.transfer(
                    from: 0, to: network.account(1), micro: 1_000_000, key: [UInt8(ticket)], ticket: UInt64(ticket))
                network.run(seconds: 1)
            }
            let accepted = network.nodes[0].accepted
            if !network.nodes[0].isUp { network.restart(0) }
            // The client repeats every request with its key, as it must when no answer came.
            for ticket in 1...4 {
                network.transfer(
                    from: 0, to: network.account(1), micro: 1_000_000, key: [UInt8(ticket)],
                    ticket: UInt64(10 + ticket))
                network.run(seconds: 1)
            }
            network.run(seconds: 20)
            let paid = network.balance(network.account(1), at: 0) - 1_000_000_000
            #expect(paid == 4_000_000, "write \(write): paid \(paid)")
            #expect(network.nodes[0].log.ledger.supplyProblem() == nil)
            #expect(network.nodes[0].log.outbox.count == 0)
            for id in accepted.values { #expect(network.nodes[0].log.outbox[id] == nil) }
            #expect(network.nodes[0].alarms.isEmpty, "\(network.nodes[0].alarms)")
        }
    }

    /// Shows that four seats agree on every balance and digest under loss and reordering, through a kill and restart.
    @Test(arguments: 1...6)
    func fourSeatsAgree(seed: UInt64) throws {
        var network = LogNetwork(seats: 4, count: 5, seed: seed)
        network.lossPerMille = 30
        network.delayMillis = 1...40
        var ticket: UInt64 = 0
        for round in 0..<6 {
            for i in 0..<5 {
                ticket += 1
                network.transfer(from: i, to: network.account((i + 1) % 5), micro: 1_000 + ticket, ticket: ticket)
            }
            if round == 2 { network.kill(Int(seed) % 4) }
            network.run(seconds: 3)
            if round == 4 { network.restart(Int(seed) % 4) }
        }
        let done = network.run(seconds: 120) { net in
            net.nodes.allSatisfy { $0.log.outbox.count == 0 && $0.log.ledger.digest == net.nodes[0].log.ledger.digest }
        }
        #expect(done)
        let ledger = network.nodes[0].log.ledger
        #expect(ledger.supplyProblem() == nil)
        let total = (0..<5).reduce(0) { $0 + network.balance(network.account($1), at: 0) }
        let certified = network.nodes.flatMap { $0.progress.values }.joined().filter {
            if case .certified = $0 { true } else { false }
        }
        #expect(certified.count >= 25)
        #expect(UInt128(total) == ledger.supply.available)
        for node in network.nodes {
            for (height, digest) in node.executed { #expect(network.nodes[0].executed[height] ?? digest == digest) }
            #expect(node.alarms.isEmpty, "\(node.alarms.prefix(3))")
        }
    }

    /// Shows that a log outlives the beacon chains of its seats: each is renewed when half of it is used, also by a seat
    /// that was restarted on its second chain. (seats, chain length, blocks) with several chains in a row.
    @Test(arguments: [(1, 16, 120), (4, 12, 200)])
    func beaconChainsAreRenewed(seats: Int, length: UInt32, blocks: UInt64) throws {
        var network = LogNetwork(seats: seats, count: seats + 1, seed: 77, fee: 0, chainLength: length)
        var ticket: UInt64 = 0
        while network.nodes[0].log.ledger.height < blocks {
            ticket += 1
            network.transfer(from: 0, to: network.account(seats), micro: 1, ticket: ticket)
            let accepted = network.run(seconds: 30) { net in
                net.nodes[0].accepted[ticket].map { net.isCertified($0, at: 0) } ?? false
            }
            try #require(accepted, "stands at height \(network.nodes[0].log.ledger.height)")
            if ticket == 60 {
                let last = seats - 1
                network.kill(last)
                network.restart(last)
                #expect(network.run(seconds: 60) { $0.nodes[last].log.ledger.height >= $0.nodes[0].log.ledger.height })
            }
        }
        let records = network.nodes[0].log.ledger.seatPositions.map(\.record)
        #expect(records.allSatisfy { $0.start >= UInt64(length) }, "\(records.map(\.start))")
        #expect(network.run(seconds: 60) { $0.nodes.allSatisfy { $0.log.outbox.count == 0 } })
        #expect(network.nodes.allSatisfy { $0.alarms.isEmpty }, "\(network.nodes.flatMap(\.alarms).prefix(3))")
    }

    /// Shows that a seat which was away for longer than its published chains last publishes another one, and leads.
    @Test func aSeatThatWasAwayLeadsAgain() throws {
        var network = LogNetwork(seats: 4, count: 5, seed: 78, fee: 0, chainLength: 8)
        var ticket: UInt64 = 0
        func pay(until condition: (LogNetwork) -> Bool) throws {
            let most = ticket + 600
            while !condition(network), ticket < most {
                ticket += 1
                network.transfer(from: 0, to: network.account(4), micro: 1, ticket: ticket)
                let isDone = network.run(seconds: 30) { net in
                    net.nodes[0].accepted[ticket].map { net.isCertified($0, at: 0) } ?? false
                }
                try #require(isDone, "stands at height \(network.nodes[0].log.ledger.height)")
            }
        }
        func record(_ net: LogNetwork) -> SeatRecord { net.nodes[0].log.ledger.seatPositions[3].record }
        try pay { record($0).next != nil }
        network.kill(3)
        try pay { net in
            net.nodes[0].log.seats.turn(of: net.nodes[0].log.ledger.clock.view) > (record(net).next?.start ?? 0) + 12
        }
        let proposed = record(network).lastProposed
        network.restart(3)
        try pay { record($0).lastProposed > proposed }
        #expect(record(network).lastProposed > proposed)
        #expect(network.nodes.allSatisfy { $0.alarms.isEmpty })
    }

    /// Shows that an entry which expired leaves no gap that holds up the later ones.
    @Test func anExpiredEntryLeavesNoGap() throws {
        var network = LogNetwork(seats: 4, count: 5, seed: 79, fee: 0)
        network.run(seconds: 2)
        // Node 4 sends into the void for longer than an entry lives, twice, half of that apart.
        network.lossFrom = 4
        network.transfer(from: 4, to: network.account(0), micro: 1, ticket: 1)
        network.run(seconds: 2_400)
        network.transfer(from: 4, to: network.account(0), micro: 2, ticket: 2)
        network.run(seconds: 1_500)
        // The log's clock goes on with the others' entries; the first entry is past its time, the second is not.
        network.transfer(from: 0, to: network.account(1), micro: 1, ticket: 1)
        network.run(seconds: 30)
        network.lossFrom = nil
        network.transfer(from: 0, to: network.account(1), micro: 1, ticket: 2)
        network.run(seconds: 30)
        network.transfer(from: 4, to: network.account(0), micro: 4, ticket: 3)
        network.run(seconds: 1)
        let second = try #require(network.nodes[4].accepted[2])
        let third = try #require(network.nodes[4].accepted[3])
        #expect(network.run(seconds: 60) { $0.isCertified(second, at: 4) && $0.isCertified(third, at: 4) })
        #expect(network.balance(network.account(4), at: 0) == 1_000_000_000 - 6)
    }

    /// Shows that an entry does not depend on the only seat that its origin is connected to, which died without a word
    /// or keeps what it gets to itself: the first Submit goes to f + 1 seats, whether there is a session or not.
    @Test func anEntryPassesADeadNeighbour() throws {
        var network = LogNetwork(seats: 4, count: 5, seed: 80)
        network.run(seconds: 2)
        for seat in 0..<3 { network.give(.linkDown(network.peers[seat]), to: 4) }
        network.nodes[3].isUp = false
        network.transfer(from: 4, to: network.account(0), micro: 1, ticket: 1)
        network.run(seconds: 1)
        let id = try #require(network.nodes[4].accepted[1])
        #expect(network.run(seconds: 20) { $0.isCertified(id, at: 4) })
        #expect(network.balance(network.account(0), at: 0) == 1_000_000_001)
    }

    /// Shows to whom an entry goes: first to f + 1 seats, the connected one first, later to that and f + 1 others, who
    /// take turns.
    @Test func submitsTakeTurns() throws {
        var network = LogNetwork(seats: 7, count: 8, seed: 81)
        network.run(seconds: 2)
        let peers = network.peers
        for seat in 0..<6 { network.give(.linkDown(peers[seat]), to: 7) }
        // From here on nobody hears anybody.
        for seat in 0..<7 { network.nodes[seat].isUp = false }
        var log = network.nodes[7].log
        let now = network.now
        var asked: [[Int]] = []
        func note(_ effects: [LogNode.Effect], at time: Instant) {
            for effect in effects {
                switch effect {
                case .persist(_, let write):
                    note(log.handle(.persisted(write), now: time, wall: network.wall), at: time)
                case .send(.submit, let targets): asked.append(targets.compactMap { peers.firstIndex(of: $0) })
                default: break
                }
            }
        }
        let payment = Entry.Body.transfer(
            payees: [.init(account: network.account(0), amount: CreditAmount(micro: 1))], memo: [])
        note(log.handle(.compose(payment, job: nil, key: [], 1), now: now, wall: network.wall), at: now)
        for second in stride(from: 2, to: 60, by: 1) as StrideTo<Int64> {
            let time = now + .seconds(second)
            note(log.handle(.timeout, now: time, wall: network.wall + UInt64(second) * 1_000), at: time)
        }
        let first = try #require(asked.first)
        #expect(first.count == 3 && first[0] == 6)
        #expect(asked.count >= 10)
        for again in asked.dropFirst() { #expect(again.count == 4 && again[0] == 6 && Set(again).count == 4) }
        #expect(Set(asked.dropFirst().prefix(2).flatMap(\.self)).count == 7, "\(asked)")
    }

    /// Shows that without a quorum nothing is acknowledged as certified, and that it goes on by itself afterwards.
    @Test func withoutQuorumItWaits() throws {
        var network = LogNetwork(seats: 4, seed: 9)
        network.run(seconds: 2)
        network.kill(2)
        network.kill(3)
        network.transfer(from: 0, to: network.account(1), micro: 7, ticket: 1)
        network.run(seconds: 60)
        let id = try #require(network.nodes[0].accepted[1])
        #expect(!network.isCertified(id, at: 0))
        #expect(network.nodes[0].log.replica.status.kind == .noQuorum)
        network.restart(2)
        #expect(network.run(seconds: 60) { $0.isCertified(id, at: 0) })
    }
}
