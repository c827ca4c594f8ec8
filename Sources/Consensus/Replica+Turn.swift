import Basis
import Records
import Trust

extension Replica {
    /// An order that needs nothing durable.
    mutating func emit(_ effect: Effect) { turn.effects.append(effect) }

    /// Sends once all writes so far are durable: what it shows may rest on an own vote (4.9, I2).
    mutating func post(_ message: LogMessage, to peers: [PeerID]) {
        if peers.isEmpty { return }
        turn.gated.append(.send(message, to: peers))
    }

    /// Ends one call: one batch for all its writes, and sends tied to it.
    mutating func finishTurn() -> [Effect] {
        var effects = turn.effects
        let gated = turn.gated
        var batch = turn.batch
        let flushesLazy = turn.flushesLazy
        turn = Turn()
        if batch.isEmpty, mode == .stopped, !lazyWrites.isEmpty { batch.isSynced = true }
        if !batch.isEmpty || mode == .stopped {
            batch.merge(lazyWrites)
            lazyWrites = StoreBatch(isSynced: false)
        } else if flushesLazy, !lazyWrites.isEmpty {
            batch = lazyWrites
            batch.isSynced = false
            lazyWrites = StoreBatch(isSynced: false)
        }
        if !batch.isEmpty {
            let ticket = Ticket(nextTicket)
            nextTicket += 1
            outbox.append(Parcel(ticket: ticket, effects: gated))
            effects.append(.persist(batch, ticket))
        } else if outbox.isEmpty {
            effects += gated
        } else {
            outbox[outbox.count - 1].effects += gated
        }
        return effects
    }

    /// What waited for this ticket leaves, once all tickets before it were answered too.
    mutating func release(_ ticket: Ticket) {
        for i in outbox.indices where outbox[i].ticket == ticket { outbox[i].isDurable = true }
        while let first = outbox.first, first.isDurable {
            outbox.removeFirst()
            turn.effects += first.effects
        }
    }

    /// Writes that waited for a synced batch go out on their own if this turn has none. Decided at its end: a vote of
    /// the same turn must be synced whatever came before it.
    mutating func flushLazy() { turn.flushesLazy = true }
}
