package import Basis
import Compute
package import Gossip
import Records
package import Session

/// What simulations look at, and what they alter to plant a bug (`simulation.md` 15, 16). No logic uses any of it.
extension NodeCore {
    /// Datagrams and stream bytes that the session table dropped or refused.
    package var sessionDrops: UInt64 { sessions.dropCount }
    package var sessionSizes: [Int] { sessions.sizes }
    package static func sessionCapacities(_ limits: SessionLimits) -> [(name: String, most: Int)] {
        SessionTable<Crypto>.capacities(limits)
    }

    /// Own entries that were not executed and that nothing will send again.
    package var forgottenEntries: Int { log?.outbox.forgottenCount ?? 0 }

    /// Names of the parts whose deadline is not after `now`.
    package func dueParts(_ now: Instant) -> [String] {
        let parts: [(String, Instant?)] = [
            ("tick", nextTick), ("sessions", sessions.nextDeadline), ("membership", membership.nextDeadline),
            ("log", log?.nextDeadline), ("blobs", exchange.nextDeadline), ("desk", desks?.desk.nextDeadline),
            ("book of jobs", desks?.book.nextDeadline),
        ]
        return parts.filter { $0.1.map { $0 <= now } ?? false }.map(\.0)
    }

    package mutating func plant(_ change: (inout Membership) -> Void) { change(&membership) }
    package mutating func plantForgottenReplays() { sessions.plantForgottenReplays() }
}

extension Outbox {
    /// Items that left at least once, are not executed and have no deadline.
    var forgottenCount: Int {
        items.reduce(0) {
            let waiting = $1.value
            return $0 + (waiting.sends > 0 && waiting.item.executed == nil && deadlines[$1.key] == nil ? 1 : 0)
        }
    }
}
