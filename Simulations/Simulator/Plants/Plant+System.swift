import Basis
import Records

extension PlantSite {
    static let writesTrailingBytes = PlantSite(2)
    static let moreEntropy = PlantSite(3)
    static let swallowsPackets = PlantSite(4)
    static let leavesDueTimer = PlantSite(6)
    static let wakesAtOnce = PlantSite(7)
    static let halfABatchSurvives = PlantSite(8)
    static let answersBeforeSync = PlantSite(9)
    static let forgetsReplays = PlantSite(10)
    static let takesLinkTimers = PlantSite(11)
    static let checksSignaturesFirst = PlantSite(12)
}

/// Plants of group S.
extension Plant {
    static let system: [Plant] = [
        Plant("S2", .shell, .writesTrailingBytes, "the shell appends a byte to each row of the book") {
            .canary(seconds: 40)
        },
        Plant("S3", .limits, .moreEntropy, "nodes keep twice the entropy seeds") { .canary(seconds: 40) },
        Plant("S4", .shell, .swallowsPackets, "one datagram in 64 is swallowed uncounted") { .canary(seconds: 40) },
        Plant("S6", .memory, .leavesDueTimer, "a timer that fired stays in the table") { .canary(seconds: 30) },
        Plant("S7", .shell, .wakesAtOnce, "a busy peer is woken again without delay") { .canary(seconds: 20) },
        Plant("S8", .shell, .halfABatchSurvives, "half a batch survives a crash") {
            var plan = Plan.canary(seconds: 40)
            plan.diskLatency = .milliseconds(150)
            plan.faults = (0..<4).map { k in
                Fault(
                    id: k, at: .seconds(12 + Int64(k) * 4) + .milliseconds(330),
                    kind: .crash(.peers([k]), restartAfter: .seconds(2), disk: .loseUnsynced(.seeded)))
            }
            return plan
        },
        Plant("S9", .shell, .answersBeforeSync, "the store answers before it has synced") { .canary(seconds: 20) },
        Plant("S10", .memory, .forgetsReplays, "the replay windows of all sessions are emptied") {
            .canary(observers: 2, seconds: 120)
        },
        Plant("S11", .memory, .takesLinkTimers, "the timers of a peer's links are taken") { .canary(seconds: 40) },
        Plant("S12", .shell, .checksSignaturesFirst, "a signature is checked before anything else") {
            var plan = Plan.canary(observers: 4, seconds: 80, transfersPerSecond: 0)
            plan.network.corrupt = Chance(1, in: 2)
            return plan
        },
    ]
}
