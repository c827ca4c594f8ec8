import Basis
import Gossip
import Session

/// What simulations look at, and what they alter to plant a bug (`simulation.md` 15, 16). No logic uses any of it.
extension NodeCore {
    // Public, as it is asked with every input: what is of the package is specialised nowhere else.
    /// Packets that could not be anything.
    public var garbageCount: UInt64 { sessions.stats.garbage }
    package var sessionSizes: [Int] { sessions.sizes }

    /// Own entries that were not executed and that nothing will send again.
    package var forgottenEntries: Int { log?.outbox.forgottenCount ?? 0 }

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
