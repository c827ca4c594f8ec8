import Basis
import Records

extension PlantSite {
    static let olderRecord = PlantSite(101)
    static let unsignedRecord = PlantSite(102)
    static let thirdPeerRemoves = PlantSite(103)
    static let keepsDeadLinks = PlantSite(104)
    static let manyOutboundLinks = PlantSite(106)
    static let callsHeardVerified = PlantSite(107)
    static let padsRetries = PlantSite(108)
    static let answersElsewhere = PlantSite(109)
    static let oneByteMore = PlantSite(110)
    static let acceptsTheFuture = PlantSite(111)
    static let echoes = PlantSite(112)
    static let bansForNothing = PlantSite(113)
    static let moreRounds = PlantSite(114)
    static let bansTheOthers = PlantSite(115)
    static let oneRoundDecides = PlantSite(116)
    static let dropsHonestLinks = PlantSite(117)
    static let seedsDoNotResolve = PlantSite(118)
    static let probesEachSecond = PlantSite(119)
}

/// Plants of group M.
extension Plant {
    static let membership: [Plant] = [
        Plant("M1", .memory, .olderRecord, "an older record is put back in a table") {
            .canary(observers: 4, seconds: 40)
        },
        Plant("M2", .memory, .unsignedRecord, "a record that nobody signed is put in a table") { .canary(seconds: 20) },
        Plant("M3", .memory, .thirdPeerRemoves, "the word of a third peer makes a row unreachable") {
            .canary(observers: 4, seconds: 40)
        },
        Plant("M4", .memory, .keepsDeadLinks, "a peer counts a link that the other end dropped") {
            .canary(seats: 4, observers: 2, seconds: 160, transfersPerSecond: 0)
        },
        Plant("M6", .limits, .manyOutboundLinks, "nodes get four times the slots for links", eventsMax: 120_000) {
            .canary(seats: 1, observers: 29, seconds: 160, transfersPerSecond: 0)
        },
        Plant("M7", .memory, .callsHeardVerified, "rows of hearsay are called verified", eventsMax: 40_000) {
            // More than a book holds: seeds cannot tell of everybody, and others tell what they heard.
            var plan = Plan.canary(seats: 1, observers: 25, seconds: 60, transfersPerSecond: 0)
            for k in 0..<10 { plan.peers[16 + k].startsAt = .seconds(20 + Int64(k) / 3) }
            return plan
        },
        Plant("M8", .shell, .padsRetries, "the answer to a Hello is longer than it") { .canary(seconds: 10) },
        Plant("M8.2", .shell, .answersElsewhere, "the answer to a Hello goes to another port") { .canary(seconds: 10) },
        Plant("M9", .shell, .oneByteMore, "full datagrams are a byte too long") { .canary(seconds: 10) },
        Plant("M11", .limits, .acceptsTheFuture, "nodes take records that are a day ahead") {
            var plan = Plan.canary(seconds: 20)
            plan.peers[3].clockOffset = .seconds(3 * 3_600)
            return plan
        },
        Plant("M12", .shell, .echoes, "the shell sends every datagram back") { .canary(seconds: 20) },
        Plant("M13", .memory, .bansForNothing, "a peer bans another for nothing") { .canary(seconds: 20) },
        Plant("M14", .limits, .moreRounds, "nodes probe fifteen rounds more") {
            var plan = Plan.canary(seats: 4, observers: 2, seconds: 60, transfersPerSecond: 0)
            plan.faults = [Fault(id: 1, at: .seconds(20), kind: .lose(.peers([5])))]
            return plan
        },
        Plant("M15", .memory, .bansTheOthers, "who is cut off bans the other side") {
            var plan = Plan.canary(seats: 4, observers: 4, seconds: 180, transfersPerSecond: 0)
            plan.calmAt = .seconds(100)
            plan.holdFor = .seconds(70)
            plan.faults = [Fault(id: 1, at: .seconds(15), kind: .partition(groups: [[0, 1, 4, 5], [2, 3, 6, 7]]))]
            plan.limits = .production
            return plan
        },
        Plant("M16", .limits, .oneRoundDecides, "one round of a probe decides", eventsMax: 60_000) {
            var plan = Plan.canary(seats: 4, observers: 4, seconds: 400, transfersPerSecond: 0, network: .internet)
            plan.network.loss = Chance(1, in: 100)
            plan.network.burst = nil
            return plan
        },
        Plant("M17", .memory, .dropsHonestLinks, "a peer drops its honest links", eventsMax: 40_000) {
            var plan = Plan.canary(seats: 4, observers: 4, seconds: 60, transfersPerSecond: 0)
            plan.adversaries = [
                AdversaryPlan(name: "ring", type: .handshakeAbuser, peers: [6, 7], intensity: .never)
            ]
            return plan
        },
        Plant("M18", .shell, .seedsDoNotResolve, "names of seeds do not resolve") {
            var plan = Plan.canary(seats: 4, observers: 2, seconds: 70, transfersPerSecond: 0, network: .internet)
            plan.peers[5].startsAt = .seconds(20)
            plan.limits = .production
            return plan
        },
        Plant("M19", .limits, .probesEachSecond, "nodes probe ten times a second", eventsMax: 60_000) {
            .canary(seats: 4, observers: 2, seconds: 160, transfersPerSecond: 0)
        },
    ]
}
