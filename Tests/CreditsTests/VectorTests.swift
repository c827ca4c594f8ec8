import Basis
@testable import Credits
import Records
import TestKit
import Testing
import Trust
import Wire

/// Golden vectors and mutations of every record of the state family, and of what execution writes beside it.
@Suite struct VectorTests {
    /// A scenario that leaves a record under every prefix.
    static func scenario(_ hashing: any Hashing) -> JobBench {
        var bench = JobBench(workers: 4)
        bench.chain = Chain(accounts: 5, hashing: hashing) { $0.entryFee = CreditAmount(micro: 10_000) }
        bench.offer([1, 2, 3, 4])
        bench.start()
        for index: UInt16 in 0..<3 { bench.commit(index) }
        for index: UInt16 in 0..<3 { bench.reveal(index) }
        bench.start(Chain.spec { $0.salt[0] = 1 })
        bench.commit(0)
        bench.chain.run([bench.chain.admit(Chain.account(50), bench.chain.token())])
        for _ in 0..<260 { bench.chain.run([], after: 1) }
        let seat = bench.chain.seats[0]
        bench.chain.run([
            bench.chain.node(seat, .recommitBeacon(newEnd: Digest(repeating: 9), length: 64))
        ])
        return bench
    }

    /// Shows that keys, values, digests and receipts are byte for byte what they were, with real BLAKE2b for the
    /// digests: a change of any layout or rule of execution shows here.
    @Test func golden() throws {
        let golden = GoldenVectors("ledger")
        func check(_ name: String, _ bytes: [UInt8]) {
            if let difference = golden.difference(name, bytes) { Issue.record("\(difference)") }
        }
        let bench = VectorTests.scenario(MixHashing())
        var seen: [UInt8: Int] = [:]
        for (key, value) in bench.chain.store.all(.state) {
            let count = seen[key[0], default: 0]
            seen[key[0]] = count + 1
            let keep = key[0] == StatePrefix.lease.rawValue ? 6 : 2
            if count < keep { check("state.\([key[0]].hex).\(count)", key + [0xff] + value) }
        }
        #expect(seen.keys.sorted() == [0x01, 0x02, 0x03, 0x04, 0x05, 0x08, 0x0a, 0x0e, 0x0f, 0x10, 0x11, 0x12])
        check("executed", bench.chain.ledger.executedRecord.encoded)
        let step = bench.chain.store.value(.proofs, DigestStep.key(3))
        check("step", step ?? [])
        let settled = bench.chain.executions.flatMap(\.events).compactMap { event in
            if case .settled(let one) = event { one.job } else { nil }
        }
        let receipt = try ReceiptBuilder(
            genesis: bench.chain.ledger.genesis, store: bench.chain.store, hashing: MixHashing()
        ).job(settled[0])
        check("receipt.hash", Blake2bHashing().digest(receipt.encoded).bytes)
        var kinds: Set<UInt8> = []
        for (key, value) in bench.chain.store.all(.index) where kinds.insert(key[0]).inserted {
            check("index.\(key[0])", key + [0xff] + value)
        }

        var chain = Chain(seats: 4, accounts: 4, hashing: Blake2bHashing())
        check("blake.network", chain.network.bytes)
        check("blake.digest.0", chain.ledger.digest.bytes)
        let until = chain.time + 3_600_000
        for height in 1...12 {
            var entries: [Entry] = []
            switch height {
            case 1: entries = (1..<4).map { chain.node(Chain.account($0), .putOffer(Chain.offer(validUntil: until))) }
            case 3: entries = [chain.transfer(Chain.account(1), Chain.account(2).publicKey, 7)]
            case 5: entries = [chain.wallet(Chain.account(0), .openJob(Chain.spec()))]
            case 9:
                let id = chain.ledger.jobList[0].0
                entries = [chain.lease(chain.signer(of: chain.ledger.leaseList(of: id)[0].lease.account), id, 0, .decline(.policy))]
            default: break
            }
            let execution = chain.run(entries)
            check("blake.digest.\(height)", execution.digest.bytes)
            check("blake.eventRoot.\(height)", execution.eventRoot.bytes)
        }
    }

    /// Shows that no mutation of a stored record traps its decoder, and that what is accepted encodes back to itself.
    @Test func mutations() throws {
        let ledger = VectorTests.scenario(MixHashing()).chain.ledger
        let job = ledger.jobList[0]
        let leases = ledger.leaseList(of: job.0).map(\.lease)
        func broken(_ value: some WireCodable) -> [UInt8]? { Mutation.fuzz(value, seed: 7).broken }
        #expect(broken(ledger.account(Chain.account(0).publicKey)!) == nil)
        #expect(broken(ledger.offer(OfferKey(account: Chain.account(1).publicKey, slotClass: 0))!) == nil)
        for (_, job) in ledger.jobList { #expect(broken(job) == nil) }
        for lease in leases { #expect(broken(lease) == nil) }
        #expect(broken(ledger.seatPositions[0].record) == nil)
        #expect(broken(ledger.supply) == nil)
        #expect(broken(ledger.clock) == nil)
        #expect(broken(ledger.executedRecord) == nil)
        #expect(broken(CandidateList([])) == nil)
        var rng = SeededGenerator(seed: 8)
        for key in [
            ledger.timers.bytes(of: ledger.timerList[0]), ledger.leases.bytes(of: LeaseKey(job: job.0, index: 1)),
            ledger.lapses.bytes(of: ledger.lapses.order.first!.key), ledger.ring.bytes(of: RingKey(height: 5)),
        ] {
            for _ in 0..<200 {
                let bytes = Mutation.of(key, using: &rng).dropFirst()
                func same(_ parsed: (some StateKey)?) -> Bool {
                    guard let parsed else { return true }
                    var again: [UInt8] = []
                    parsed.append(to: &again)
                    return again == Array(bytes)
                }
                #expect(same(TimerKey(stateKey: bytes)) && same(LeaseKey(stateKey: bytes)))
                #expect(same(LapseKey(stateKey: bytes)) && same(RingKey(stateKey: bytes)))
                #expect(same(OfferKey(stateKey: bytes)) && same(InviteKey(stateKey: bytes)))
                #expect(same(ReputationKey(stateKey: bytes)) && same(PublicKey(stateKey: bytes)))
            }
        }
    }

    /// Shows that a full digest stands in D_h exactly at multiples of 1,000, over all records in key order.
    @Test func fullDigests() {
        var chain = Chain(accounts: 2)
        for _ in 0..<1_001 { chain.run([], after: 1) }
        for execution in chain.executions {
            #expect(execution.link.full.isZero == (execution.height != 1_000))
        }
    }
}
