import Basis
import Records
import Trust

extension Membership {
    /// Goes for good with a signed leave, or stops and is expected again (10.4).
    mutating func leave(_ mode: LeaveMode) {
        guard owner.hasStarted, join.phase != .left, owner.leaving == nil else {
            if join.phase == .left { raise(.left) }
            return
        }
        for (number, _) in dials.attempts { finish(number) }
        for timer in [Timer.joinRound, .compare, .storedSeeds, .isolation] { deadlines.cancel(timer) }
        owner.leaving = mode
        deadlines.set(.leave, at: now + limits.leaveMax)
        switch mode {
        case .now:
            evaluateAvailability()
            if own.published == nil {
                // Nobody has a record of ours: there is nothing to take back.
                leaveDue()
            } else {
                own.stage = .idle
                own.isForced = true
                refreshOwnRecord()
            }
        case .stopping:
            hangUpAll(.stopping)
            var batch = rowsBatch()
            batch.ownSequence = own.last
            let ticket = ticket()
            join.leaveTicket = ticket
            emit(.persist(batch, ticket))
        }
    }

    /// The rows of a polite stop are on disk.
    mutating func leavePersisted(_ ticket: Ticket) -> Bool {
        guard join.leaveTicket == ticket else { return false }
        leaveDue()
        return true
    }

    /// The leave record is durable and on its way: it gets a moment to leave before the sessions close.
    mutating func leaveRecordTold() { deadlines.set(.leave, at: now + limits.leaveLinger) }

    mutating func leaveDue() {
        guard let mode = owner.leaving else { return }
        hangUpAll(mode == .now ? .leaving : .stopping)
        join.leaveTicket = nil
        join.phase = .left
        owner.leaving = nil
        own.stage = .idle
        deadlines.cancel(.leave)
        raise(.left)
    }

    mutating func hangUpAll(_ reason: CloseReason) {
        for (peer, _) in links { dropLink(peer, reason) }
        for (peer, _) in sessions { emit(.hangUp(peer, reason)) }
        sessions = SortedMap()
        dials.mainDials = SortedMap()
    }
}
