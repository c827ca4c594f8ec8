/// What this core dropped or refused, by name (STYLE 4.5). Read by shells, never by logic.
public enum MembershipCounter: Int, Sendable, CaseIterable {
    // Received records (3.4).
    case recordMalformed, recordUnwanted, recordOutOfTime, recordOld, recordUnusable
    case recordTellerBudget, recordNoRoom, recordForged, recordEquivocated
    // Messages that do not fit the state they met.
    case ackUnknown, indirectAckUnknown, linkMessageUnexpected, messageNotLinked, messageNoSession
    case answerUnasked, pullTooSoon, findTooSoon, messageUnsupported
    // Budgets.
    case forwardOverBudget, helperOverBudget, linkRefused, dialDamped, bookEvicted, pinRefused
    case findRefused, documentRefused
    // Own trouble.
    case sendFailed, persistFailed, timerLate, rowUndecodable, ticketUnknown, directoryFull
    case documentMismatch, documentWrong, selfDial, denied
}

/// Counts per `MembershipCounter`.
public struct MembershipCounters: Sendable, Hashable {
    var values = [UInt64](repeating: 0, count: MembershipCounter.allCases.count)

    public subscript(counter: MembershipCounter) -> UInt64 { values[counter.rawValue] }

    mutating func raise(_ counter: MembershipCounter) { values[counter.rawValue] &+= 1 }

    /// Every counter with its name, in declaration order, for the metrics page.
    public var all: [(name: String, value: UInt64)] {
        MembershipCounter.allCases.map { ("\($0)", self[$0]) }
    }
}
