import Basis
import Credits
import NodeCore
import Records
import Trust
import Wire

/// J13: a set's share of draws is its share of tickets.
///
/// Each pick of a draw is a trial whose chance is the set's share of the tickets that are left: so many trials lie
/// around the sum of their chances, whoever was drawn before. Sets are the coalitions of the plan, each also in the
/// jobs of each coalition of submitters alone (who may have ground ids), and every other peer. One run is judged by
/// six standard deviations, which a sound run misses once in 10⁹; `peersim sweep` judges many by three.
struct DrawsAreFair: Checker {
    static let id = "J13"
    static let statement = "a set's share of draws is its ticket share; ground ids gain nothing"
    static let watches: [Observation.Kind] = [.advanced]
    static let sigmasMax: UInt64 = 6
    private(set) var judged: UInt64 = 0
    private let isJudged: Bool

    private struct Group: Sendable {
        let name: String
        /// By number of the peer.
        let isMember: [Bool]
        /// Whose jobs count; nil: everybody's.
        let submitters: [Int]?
        var count = HitCount()
    }
    private var groups: [Group]

    init(_ plan: Plan) {
        // Who withholds its turn of the beacon may choose between two draws: `ledger.md` 7.1 bounds what that gains.
        isJudged = !plan.adversaries.contains { $0.type == .turnSkipper }
        groups = [
            Group(
                name: "draws of every other peer", isMember: plan.peers.indices.map { $0 % 2 == 0 }, submitters: nil)
        ]
        for one in plan.adversaries {
            let isMember = plan.peers.indices.map { one.peers.contains($0) }
            groups.append(Group(name: "draws of \(one.name)", isMember: isMember, submitters: nil))
            for other in plan.adversaries where other.type.home == .submitters && other.name != one.name {
                groups.append(
                    Group(
                        name: "draws of \(one.name) in jobs of \(other.name)", isMember: isMember,
                        submitters: other.peers))
            }
        }
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for draw in read.draws {
            let peers = draw.eligible.map { world.byAccount[$0.account] }
            let submitter = world.byAccount[draw.story.submitter]
            for place in groups.indices {
                if let only = groups[place].submitters, submitter.map({ !only.contains($0) }) ?? true { continue }
                count(draw, peers, place)
                judged += 1
                guard isJudged, groups[place].count.isBeyond(sigmas: DrawsAreFair.sigmasMax) else { continue }
                let count = groups[place].count
                return Finding(
                    peers: [],
                    expected: "\(count.expected / HitCount.one) of \(count.trials) \(groups[place].name)",
                    found: "\(count.hits)")
            }
        }
        return nil
    }

    /// - Parameter peers: who holds each eligible offer.
    private mutating func count(_ draw: ReadBlock.DrawReading, _ peers: [Int?], _ place: Int) {
        var isLeft = draw.eligible.map { _ in true }
        for lease in draw.drawn.leases {
            var (all, own): (UInt64, UInt64) = (0, 0)
            for (at, one) in draw.eligible.enumerated() where isLeft[at] {
                all += UInt64(one.tickets)
                if let peer = peers[at], groups[place].isMember[peer] { own += UInt64(one.tickets) }
            }
            guard all > 0, let hit = draw.eligible.firstIndex(where: { $0.account == lease.account }) else { return }
            // Where all or none belong to the set, nothing is to be seen.
            if own > 0, own < all {
                let isHit = peers[hit].map { groups[place].isMember[$0] } ?? false
                groups[place].count.add(isHit: isHit, chance: own * HitCount.one / all)
            }
            let owner = draw.eligible[hit].owner
            for (at, one) in draw.eligible.enumerated() where one.owner == owner { isLeft[at] = false }
        }
    }

    var measures: [Measure] { groups.filter { $0.count.trials > 0 }.map { Measure($0.name, $0.count.values) } }
}

/// How often jobs are settled by a lie, and how often the draw alone lets one expect: where a coalition gives one wrong
/// answer, a job is lost once it has q of the r leases.
struct WrongAnswers: Sendable {
    private let isMember: [Bool]
    private let isCounted: Bool
    /// In millionths, of jobs that were drawn in one go.
    private var chances: [JobID: UInt64] = [:]
    private var count = HitCount()

    init(_ plan: Plan) {
        let rings = plan.adversaries.filter { $0.type == .sameWrongResult && $0.intensity == .always }
        isCounted = rings.count == 1
        isMember = plan.peers.indices.map { i in rings.contains { $0.peers.contains(i) } }
    }

    mutating func take(_ read: ReadBlock, in world: borrowing World) {
        if !isCounted { return }
        for draw in read.draws where draw.story.round == 0 && draw.drawn.leases.count == Int(draw.spec.r) {
            chances[draw.drawn.job] = chance(draw, in: world)
        }
        for closing in read.closings {
            guard case .settled(let settled) = closing.event, let chance = chances[closing.job] else { continue }
            let liars = world.lies[closing.job] ?? []
            let isWrong = settled.winners.contains { winner in
                let account = closing.story.leases[Int(winner.lease)].terms.account
                return world.byAccount[account].map { liars.contains($0) } ?? false
            }
            count.add(isHit: isWrong, chance: chance)
        }
    }

    /// Holders of equally many tickets.
    struct Class {
        let tickets: UInt64
        let isMember: Bool
        var count: UInt64
    }

    /// That the ring has q of the r leases: over all orders in which holders of 1, 2 … tickets may be drawn.
    private func chance(_ draw: ReadBlock.DrawReading, in world: borrowing World) -> UInt64 {
        var classes: [Class] = []
        for one in draw.eligible {
            let isOne = world.byAccount[one.account].map { isMember[$0] } ?? false
            let tickets = UInt64(one.tickets)
            if let at = classes.firstIndex(where: { $0.tickets == tickets && $0.isMember == isOne }) {
                classes[at].count += 1
            } else {
                classes.append(Class(tickets: tickets, isMember: isOne, count: 1))
            }
        }
        return WrongAnswers.chance(classes, picks: Int(draw.spec.r), needed: Int(draw.spec.q))
    }

    /// That at least `needed` of so many picks without return are members, in millionths.
    static func chance(_ classes: [Class], picks: Int, needed: Int) -> UInt64 {
        if needed <= 0 { return HitCount.one }
        if picks < needed { return 0 }
        let all = classes.reduce(UInt64(0)) { $0 + $1.tickets * $1.count }
        if all == 0 { return 0 }
        var sum: UInt64 = 0
        for at in classes.indices where classes[at].count > 0 {
            var left = classes
            left[at].count -= 1
            let rest = chance(left, picks: picks - 1, needed: needed - (classes[at].isMember ? 1 : 0))
            sum += classes[at].tickets * classes[at].count * rest
        }
        return sum / all
    }

    var measures: [Measure] { isCounted ? [Measure("wrong results accepted", count.values)] : [] }
}
