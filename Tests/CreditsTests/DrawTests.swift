import Basis
@testable import Credits
import Records
import TestKit
import Testing
import Trust
import Wire

/// The draw of `ledger.md` 7.2: vectors of appendix A, and what no draw may ever do.
@Suite struct DrawTests {
    let blake = Blake2bHashing()
    let mix = Digest(repeating: 0x11)
    let job = JobID(repeating: 0x22)

    func candidates(_ count: UInt8, tickets: (UInt8) -> UInt32, owner: (UInt8) -> UInt8 = { $0 }) -> [DrawCandidate] {
        (1...count).map {
            DrawCandidate(
                account: PublicKey(repeating: $0), slotClass: 0, tickets: tickets($0),
                owner: PublicKey(repeating: owner($0)))
        }
    }

    func names(_ drawn: [DrawCandidate]) -> [UInt8] { drawn.map { $0.account.bytes[0] } }

    /// Shows A2: the digest, the draws and the eligible hash of appendix A, with real BLAKE2b.
    @Test func appendix() {
        let digest = blake.hash("peernode/draw/v1") {
            $0.value(mix)
            $0.value(job)
            $0.u32(1)
            $0.u32(0)
        }
        #expect(digest.hex == "a64b3f3fe752912da49fa697a8194addc8aaaf5abe6aef7aae0e72de5a377afa")
        #expect(Draw.value(mix: mix, job: job, round: 1, counter: 0, hashing: blake) == 3_283_496_756_481_837_990)
        let four = candidates(4) { UInt32($0) }
        func draw(_ list: [DrawCandidate], _ count: Int, round: UInt32 = 1) -> [UInt8] {
            names(Draw.choose(list, count: count, mix: mix, job: job, round: round, hashing: blake))
        }
        #expect(draw(four, 3) == [1, 4, 3])
        #expect(draw(candidates(4, tickets: { UInt32($0) }, owner: { $0 == 3 ? 4 : $0 }), 3) == [1, 4, 2])
        #expect(draw(four, 3, round: 2) == [2, 4, 1])
        let ten = Draw.choose(
            candidates(10) { _ in 1 }, count: 9, mix: .zero, job: .zero, round: 1, hashing: blake)
        #expect(names(ten) == [9, 1, 2, 4, 5, 6, 7, 3, 10])
        #expect(
            Draw.eligibleHash(four, hashing: blake).hex
                == "bbe5941718cf24f9e1424d1b8aecec5c4a711bed57e1ce66f692f9eb5b3f0009")
        let two = candidates(2) { _ in 1 }
        let chosen = Draw.choose(
            two, weights: [1 << 62, 1 << 62 + 1], count: 1, mix: mix, job: job, round: 1, hashing: blake)
        #expect(chosen == [1])
    }

    /// Shows that the draw of a block is the same whatever the order in which the offers came (A2).
    @Test func orderOfOffersDoesNotMatter() {
        var seen: Set<[PublicKey]> = []
        for shift in 0..<4 {
            var chain = Chain(accounts: 6)
            for n in 0..<4 {
                let worker = Chain.account(UInt64((n + shift) % 4 + 1))
                let until = Chain.start + 3_600_000
                chain.run([chain.node(worker, .putOffer(Chain.offer(slots: 2, validUntil: until)))], after: 100)
            }
            let open = chain.wallet(Chain.account(0), .openJob(Chain.spec(r: 2, q: 2)))
            chain.run([open])
            let drawn = chain.run().events
            for case .drawn(let one) in drawn { seen.insert(one.leases.map(\.account)) }
        }
        #expect(seen.count == 1)
    }

    /// Shows A3 and A4: over many ground job ids each key is drawn by its ticket share, within 3σ, and slots spread over
    /// many keys win as often as on one.
    @Test func sharesFollowTickets() {
        let list = candidates(8) { $0 == 8 ? 7 : 1 }
        var hits = 0
        let rounds = 4_000
        for n in 0..<rounds {
            let id = JobID(MixHashing().digest(Array(String(n).utf8)).raw)
            let drawn = Draw.choose(list, count: 1, mix: mix, job: id, round: 1, hashing: MixHashing())
            if names(drawn) == [8] { hits += 1 }
        }
        // p = 1/2: σ = √(n/4) ≈ 31.6.
        #expect(abs(hits - rounds / 2) < 95, "\(hits)")
    }

    /// Shows A5: with three seats an offer put fewer than two views before the anchor is not drawn, with two it is.
    @Test func freshOffersAreNotDrawn() {
        for distance in 0..<4 as Range<UInt64> {
            var chain = Chain(seats: 3, accounts: 3)
            let put = chain.node(Chain.account(1), .putOffer(Chain.offer(validUntil: chain.time + 900_000)))
            let open = chain.wallet(Chain.account(0), .openJob(Chain.spec(r: 1, q: 1)))
            if distance == 0 {
                chain.run([put, open])
            } else {
                chain.run([put])
                chain.run([open], skip: distance - 1)
            }
            let id = chain.ledger.jobList[0].0
            chain.run()
            chain.run()
            #expect((chain.ledger.job(id)?.state == .running) == (distance >= 2), "\(distance)")
        }
    }

    /// Shows that a draw waits for min(d, Q) different proposers after its anchor, whatever the number of blocks.
    @Test func distance() {
        var bench = JobBench(workers: 3, seats: 4)
        bench.open()
        #expect(bench.chain.executions.last!.blocksDue == 2)
        // The same seat again and again: its turns come every 4 views.
        for _ in 0..<3 { bench.chain.run([], skip: 3) }
        #expect(bench.record.state == .queued && bench.chain.executions.last!.blocksDue == 1)
        bench.chain.run()
        #expect(bench.record.state == .running && bench.chain.executions.last!.blocksDue == 0)
    }

    /// Shows that T and L of the block before decide: the proposer's own timestamp neither lapses an offer nor ends a
    /// suspension before the draw.
    @Test func timestampOfTheDrawingBlockDoesNotMatter() {
        var bench = JobBench(workers: 3)
        bench.open()
        bench.chain.run([], after: 3_600_000)
        #expect(bench.record.state == .running && bench.leases.count == 3)
        #expect(bench.chain.ledger.offer(OfferKey(account: Chain.account(1).publicKey, slotClass: 0))?.isLive == false)
    }

    /// Shows each eligibility rule: rows of (what is wrong with the offer or the job, the rule that removes it).
    @Test func eligibility() {
        let rows: [(String, (inout Offer) -> Void, (inout JobSpec) -> Void, EligibilityRule?)] = [
            ("fits", { _ in }, { _ in }, nil),
            ("capabilities", { _ in }, { $0.capabilities = 8 }, .capabilities),
            ("runtime", { $0.runtimes = [] }, { _ in }, .runtime),
            ("any runtime", { $0.runtimes = [] }, { $0.runtime = .zero }, nil),
            ("hardware", { _ in }, { $0.hardwareClass = Digest(repeating: 5) }, .hardwareClass),
            ("own class", { $0.hardwareClass = Digest(repeating: 5) }, { $0.hardwareClass = Digest(repeating: 5) }, nil),
            ("list", { _ in }, { $0.only = [Chain.account(3).publicKey] }, .notListed),
            ("on the list", { _ in }, { $0.only = [Chain.account(1).publicKey] }, nil),
            ("cores", { _ in }, { $0.cores = 3 }, .cores),
            ("memory", { $0.memoryMiB = 511 }, { _ in }, .memory),
            ("disk", { $0.diskMiB = 255 }, { _ in }, .disk),
            ("gpu", { _ in }, { $0.gpuMiB = 1 }, .gpuMemory),
            ("isolation", { $0.isolation = 2 }, { _ in }, .isolation),
            ("cpu rate", { $0.rateCPU = CreditAmount(micro: 300_001) }, { _ in }, .rate),
            ("memory rate", { $0.rateMemory = CreditAmount(micro: 2_001) }, { _ in }, .rate),
        ]
        for (name, offer, spec, rule) in rows {
            var chain = Chain(accounts: 2)
            let put = chain.node(
                Chain.account(1), .putOffer(Chain.offer(validUntil: chain.time + 900_000, change: offer)))
            chain.run([put])
            let job = Chain.spec(r: 1, q: 1, change: spec)
            let explained = chain.ledger.explainDraw(of: job, submitter: Chain.account(0).publicKey)
            #expect(explained.removed == (rule.map { [.init(rule: $0, offers: 1)] } ?? []), "\(name)")
            #expect(explained.eligibleOwners == (rule == nil ? 1 : 0), "\(name)")
            let open = chain.wallet(Chain.account(0), .openJob(job))
            chain.run([open])
            chain.run()
            let state = chain.ledger.jobList[0].1.state
            #expect((state == .running) == (rule == nil), "\(name)")
        }
    }

    /// Shows the rules about people: own offers need allowSelf, one replica per owner, suspended and busy ones wait.
    @Test func eligibilityOfOwners() {
        var chain = Chain(accounts: 2)
        let me = Chain.account(0)
        let cousin = Chain.account(60)
        chain.run([chain.admit(cousin, chain.token(owner: me.publicKey))])
        let until = chain.time + 900_000
        chain.run([
            chain.node(me, .putOffer(Chain.offer(slots: 4, validUntil: until))),
            chain.node(cousin, .putOffer(Chain.offer(slots: 4, validUntil: until))),
        ])
        let strict = Chain.spec(r: 1, q: 1)
        let lax = Chain.spec(r: 1, q: 1) { $0.flags = .allowSelf }
        #expect(chain.ledger.explainDraw(of: strict, submitter: me.publicKey).removed == [.init(rule: .ownOffer, offers: 2)])
        #expect(chain.ledger.explainDraw(of: lax, submitter: me.publicKey).eligibleOwners == 1)
        let twice = Chain.spec(r: 2, q: 2) { $0.flags = .allowSelf }
        let open = chain.wallet(me, .openJob(twice))
        chain.run([open])
        chain.run()
        #expect(chain.ledger.jobList[0].1.lastEligible == 1)
    }

    /// Shows A6 with 500 jobs in one block: never two replicas of one owner in a job, never more leases than slots, and
    /// at most drawsPerBlockMax draws in a block.
    @Test func manyJobsAtOnce() {
        var bench = JobBench(workers: 12, slots: 50)
        let entries = (0..<500).map { n in
            bench.chain.wallet(
                bench.submitter,
                .openJob(
                    Chain.spec(r: 2, q: 2) {
                        $0.salt = Array(repeating: UInt8(n % 251), count: 16)
                        $0.rateCPUMax = CreditAmount(micro: 250_000)
                        $0.cpuMicrosMax = 1_000_000
                    }))
        }
        #expect(bench.chain.run(entries).outcomes.allSatisfy { $0.code == .applied })
        var perBlock: [Int] = []
        for _ in 0..<4 { perBlock.append(bench.chain.run([], after: 1).events.filter { $0.kind == 7 || $0.kind == 8 }.count) }
        #expect(perBlock == [200, 200, 100, 0])
        var leases = 0
        for (id, job) in bench.chain.ledger.jobList where job.state == .running {
            let owners = bench.chain.ledger.leaseList(of: id).map(\.lease.owner)
            #expect(Set(owners).count == owners.count)
            leases += owners.count
        }
        #expect(leases == 600)
        for n in 1...12 {
            let offer = bench.chain.ledger.offer(OfferKey(account: Chain.account(UInt64(n)).publicKey, slotClass: 0))!
            #expect(offer.activeLeases == 50)
        }
    }
}
