import Basis
import Consensus
import Credits
import Gossip
import NodeCore

/// Measures of a run over time; never in the trace.
struct Sampler: Sendable {
    static let interval = Interval.seconds(1)
    /// Latencies kept: the first so many of a run.
    static let latenciesMax = 100_000

    var series: [Series]
    private var bytesOut: UInt64 = 0
    private var bytesIn: UInt64 = 0
    private var packets: UInt64 = 0
    /// From an operation's time to its certificate at the client's peer, ms.
    private(set) var finality: [Int64] = []
    /// From a neighbour's death to the end of the link, ms.
    private(set) var detection: [Int64] = []
    private(set) var liveEvictions: UInt64 = 0

    init(peers: Int) {
        series = [
            Series(name: "components", unit: "peers", columns: ["live", "linked", "largest component"]),
            Series(name: "links", unit: "links per peer", columns: ["fewest", "median", "most"]),
            Series(name: "records", unit: "records per peer", columns: ["fewest", "median", "most"]),
            Series(name: "traffic", unit: "bytes/s per peer", columns: ["out", "in"]),
            Series(name: "packets", unit: "packets/s per peer", columns: ["sent"]),
            Series(
                name: "views", unit: "heights",
                columns: ["highest executed", "lowest executed", "certified", "view"]),
            Series(
                name: "jobs", unit: "jobs",
                columns: ["queued", "running", "revealing", "settled", "refunded", "cancelled"]),
            Series(name: "credit", unit: "micro-credits", columns: ["available", "escrow", "sum with burned"]),
            Series(name: "queues", unit: "inputs", columns: ["deepest inbox", "events waiting"]),
        ]
    }

    mutating func sent(_ i: Int, _ bytes: Int) {
        bytesOut += UInt64(bytes)
        packets += 1
    }
    mutating func received(_ i: Int, _ bytes: Int) { bytesIn += UInt64(bytes) }
    mutating func final(_ after: Interval) {
        if finality.count < Sampler.latenciesMax { finality.append(after.milliseconds) }
    }

    /// A link to a peer that runs was given up.
    mutating func lostLiveNeighbour() { liveEvictions += 1 }
    /// A link to a dead peer was given up.
    mutating func noticedDeath(of i: Int, at: Instant, died: Instant) {
        if detection.count < Sampler.latenciesMax { detection.append((at - died).milliseconds) }
    }

    mutating func add(_ name: String, _ at: Interval, _ values: [Int64]) {
        guard let place = series.firstIndex(where: { $0.name == name }) else { return }
        series[place].rows.append(.init(at: at, values: values))
    }

    /// Least, median and most.
    static func spread(_ counts: [Int]) -> [Int64] {
        let sorted = counts.sorted()
        guard let least = sorted.first, let most = sorted.last else { return [0, 0, 0] }
        return [Int64(least), Int64(sorted[sorted.count / 2]), Int64(most)]
    }

    /// Bytes out, bytes in and packets since the last call.
    mutating func take() -> (out: UInt64, inward: UInt64, packets: UInt64) {
        defer { (bytesOut, bytesIn, packets) = (0, 0, 0) }
        return (bytesOut, bytesIn, packets)
    }
}

extension World {
    mutating func sample() {
        defer { if outcome == nil { queue.push(.sample, at: now + Sampler.interval) } }
        let at = elapsed
        let live = peers.indices.filter { peers[$0].isUp && (peers[$0].node != nil || peers[$0].member != nil) }
        let linked = live.map { peers[$0].member?.links.count ?? peers[$0].inPlace { $0.linked.count } ?? 0 }
        let known = live.map {
            peers[$0].member?.core.knownCount ?? peers[$0].inPlace { $0.membership.knownCount } ?? 0
        }
        samples.add(
            "components", at, [Int64(live.count), Int64(linked.count { $0 > 0 }), Int64(largestComponent(of: live))])
        samples.add("links", at, Sampler.spread(linked))
        samples.add("records", at, Sampler.spread(known))
        let moved = samples.take()
        let n = UInt64(max(1, live.count))
        samples.add("traffic", at, [Int64(moved.out / n), Int64(moved.inward / n)])
        samples.add("packets", at, [Int64(moved.packets / n)])
        let logs = live.compactMap { i in
            peers[i].inLog {
                (peer: i, height: $0.ledger.height, certified: $0.replica.certifiedHeight, view: $0.replica.view)
            }
        }
        if let top = logs.max(by: { $0.height < $1.height }) {
            samples.add(
                "views", at,
                [
                    Int64(top.height), Int64(logs.map(\.height).min() ?? 0),
                    Int64(logs.map(\.certified).max() ?? 0), Int64(logs.map(\.view).max() ?? 0),
                ])
            var states: [Int64] = [0, 0, 0, 0, 0, 0]
            for (_, job) in peers[top.peer].inLog({ $0.ledger.jobList }) ?? [] {
                switch job.state {
                case .queued: states[0] += 1
                case .running: states[1] += 1
                case .revealing: states[2] += 1
                case .settled: states[3] += 1
                case .refunded: states[4] += 1
                case .cancelled: states[5] += 1
                }
            }
            samples.add("jobs", at, states)
        }
        samples.add("queues", at, [Int64(peers.map(\.inbox.count).max() ?? 0), Int64(queue.count)])
    }

