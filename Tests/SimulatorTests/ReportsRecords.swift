import Basis
import Records
import Simulator

/// Runs that never were, as rich as a real one.
enum MadeUp {
    static let end = Interval.seconds(900)
    static let step = Interval.seconds(2)

    static func plan() -> Plan {
        let peers = (0..<128).map {
            Plan.Peer(
                address: SocketAddress(v4: UInt32(0x0a00_0000 + $0), port: 7717), role: $0 < 7 ? .seat : .observer)
        }
        var plan = Plan(
            name: "one-way-minority",
            why: "A minority that can send but not receive must not stop payments for the others, and must come back "
                + "without help when the path heals.", peers: peers)
        plan.boot = .seconds(30)
        plan.calmAt = .seconds(420)
        plan.duration = end
        plan.adversaries = [AdversaryPlan(name: "ring", type: .sameWrongResult, peers: [9, 10, 11, 12, 13, 14])]
        let crash = Fault.Kind.crash(.seats(1), restartAfter: .seconds(45), disk: .loseUnsynced(.seeded))
        plan.faults = [Fault(id: 1, at: .seconds(200), kind: crash)]
        plan.waived = [Plan.Waiver(invariant: "M19", reason: "the measure of idle traffic needs 4 h")]
        return plan
    }

    static func passed(until end: Interval = end) -> RunRecord {
        var record = RunRecord(plan: plan(), seed: 0x9e37_79b9_7f4a_7c15, outcome: .passed, traceHash: 0x00c0_ffee)
        record.events = 1_204_551
        record.simulated = end
        record.realMilliseconds = 2_950
        record.commit = "4f1c2ab"
        record.judged = [
            .init(invariant: "S3", statement: "no queue, table, inbox or backlog exceeds its limit", count: 294),
            .init(invariant: "S5", statement: "no bytes from the network make a node trap", count: 1_204_551),
            .init(invariant: "M4", statement: "both ends of a link agree within one handshake timeout", count: 294),
            .init(invariant: "M14", statement: "a crashed neighbour leaves the links: median ≤ 8 s", count: 0),
            .init(invariant: "M19", statement: "idle traffic ≤ 1.5 kB/s per direction", count: 0),
            .init(invariant: "C1", statement: "finalised chains are prefixes of one another", count: 912),
            .init(invariant: "L1", statement: "all credit = genesis + minted + grants − burned", count: 116_736),
            .init(invariant: "L4", statement: "an escrow resolves exactly once", count: 80),
            .init(invariant: "J11", statement: "every opened job ends by its deadline", count: 80),
        ]
        record.figures = [
            ("finality p50", "412 ms"), ("finality p99", "2.9 s"), ("height", "912"), ("jobs settled", "77 of 80"),
            ("bytes per peer", "1.1 kB/s"), ("conserved", "yes"),
        ]
        record.strip = [
            ("loss 10 % at all", .seconds(40), .seconds(300)),
            ("partition one-way from random:20% to the rest", .seconds(60), .seconds(180)),
            ("clog seat 3", .seconds(70), .seconds(75)),
            ("crash seat 2, restart after 45 s", .seconds(200), .seconds(245)),
            ("crash seat 5", .seconds(205), .seconds(250)),
            ("clock jump +8 s at 17", .seconds(260), .seconds(260)),
            ("slow disk at 4 seats", .seconds(280), .seconds(420)),
            ("join storm of 30", .seconds(330), .seconds(345)),
            ("corrupt 1 in 200", .seconds(350), .seconds(420)),
        ].filter { $0.1 <= end }
        record.series = series(until: end)
        return record
    }

    static func failed() -> RunRecord {
        let end = Interval.milliseconds(231_418)
        var record = passed(until: end)
        record.outcome = .violated(
            Violation(
                invariant: "L4", at: end, event: 1_204_551, peers: [3, 17],
                expected: "escrow of job 9c1e… stays closed",
                found: "settled at height 431, refunded at height 433"))
        var rng = SeededGenerator(seed: 4)
        let kinds = ["block", "notarize", "finalize", "probe", "gossip", "reveal"]
        record.lastEvents = (0..<46).map { index in
            let peer = [3, 17, 3, 17, 0, 5, 41][Int.random(in: 0..<7, using: &rng)]
            let tellers = [0, 3, 5, 17, 41].filter { $0 != peer }
            let isTimeout = Int.random(in: 0..<4, using: &rng) == 0
            let from = tellers[Int.random(in: 0..<tellers.count, using: &rng)]
            let kind = kinds[Int.random(in: 0..<6, using: &rng)]
            let number = 1_204_551 - UInt64(45 - index) * 3
            let at = Interval.milliseconds(231_418 - Int64(45 - index) * 37)
            if index == 45 {
                return ToldEvent(
                    number: number, at: at, peer: 3, from: 17, kind: "block",
                    text: "height 433 refunds job 9c1e…, which height 431 settled")
            }
            let place = "view \(900 + index / 4), height \(428 + index / 8)"
            return ToldEvent(
                number: number, at: at, peer: peer, from: isTimeout ? nil : from, kind: isTimeout ? "timeout" : kind,
                text: place + (isTimeout ? ", due in the deadline table" : ", as the wire had it"))
        }
        return record
    }

    static func stuck() -> RunRecord {
        var record = passed()
        record.outcome = .stuck(
            .jobsEnd, waits: ["seat 3 waits for a reveal of job 9c1e…", "observer 90 waits for block 913"])
        return record
    }

