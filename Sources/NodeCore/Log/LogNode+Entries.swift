import Basis
import Consensus
import Credits
import Records
import Trust
import Wire

extension LogNode {
    // MARK: own entries

    /// Signs an own entry, keeps it, and hands it in once it is durable.
    mutating func compose(_ body: Entry.Body, _ lease: JobLease?, _ key: [UInt8], _ ticket: Ticket)
    {
        if !key.isEmpty, let id = outbox.id(forKey: key) {
            effects.append(.accepted(ticket, id))
            return
        }
        if outbox.isFull {
            effects.append(.refused(ticket, .full))
            return
        }
        let entry = Entry(
            envelope: envelope(of: body.kind, lease), body: body, network: network, signer: signer)
        keep(entry.encoded, key, ticket)
    }

    /// Signs an own entry with a nonce that nobody else gets, for a caller that keeps it durably before it submits it.
    mutating func sign(_ body: Entry.Body) -> (entry: [UInt8], nonce: UInt64)? {
        guard let lane = body.kind.lane else { return nil }
        let nonce = freeNonce(lane)
        let entry = Entry(
            envelope: envelope(of: body.kind, nil), body: body, network: network, signer: signer)
        nextNonce[lane] = nonce + 1
        signedNonces[lane, default: []].insert(nonce)
        return (entry.encoded, nonce)
    }

    /// Forgets nonces of entries that were signed and then not kept, so that no gap stays.
    mutating func releaseNonces() {
        nextNonce = [:]
        signedNonces = [:]
        for item in outbox.all { reserveNonce(of: item) }
    }

    func envelope(of kind: Entry.Kind, _ lease: JobLease?) -> Entry.Envelope {
        if let lane = kind.lane {
            return .owner(
                lane, nonce: freeNonce(lane),
                validUntil: max(wall, ledger.clock.time) + LogNode.entryLifeMillis)
        }
        if kind.isLease {
            guard let lease else { unreachable("a \(kind) without its lease") }
            return .lease(job: lease.job, index: lease.index)
        }
        return .admission
    }

    /// The next nonce of a lane: after what the ledger executed and after what waits here.
    func freeNonce(_ lane: Entry.Lane) -> UInt64 {
        guard let record = ledger.account(account) else { return 0 }
        let executed = lane == .wallet ? record.nonceWallet : record.nonceNode
        if !mayHaveGap { return max(executed, nextNonce[lane] ?? 0) }
        // An entry expired, or a run ended, while later ones wait: they stay until the gap before them is filled.
        var taken = signedNonces[lane] ?? []
        for item in outbox.all {
            guard let entry = try? Entry(decoding: item.entry), entry.account == account,
                case .owner(lane, let nonce, _) = entry.envelope
            else { continue }
            taken.insert(nonce)
        }
        var free = executed
        while taken.contains(free) { free += 1 }
        return free
    }

    mutating func submit(_ bytes: [UInt8], _ ticket: Ticket) {
        if outbox.isFull {
            effects.append(.refused(ticket, .full))
            return
        }
        keep(bytes, [], ticket)
    }

    /// Checks an entry against the executed state, and writes it into the outbox.
    mutating func keep(_ bytes: [UInt8], _ key: [UInt8], _ ticket: Ticket) {
        let checked: CheckedEntry
        switch ingress.checked(entry: bytes) {
        case .success(let entry): checked = entry
        case .failure(let refusal):
            effects.append(.refused(ticket, .malformed(refusal)))
            return
        }
        if outbox[checked.id] != nil {
            effects.append(.accepted(ticket, checked.id))
            return
        }
        if let code = ledger.refusal(
            of: checked.entry, room: LedgerLimits.production.poolPerAccountMax)
        {
            effects.append(.refused(ticket, .outcome(code)))
            return
        }
        if case .owner(let lane, let nonce, _) = checked.entry.envelope,
            checked.entry.account == account
        {
            nextNonce[lane] = max(nextNonce[lane] ?? 0, nonce + 1)
            signedNonces[lane]?.remove(nonce)
        }
        outbox.add(Outbox.Item(entry: checked, key: key), into: &batch)
        batch.isSynced = true
        completions.append(.entry(checked.id, ticket))
    }

    /// Puts a durable own entry into the own pool if this is a seat, and sends it to those that order.
    mutating func hand(in entry: [UInt8]) {
        guard case .success(let checked) = ingress.checked(entry: entry) else { return }
        if isSeat {
            _ = take(checked)
        }
        sendToSeats([entry], isToAll: isSeat)
    }