    /// Peers in the largest set of live ones that links join, whoever holds them.
    private func largestComponent(of live: [Int]) -> Int {
        var root = Array(peers.indices)
        func top(_ i: Int) -> Int {
            var i = i
            while root[i] != i {
                root[i] = root[root[i]]
                i = root[i]
            }
            return i
        }
        var isLive = Array(repeating: false, count: peers.count)
        for i in live { isLive[i] = true }
        for i in live {
            for j in links(i) where isLive[j] { root[top(i)] = top(j) }
        }
        var sizes = Array(repeating: 0, count: peers.count)
        for i in live { sizes[top(i)] += 1 }
        return sizes.max() ?? 0
    }

    /// Everything that a report says of this run.
    public func record() -> RunRecord {
        var record = RunRecord(plan: plan, seed: seed, outcome: outcome ?? .exhausted, traceHash: traceHash)
        record.events = events
        record.simulated = elapsed
        record.judged = checkers.judged
        record.series = samples.series.filter { !$0.rows.isEmpty }
        record.figures = figures
        record.measures = [Measure("finality", .times(samples.finality))] + checkers.measures
        record.lastEvents = recent
        record.strip = plan.faults.map { (text: $0.kind.name, from: $0.at, to: end(of: $0)) }
        return record
    }

    private var figures: [(name: String, value: String)] {
        var all: [(name: String, value: String)] = []
        func add(_ name: String, _ millis: [Int64]) {
            if millis.isEmpty { return }
            let sorted = millis.sorted()
            all.append(("\(name) p50", "\(sorted[sorted.count / 2]) ms"))
            all.append(("\(name) p99", "\(sorted[min(sorted.count - 1, sorted.count * 99 / 100)]) ms"))
        }
        add("finality", samples.finality)
        add("deaths noticed", samples.detection)
        if isMembersOnly { all.append(("live neighbours given up", "\(samples.liveEvictions)")) }
        all.append(("datagrams", "\(network.sent)"))
        for drop in SimNetwork.Drop.allCases where network.drops[Int(drop.rawValue)] > 0 {
            all.append(("dropped: \(drop)", "\(network.drops[Int(drop.rawValue)])"))
        }
        for one in coalitions { all.append(("deeds of \(one.plan.name)", "\(one.means.deeds)")) }
        for (state, count) in promises { all.append(("operations \(state)", "\(count)")) }
        return all
    }

    /// How operations ended, by word.
    private var promises: [(String, Int)] {
        var counts = SortedMap<String, Int>()
        for item in work.items {
            let word: String =
                switch item.state {
                case .planned: "planned"
                case .asked: "asked"
                case .skipped: "skipped"
                case .accepted: "accepted"
                case .refused: "refused"
                case .ordered: "ordered"
                case .certified(_, let applied): applied ? "final" : "final, not applied"
                case .expired: "expired"
                }
            counts[word, default: 0] += 1
        }
        return counts.map { ($0.key, $0.value) }
    }

    /// Remembers a line for people; the last `recentMax` are kept.
    mutating func tell(_ peer: Int, _ kind: String, _ text: String) {
        recent.append(ToldEvent(number: events, at: elapsed, peer: peer, kind: kind, text: text))
        if recent.count > World.recentMax, !tellsAll { recent.removeFirst(World.recentMax / 2) }
    }

    static let recentMax = 400
}
