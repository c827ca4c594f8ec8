import Basis
import Trust
import Wire

extension LedgerEvent {
    func encodeFields(to w: inout WireWriter) {
        switch self {
        case .outcome(let txIndex, let id, let code, let fee):
            w.u32(txIndex)
            w.value(id)
            w.u8(code.rawValue)
            w.amount(fee)
        case .admitted(let account, let inviter, let owner, let welcome):
            w.value(account)
            w.value(inviter)
            w.value(owner)
            w.amount(welcome)
        case .transferred(let from, let to, let amount):
            w.value(from)
            w.value(to)
            w.amount(amount)
        case .offerChanged(let account, let slotClass, let slots, let reason):
            w.value(account)
            w.u8(slotClass)
            w.u16(slots)
            w.u8(reason.rawValue)
        case .jobOpened(let job, let submitter, let funded, let fee):
            w.value(job)
            w.value(submitter)
            w.amount(funded)
            w.amount(fee)
        case .drawn(let drawn): drawn.encodeFields(to: &w)
        case .drawFailed(let job, let round, let eligibleOwners, let retryAt):
            w.value(job)
            w.u32(round)
            w.u32(eligibleOwners)
            w.u64(retryAt)
        case .committed(let job, let lease):
            w.value(job)
            w.u16(lease)
        case .revealed(let job, let lease, let compareHash, let bodyHash):
            w.value(job)
            w.u16(lease)
            w.value(compareHash)
            w.value(bodyHash)
        case .leaseEnded(let job, let lease, let state, let reason):
            w.value(job)
            w.u16(lease)
            w.u8(state)
            w.u8(reason)
        case .revealOpened(let job, let deadline):
            w.value(job)
            w.u64(deadline)
        case .settled(let settled): settled.encodeFields(to: &w)
        case .refunded(let job, let reason, let attempts, let refund):
            w.value(job)
            w.u8(reason.rawValue)
            w.list(attempts) { $1.encodeFields(to: &$0) }
            w.amount(refund)
        case .cancelled(let job, let attempts, let refund):
            w.value(job)
            w.list(attempts) { $1.encodeFields(to: &$0) }
            w.amount(refund)
        case .suspended(let account, let until):
            w.value(account)
            w.u64(until)
        }
    }

    init(kind: UInt8, fieldsFrom r: inout WireReader) throws(WireError) {
        switch kind {
        case 1:
            let txIndex = try r.u32()
            let id: TransactionID = try r.value()
            let tag = try r.u8()
            guard let code = OutcomeCode(rawValue: tag) else { throw .unknownTag(UInt64(tag)) }
            self = .outcome(txIndex: txIndex, id: id, code: code, fee: try r.amount())
        case 2:
            self = .admitted(
                account: try r.value(), inviter: try r.value(), owner: try r.value(), welcome: try r.amount())
        case 4: self = .transferred(from: try r.value(), to: try r.value(), amount: try r.amount())
        case 5:
            let account: PublicKey = try r.value()
            let slotClass = try r.u8()
            let slots = try r.u16()
            let tag = try r.u8()
            guard let reason = OfferReason(rawValue: tag) else { throw .unknownTag(UInt64(tag)) }
            self = .offerChanged(account: account, slotClass: slotClass, slots: slots, reason: reason)
        case 6:
            self = .jobOpened(
                job: try r.value(), submitter: try r.value(), funded: try r.amount(), fee: try r.amount())
        case 7: self = .drawn(try Drawn(fieldsFrom: &r))
        case 8:
            self = .drawFailed(
                job: try r.value(), round: try r.u32(), eligibleOwners: try r.u32(), retryAt: try r.u64())
        case 9: self = .committed(job: try r.value(), lease: try r.u16())
        case 10:
            self = .revealed(
                job: try r.value(), lease: try r.u16(), compareHash: try r.value(), bodyHash: try r.value())
        case 11:
            self = .leaseEnded(
                job: try r.value(), lease: try r.u16(), state: try r.u8(), reason: try r.u8())
        case 12: self = .revealOpened(job: try r.value(), deadline: try r.u64())
        case 14: self = .settled(try Settled(fieldsFrom: &r))
        case 15:
            let job: JobID = try r.value()
            let tag = try r.u8()
            guard let reason = RefundReason(rawValue: tag) else { throw .unknownTag(UInt64(tag)) }
            self = .refunded(
                job: job, reason: reason, attempts: try Attempt.list(&r), refund: try r.amount())
        case 16:
            self = .cancelled(job: try r.value(), attempts: try Attempt.list(&r), refund: try r.amount())
        case 18: self = .suspended(account: try r.value(), until: try r.u64())
        default: throw .unknownTag(UInt64(kind))
        }
    }
}

