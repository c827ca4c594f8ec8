import Basis
public import Trust

// Verdict: which answer counts and what it costs.
//
// The problem: replicas on strangers' machines return answers, some wrong, some by agreement of liars. Everybody who
// reads the log must pick the same answer, the same winners and the same payment.
// The idea: the answer is found in the q results that lie closest together (the minimum-diameter core, `ledger.md`
// 9.1). If q honest results of spread D exist, the core's diameter is at most D and it contains an honest one.
// Not here: who may answer, when, and how credit moves (Credits), and how a result is made (Compute).

/// What the core rule looks at of one revealed result.
public struct RevealedAnswer: Sendable, Hashable {
    public var account: PublicKey
    public var status: UInt8
    public var exitCode: Int32
    public var compareHash: Digest
    /// The comparator's vector; empty for exact.
    public var sketch: [UInt8]

    public init(
        account: PublicKey, status: UInt8, exitCode: Int32, compareHash: Digest,
        sketch: [UInt8] = []
    ) {
        self.account = account
        self.status = status
        self.exitCode = exitCode
        self.compareHash = compareHash
        self.sketch = sketch
    }
}

/// The outcome of the core rule. Indices are those of the answers given.
public struct CoreDecision: Sendable, Hashable {
    /// Members of the core, by (compareHash, account).
    public let core: [Int]
    /// Largest distance inside the core.
    public let diameter: UInt64
    /// The result that stands for the canonical answer: its compareHash names it.
    public let representative: Int
    /// compareHash of the canonical answer.
    public let canonical: Digest
    /// Results within tolerance of the canonical answer, ascending.
    public let winners: [Int]
    /// The rest, ascending.
    public let losers: [Int]
}

public enum MinimumDiameterCore {
    /// C(9, 5) = 126 subsets; `replicasMax` of `ledger.md` 2.
    public static let answersMax = 9
    /// The distance of results that cannot agree.
    public static let apart = UInt64.max

    /// The decision over `answers` with quorum `q`, by `comparator`; nil if no core within tolerance exists.
    ///
    /// `q` is 1 to 9. Fewer answers than `q` decide nothing.
    public static func decide(
        _ answers: [RevealedAnswer], quorum q: Int, comparator: Comparator
    ) -> CoreDecision? {
        decide(answers, quorum: q, tolerance: comparator.tolerance) { comparator.distance($0, $1) }
    }

    /// The same for any distance; results of unequal (status, exitCode) are apart whatever it says.
    public static func decide(
        _ answers: [RevealedAnswer], quorum q: Int, tolerance: UInt64,
        distance: (RevealedAnswer, RevealedAnswer) -> UInt64
    ) -> CoreDecision? {
        invariant(q >= 1 && answers.count <= answersMax, "quorum \(q) of \(answers.count) answers")
        if answers.count < q { return nil }
        let table = distances(answers, distance)
        let sorted = order(answers)
        guard let best = smallest(sorted, answers, q, table), best.diameter <= tolerance else {
            return nil
        }
        let representative = canonical(best.members, answers, table)
        let winners = answers.indices.filter { table[$0][representative] <= tolerance }
        return CoreDecision(
            core: best.members, diameter: best.diameter, representative: representative,
            canonical: answers[representative].compareHash, winners: winners,
            losers: answers.indices.filter { !winners.contains($0) })
    }

    // MARK: below their use

    /// By (compareHash, account), so that it does not matter in which order results came.
    static func order(_ answers: [RevealedAnswer]) -> [Int] {
        #if PLANTED_BUGS
            if Planted.site == 502 { return Array(answers.indices) }
        #endif
        return answers.indices.sorted { key(answers[$0]) < key(answers[$1]) }
    }

    static func key(_ answer: RevealedAnswer) -> (Digest, PublicKey) {
        (answer.compareHash, answer.account)
    }

    static func distances(
        _ answers: [RevealedAnswer], _ distance: (RevealedAnswer, RevealedAnswer) -> UInt64
    ) -> [[UInt64]] {
        answers.indices.map { i in
            answers.indices.map { j in
                if i == j { return 0 }
                let (a, b) = (answers[i], answers[j])
                if a.status != b.status || a.exitCode != b.exitCode { return apart }
                return distance(a, b)
            }
        }
    }

    /// The q-subset of smallest diameter; ties by the list of compareHashes, then of accounts.
    static func smallest(
        _ sorted: [Int], _ answers: [RevealedAnswer], _ q: Int, _ table: [[UInt64]]
    ) -> (members: [Int], diameter: UInt64)? {
        var best: (members: [Int], diameter: UInt64)?
        for subset in 0..<(1 << sorted.count) where subset.nonzeroBitCount == q {
            let members = sorted.indices.filter { subset >> $0 & 1 == 1 }.map { sorted[$0] }
            var diameter: UInt64 = 0
            for i in members { for j in members { diameter = max(diameter, table[i][j]) } }
            guard let standing = best else {
                best = (members, diameter)
                continue
            }
            if diameter < standing.diameter
                || diameter == standing.diameter && precedes(members, standing.members, answers)
            {
                best = (members, diameter)
            }
        }
        return best
    }

    static func precedes(_ a: [Int], _ b: [Int], _ answers: [RevealedAnswer]) -> Bool {
        for (x, y) in zip(a, b) where answers[x].compareHash != answers[y].compareHash {
            return answers[x].compareHash < answers[y].compareHash
        }
        for (x, y) in zip(a, b) where answers[x].account != answers[y].account {
            return answers[x].account < answers[y].account
        }
        return false
    }

    /// The first member of the largest group of equal compareHash if it has two or more, else the medoid.
    /// `members` ascend by (compareHash, account), so the first of equals has the smaller hash.
    static func canonical(
        _ members: [Int], _ answers: [RevealedAnswer], _ table: [[UInt64]]
    ) -> Int {
        var best = members[0]
        var bestCount = 0
        for i in members {
            let count = members.filter { answers[$0].compareHash == answers[i].compareHash }.count
            if count > bestCount { (best, bestCount) = (i, count) }
        }
        if bestCount >= 2 { return best }
        var bestSum = UInt128.max
        for i in members {
            let sum = members.reduce(UInt128(0)) { $0 + UInt128(table[i][$1]) }
            if sum < bestSum { (best, bestSum) = (i, sum) }
        }
        return best
    }
}