    /// Sends what is overdue again (`ledger.md` 4.3, Submit).
    mutating func resend() {
        let due = outbox.due(now: now)
        if due.isEmpty { return }
        if isSeat {
            for entry in due {
                if case .success(let checked) = ingress.checked(entry: entry) { _ = take(checked) }
            }
        }
        for part in Submit.parts(of: due) { sendToSeats(part, isToAll: true) }
        resends += 1
    }

    /// To f + 1 seats, or to all that there is a session with and f + 1 others; leaders of the next views first.
    ///
    /// Seats with a session come before others, but never fewer are told because there is none: the only seat that one
    /// is connected to may be dead, or keep entries to itself. The others take turns, since some of them may be dead.
    mutating func sendToSeats(_ entries: [[UInt8]], isToAll: Bool) {
        let order = (0..<seatPeers.count).map { seatPeers[seats.leader(of: replica.view &+ UInt64($0))] }
            .filter { $0 != ownPeer }
        let near = order.filter { linked[$0] != nil }
        var far = order.filter { linked[$0] == nil }
        let few = seats.faulty + 1
        if !far.isEmpty {
            let turn = resends * few % far.count
            far = Array(far[turn...] + far[..<turn])
        }
        let targets = isToAll ? near + far.prefix(few) : Array((near + far).prefix(few))
        if targets.isEmpty { return }
        effects.append(.send(.submit(Submit(entries: entries, hops: 0)), to: targets))
    }

    mutating func take(_ checked: CheckedEntry) -> Pool.Answer {
        let answer = pool.insert(checked, ledger: ledger, now: now)
        if answer == .taken { isDemandStale = true }
        return answer
    }

    // MARK: messages

    mutating func receive(_ number: UInt16, _ body: [UInt8], from peer: PeerID) {
        do throws(LogIngress.Fault) {
            let message = try ingress.admit(
                number: number, body: body, isSeat: seatPeers.contains(peer))
            switch message.value {
            case .submit(let submit): receive(submit, from: peer)
            case .submitAck: break
            case .proposal(let proposal):
                // Into the pool first: successors of an entry that only this block holds can then follow it.
                for entry in proposal.block.entries {
                    if case .success(let checked) = ingress.checked(entry: entry) { _ = take(checked) }
                }
                replica(.received(message, from: peer))
            default: replica(.received(message, from: peer))
            }
        } catch {
            if error != .notSeat { effects.append(.misbehaved(peer, .ingress(error))) }
        }
    }

    /// Entries from another peer: into the pool of a seat, and once on to the other seats; past a peer that is none.
    mutating func receive(_ submit: Submit, from peer: PeerID) {
        var answers: [SubmitAck.Item] = []
        var fresh: [[UInt8]] = []
        for bytes in submit.entries {
            let hash = Block.entryHash(bytes, hashing: hashing)
            switch ingress.checked(entry: bytes) {
            case .success(let checked):
                let answer = isSeat ? take(checked) : .taken
                if answer == .taken { fresh.append(bytes) }
                answers.append(.init(entryHash: hash, answer: LogNode.code(answer)))
            case .failure(let refusal):
                if refusal != .unsupported {
                    effects.append(.misbehaved(peer, .ingress(.badEntry(refusal))))
                }
                answers.append(.init(entryHash: hash, answer: LogNode.code(refusal)))
            }
        }
        effects.append(.send(.submitAck(SubmitAck(results: answers)), to: [peer]))
        if fresh.isEmpty || submit.hops >= Submit.hopsMax { return }
        // A seat's own forwarding ends here: the others got it from the same seat.
        if isSeat && seatPeers.contains(peer) { return }
        let others = seatPeers.filter { $0 != ownPeer && $0 != peer && linked[$0] != nil }
        let targets = isSeat ? others : Array(others.prefix(seats.faulty + 1))
        if targets.isEmpty { return }
        effects.append(.send(.submit(Submit(entries: fresh, hops: submit.hops + 1)), to: targets))
    }

    static func code(_ answer: Pool.Answer) -> UInt8 {
        switch answer {
        case .taken: SubmitAck.taken
        case .known: SubmitAck.known
        case .full: SubmitAck.poolFull
        case .refused(let code): 2 + code.rawValue
        }
    }

    static func code(_ refusal: CheckedEntry.Refusal) -> UInt8 {
        switch refusal {
        case .unsupported: SubmitAck.unsupported
        case .badSignature: 2 + OutcomeCode.badSignature.rawValue
        case .tooLarge, .malformed: 2 + OutcomeCode.malformed.rawValue
        }
    }
}