extension LedgerEvent.Attempt {
    func encodeFields(to w: inout WireWriter) {
        w.u16(lease)
        w.amount(pay)
    }

    static func list(_ r: inout WireReader) throws(WireError) -> [LedgerEvent.Attempt] {
        try r.list(max: LedgerLimits.leasesPerJobMax, itemBytesMin: 10) { (r) throws(WireError) in
            LedgerEvent.Attempt(lease: try r.u16(), pay: try r.amount())
        }
    }
}

extension LedgerEvent.Drawn {
    func encodeFields(to w: inout WireWriter) {
        w.value(job)
        w.u32(round)
        w.value(mix)
        w.u64(anchorHeight)
        w.u32(eligibleOwners)
        w.u64(totalTickets)
        w.value(eligibleHash)
        w.u8(flags)
        w.list(leases) {
            $0.u16($1.lease)
            $0.value($1.account)
            $0.value($1.owner)
            $0.u8($1.slotClass)
            $0.u32($1.tickets)
            $0.amount($1.rateCPU)
            $0.amount($1.rateMemory)
        }
    }

    init(fieldsFrom r: inout WireReader) throws(WireError) {
        job = try r.value()
        round = try r.u32()
        mix = try r.value()
        anchorHeight = try r.u64()
        eligibleOwners = try r.u32()
        totalTickets = try r.u64()
        eligibleHash = try r.value()
        flags = try r.u8()
        leases = try r.list(max: LedgerLimits.replicasMax, itemBytesMin: 87) { (r) throws(WireError) in
            LedgerEvent.DrawnLease(
                lease: try r.u16(), account: try r.value(), owner: try r.value(), slotClass: try r.u8(),
                tickets: try r.u32(), rateCPU: try r.amount(), rateMemory: try r.amount())
        }
    }
}

extension LedgerEvent.Settled {
    func encodeFields(to w: inout WireWriter) {
        w.value(job)
        w.u8(r)
        w.u8(q)
        w.u8(revealed)
        w.u8(comparator)
        w.u64(diameter)
        w.u64(tolerance)
        w.list(core) { $0.u16($1) }
        w.list(winners) {
            $0.u16($1.lease)
            $0.amount($1.pay)
            $0.value($1.bodyHash)
        }
        w.list(losers) { $0.u16($1) }
        w.value(canonical)
        w.u64(paidCpuMicros)
        w.u64(paidMemory)
        w.amount(refund)
        w.u16(agreement)
        w.u16(credibility)
        w.u8(flags)
    }

    init(fieldsFrom reader: inout WireReader) throws(WireError) {
        let most = LedgerLimits.replicasMax
        job = try reader.value()
        r = try reader.u8()
        q = try reader.u8()
        revealed = try reader.u8()
        comparator = try reader.u8()
        diameter = try reader.u64()
        tolerance = try reader.u64()
        core = try reader.list(max: most, itemBytesMin: 2) { (r) throws(WireError) in try r.u16() }
        winners = try reader.list(max: most, itemBytesMin: 42) { (r) throws(WireError) in
            LedgerEvent.Winner(lease: try r.u16(), pay: try r.amount(), bodyHash: try r.value())
        }
        losers = try reader.list(max: most, itemBytesMin: 2) { (r) throws(WireError) in try r.u16() }
        canonical = try reader.value()
        paidCpuMicros = try reader.u64()
        paidMemory = try reader.u64()
        refund = try reader.amount()
        agreement = try reader.u16()
        credibility = try reader.u16()
        flags = try reader.u8()
    }
}