    /// Values at the ends of their range, gaps, more rows than pixels, more lines than styles, many faults and peers.
    static func odd() -> RunRecord {
        var record = RunRecord(plan: Plan(name: "odd", why: "", peers: []), seed: 0, outcome: .passed, traceHash: 0)
        record.series = [
            Series(name: "one", unit: "", columns: ["a"], rows: [.init(at: .zero, values: [5])]),
            Series(name: "ends", unit: "x", columns: ["a", "b"], limit: .max, rows: [
                .init(at: .seconds(1), values: [.min]), .init(at: .seconds(2), values: [.max, 3]),
                .init(at: .seconds(3), values: []), .init(at: .seconds(4), values: [0, 1, 2]),
            ]),
            Series(name: "many", unit: "x", columns: (0..<13).map { "line \($0)" }, rows: (0..<30).map { t in
                .init(at: .seconds(t), values: (0..<13).map { t * $0 })
            }),
            Series(name: "dense", unit: "x", columns: ["a"], rows: (0..<20_000).map {
                .init(at: .milliseconds($0), values: $0 == 9_999 ? [-70_000] : $0 > 15_000 ? [] : [$0 % 7])
            }),
        ]
        record.strip = (0..<300).map { ("fault \($0)", .seconds(Int64($0 % 30)), .seconds(Int64($0))) }
        record.lastEvents = (0..<60).map {
            ToldEvent(number: $0, at: .zero, peer: Int($0), from: 3, kind: "k", text: "")
        }
        record.outcome = .trapped("")
        return record
    }

    /// Ten series; one of zeros, one without rows.
    private static func series(until end: Interval) -> [Series] {
        var rng = SeededGenerator(seed: 1)
        func noise(_ reach: Int64) -> Int64 { Int64.random(in: -reach...reach, using: &rng) }
        func rows(_ values: (Int64) -> [Int64]) -> [Series.Row] {
            stride(from: Int64(0), through: end.nanoseconds / 1_000_000_000, by: 2).map {
                Series.Row(at: .seconds($0), values: values($0))
            }
        }
        func isBad(_ t: Int64) -> Bool { (60..<180).contains(t) || (200..<250).contains(t) }
        let links = rows { t in
            let base = min(t * 2, 16)
            let components = isBad(t) ? 3 + noise(1) : t < 12 ? 20 - t : 1
            return [base + (isBad(t) ? noise(3) - 2 : 0), components, t < 20 ? 9 : 1]
        }
        let spread = rows { t in
            let p50 = 640 + noise(60) + (isBad(t) ? 500 : 0)
            return [p50, p50 * 2 + noise(100), p50 * 3 + abs(noise(900))]
        }
        let traffic = rows { t in
            let busy: Int64 = t < 420 ? 1 : 0
            return [
                320 + noise(20), 210 + noise(30) + busy * 90, busy * 640 + abs(noise(80)), 150 + busy * 200 + noise(40),
                busy * 300 + abs(noise(60)), 12 + abs(noise(6)), 4 + abs(noise(4)),
            ]
        }
        var (notarised, nullified) = (Int64(0), Int64(0))
        let views = rows { t in
            if isBad(t) { nullified += 1 } else { notarised += 2 }
            return [notarised, nullified, max(0, notarised - 2)]
        }
        let jobs = rows { t in
            let opened = min(80, t / 5)
            let settled = min(77, max(0, (t - 40) / 5))
            let refunded = min(3, t / 150)
            let open = max(0, opened - settled - refunded)
            return [open / 2, (open + 1) / 2, settled, refunded]
        }
        let total: Int64 = 1_000_000_000_000
        let credit = rows { t in
            let escrow = 40_000_000_000 * min(10, abs(t - 420) / 40)
            return [total - escrow - 150_000_000_000, escrow, 150_000_000_000, total]
        }
        let queues = rows { t in [abs(noise(isBad(t) ? 60 : 8)), abs(noise(isBad(t) ? 180 : 20)), abs(noise(5))] }
        let work = rows { t in [t * 3 / 2, t * 2, t * 4 + noise(9), 180 + noise(12)] }
        return [
            Series(name: "links", unit: "peers", columns: ["links p50", "components", "distinct views"], limit: 24,
                rows: links),
            Series(name: "spread", unit: "ms", columns: ["p50", "p99", "max"], limit: 2_500, rows: spread),
            Series(name: "traffic", unit: "bytes/s",
                columns: ["probes", "membership", "consensus", "broadcast", "jobs", "handshakes", "lookup"],
                limit: 1_500, rows: traffic),
            Series(name: "views", unit: "views", columns: ["notarised", "nullified", "finalised"], rows: views),
            Series(name: "jobs", unit: "jobs", columns: ["queued", "running", "settled", "refunded"], rows: jobs),
            Series(name: "credit", unit: "micro-credits", columns: ["available", "escrow", "bonded", "sum"],
                rows: credit),
            Series(name: "queues", unit: "messages", columns: ["inbox max", "outbox max", "tickets"], limit: 4_096,
                rows: queues),
            Series(name: "work", unit: "units", columns: ["p10", "p50", "max", "Gini, thousandths"], rows: work),
            Series(name: "coalition", unit: "‰", columns: ["of links", "of samplers"], rows: rows { _ in [0, 0] }),
            Series(name: "leaders", unit: "blocks", columns: ["seat 0"]),
        ]
    }
}
