import Basis
import TestKit
import Testing
import Trust
import Verdict

@Suite struct CoreTests {
    let hashing = Blake2bHashing()

    func answer(_ account: UInt8, _ value: UInt8, status: UInt8 = 0, exit: Int32 = 0)
        -> RevealedAnswer
    {
        RevealedAnswer(
            account: PublicKey(repeating: account), status: status, exitCode: exit,
            compareHash: Digest(repeating: value))
    }

    /// Shows the compareHash of the appendix: status 0, exit 0, form `[1,2]`, however the body is written.
    @Test func compareHash() throws {
        let expected = "1ff72fa1cc29131f260de5622b800d1a4fc9c835ae5dce73f590ca88b4080571"
        #expect(
            Comparator.compareHash(
                status: 0, exitCode: 0, form: Array("[1,2]".utf8), hashing: hashing
            )
            .hex == expected)
        let body = Array("[1.0, 20e-1]".utf8)
        #expect(
            try Comparator.json.compareHash(status: 0, exitCode: 0, body: body, hashing: hashing)
                .hex == expected)
        #expect(
            try Comparator.raw.compareHash(status: 0, exitCode: 0, body: body, hashing: hashing).hex
                != expected)
        let masked = Comparator(mode: .json, ignore: [Path("/t")!])!
        func hash(_ text: String, status: UInt8 = 0, exit: Int32 = 0) -> Digest? {
            try? masked.compareHash(
                status: status, exitCode: exit, body: Array(text.utf8), hashing: hashing)
        }
        #expect(hash(#"{"t":1,"v":2}"#) == hash(#"{"v":2.0,"t":7}"#))
        #expect(hash(#"{"t":1,"v":2}"#) != hash(#"{"v":3}"#))
        #expect(hash("not json") == nil)
        // Failures agree on status and exit code alone.
        #expect(hash("not json", status: 1, exit: 2) == hash("else", status: 1, exit: 2))
        #expect(hash("", status: 1, exit: 2) != hash("", status: 1, exit: 3))
    }

    /// Shows the core rule with exact comparison: (answers, q) → winners and canonical answer, or none.
    @Test func exact() {
        typealias Row = (answers: [RevealedAnswer], q: Int, winners: [Int]?, canonical: UInt8)
        let table: [Row] = [
            ([answer(1, 9)], 1, [0], 9),
            ([answer(1, 9), answer(2, 9), answer(3, 9)], 2, [0, 1, 2], 9),
            ([answer(1, 9), answer(2, 8), answer(3, 9)], 2, [0, 2], 9),
            ([answer(1, 9), answer(2, 8), answer(3, 7)], 2, nil, 0),
            ([answer(1, 9)], 2, nil, 0),
            ([], 1, nil, 0),
            // Two of five liars cannot win.
            (
                [answer(1, 1), answer(2, 9), answer(3, 9), answer(4, 1), answer(5, 9)], 3,
                [1, 2, 4], 9
            ),
            // Equal diameters: the smaller list of hashes.
            ([answer(1, 9), answer(2, 9), answer(3, 4), answer(4, 4)], 2, [2, 3], 4),
            // Equal hashes but unequal status never agree: a hash covers both, so only a forger could make these.
            ([answer(1, 9), answer(2, 9, status: 1)], 2, nil, 0),
            ([answer(1, 9, status: 1, exit: 2), answer(2, 9, status: 1, exit: 3)], 2, nil, 0),
        ]
        for (i, row) in table.enumerated() {
            let decision = MinimumDiameterCore.decide(row.answers, quorum: row.q, comparator: .raw)
            #expect(decision?.winners == row.winners, "row \(i)")
            if let decision {
                #expect(decision.canonical == Digest(repeating: row.canonical), "row \(i)")
                #expect(decision.diameter == 0)
                #expect((decision.winners + decision.losers).sorted() == Array(row.answers.indices))
            }
        }
    }

    /// Shows the core vector of the appendix with the numeric distance: 100, 100, 101, 109, 118, absolute 10, q = 3.
    @Test func numericVector() {
        let values: [UInt8] = [118, 100, 109, 101, 100]
        let answers = values.enumerated().map { answer(UInt8($0 + 1), $1) }
        let decision = MinimumDiameterCore.decide(answers, quorum: 3, tolerance: 1_000_000) {
            let gap = abs(Int($0.compareHash.bytes[0]) - Int($1.compareHash.bytes[0]))
            return UInt64(gap * 1_000_000 / 10)
        }
        #expect(decision.map { $0.core.map { values[$0] } } == [100, 100, 101])
        #expect(decision?.diameter == 100_000)
        #expect(decision.map { values[$0.representative] } == 100)
        #expect(decision?.winners == [1, 2, 3, 4])
        #expect(decision?.losers == [0])
    }

    /// Shows that the order of the answers given changes nothing but indices, and that an honest quorum of equal
    /// answers always wins against fewer liars (ledger 9.1), over random cases.
    @Test func isIndependentOfOrder() {
        var rng = SeededGenerator(seed: 21)
        for _ in 0..<300 {
            let n = Int.random(in: 1...9, using: &rng)
            let q = n / 2 + 1
            let answers = (0..<n).map {
                answer(UInt8($0 + 1), UInt8.random(in: 1...3, using: &rng))
            }
            let shuffled = answers.shuffled(using: &rng)
            let a = MinimumDiameterCore.decide(answers, quorum: q, comparator: .json)
            let b = MinimumDiameterCore.decide(shuffled, quorum: q, comparator: .json)
            #expect(a?.canonical == b?.canonical)
            #expect(
                a.map { $0.winners.map { answers[$0].account } }
                    == b.map { $0.winners.map { shuffled[$0].account }.sorted() })
            let largest = (1...3).map { v in
                answers.filter { $0.compareHash == Digest(repeating: UInt8(v)) }.count
            }.max()!
            #expect((a != nil) == (largest >= q))
        }
    }

    /// Shows the price and credibility vectors of the appendix, and what does not fit.
    @Test func money() {
        func price(_ rc: UInt64, _ rm: UInt64, _ c: UInt64, _ m: UInt64) -> UInt64? {
            Pricing.price(
                rateCPU: CreditAmount(micro: rc), rateMemory: CreditAmount(micro: rm), cpuMicros: c,
                memoryMiBMillis: m)?.micro
        }
        #expect(price(250_000, 1_000, 7_350_000, 512 * 7_400) == 1_841_200)
        #expect(price(0, 0, .max, .max) == 0)
        #expect(price(.max, .max, .max, .max) == nil)
        #expect(price(1, 0, 999_999, 0) == 0)
        #expect(price(UInt64(Int64.max), 0, 1_000_000, 0) == UInt64(Int64.max))
        #expect(price(UInt64(Int64.max) + 1, 0, 1_000_000, 0) == nil)
        #expect(Pricing.lowerMedian([5]) == 5)
        #expect(Pricing.lowerMedian([9, 1]) == 1)
        #expect(Pricing.lowerMedian([3, 1, 2]) == 2)
        #expect(Pricing.share(perMille: 250, of: CreditAmount(micro: 7)).micro == 1)
        #expect(Pricing.share(perMille: 1_000, of: .supplyMax) == .supplyMax)
        #expect(Pricing.times(9, .supplyMax) == nil)
        #expect(Pricing.times(3, CreditAmount(micro: 5))?.micro == 15)
    }

    /// Shows the credibility vectors of the appendix, a better tier, and agreement.
    @Test func confidence() {
        func tiers(_ n: Int) -> [Confidence.Tier] { Array(repeating: .unknown, count: n) }
        #expect(Confidence.credibility(winners: tiers(1), losers: []) == 900)
        #expect(Confidence.credibility(winners: tiers(2), losers: []) == 987)
        #expect(Confidence.credibility(winners: tiers(2), losers: [tiers(1)]) == 890)
        #expect(Confidence.credibility(winners: tiers(3), losers: []) == 998)
        #expect(Confidence.credibility(winners: tiers(3), losers: [tiers(2)]) == 898)
        #expect(Confidence.credibility(winners: [.established], losers: []) == 990)
        #expect(Confidence.agreement(winners: 2, revealed: 3) == 666)
        #expect(Confidence.agreement(winners: 0, revealed: 0) == 0)
    }
}
