import Basis
import Records
import Trust

extension Ledger {
    /// Applies one checked entry: its code, and the fee that was taken.
    ///
    /// With any code but `applied` nothing changes beyond nonce and fee (`ledger.md` 5.4).
    mutating func apply(_ checked: CheckedEntry) -> (OutcomeCode, CreditAmount) {
        let entry = checked.entry
        switch entry.envelope {
        case .owner(let lane, let nonce, let validUntil):
            do throws(OutcomeCode) {
                try admitOwner(entry.account, lane, nonce, validUntil, room: 1)
            } catch {
                return (error, .zero)
            }
            let fee = lane == .wallet ? genesis.entryFee : .zero
            var code = OutcomeCode.applied
            do throws(OutcomeCode) {
                try applyOwner(entry, nonce: nonce, fee: fee)
            } catch {
                invariant(error.takesNonceAndFee, "\(error) of \(entry.kind)")
                code = error
            }
            takeNonce(entry.account, lane)
            return (code, take(fee, from: entry.account))
        case .lease(let job, let index):
            do throws(OutcomeCode) {
                try applyLease(entry, LeaseKey(job: job, index: index))
                return (.applied, .zero)
            } catch {
                return (error, .zero)
            }
        case .admission:
            do throws(OutcomeCode) {
                guard case .admit(let token) = entry.body else { unreachable("\(entry.kind) is no admission") }
                try admit(entry.account, token)
                return (.applied, .zero)
            } catch {
                return (error, .zero)
            }
        }
    }

    /// Codes 3 to 7. `room` is how far ahead of the lane's next nonce the entry may be, 1 in a block.
    func admitOwner(
        _ author: PublicKey, _ lane: Entry.Lane, _ nonce: UInt64, _ validUntil: UInt64, room: UInt64
    ) throws(OutcomeCode) {
        if clock.time > validUntil { throw .expired }
        if validUntil - clock.time > LedgerLimits.validUntilMillisAheadMax { throw .validUntilTooFar }
        guard let account = accounts[author] else { throw .unknownAccount }
        let next = lane == .wallet ? account.nonceWallet : account.nonceNode
        if nonce < next { throw .staleNonce }
        if nonce - next >= room { throw .nonceGap }
    }

    private mutating func applyOwner(_ entry: Entry, nonce: UInt64, fee: CreditAmount) throws(OutcomeCode) {
        switch entry.body {
        case .transfer(let payees, _): try transfer(from: entry.account, to: payees, fee: fee)
        case .openJob(let spec): try openJob(spec, by: entry.account, nonce: nonce, fee: fee)
        case .cancelJob(let job): try cancelJob(job, by: entry.account)
        case .putOffer(let offer): try putOffer(offer, by: entry.account)
        case .withdrawOffer(let slotClass): try withdrawOffer(OfferKey(account: entry.account, slotClass: slotClass))
        case .recommitBeacon(let end, let length): try recommitBeacon(entry.account, end: end, length: length)
        case .admit, .commit, .reveal, .decline: unreachable("\(entry.kind) has no nonce")
        }
    }

    // MARK: money

    private mutating func takeNonce(_ account: PublicKey, _ lane: Entry.Lane) {
        accounts.update(account) {
            if lane == .wallet { $0.nonceWallet += 1 } else { $0.nonceNode += 1 }
        }
    }

    /// Takes at most `fee` of what the account has, and burns it or gives it to the treasury.
    private mutating func take(_ fee: CreditAmount, from account: PublicKey) -> CreditAmount {
        if fee == .zero { return .zero }
        let taken = min(fee, accounts[account]?.available ?? .zero)
        if taken == .zero { return .zero }
        debit(taken, from: account)
        if genesis.feesToTreasury {
            credit(taken, to: treasury)
        } else {
            supply.burned += UInt128(taken.micro)
        }
        return taken
    }

    /// Adds spendable credit that was taken from somewhere else.
    mutating func credit(_ amount: CreditAmount, to account: PublicKey) {
        let known = accounts.update(account) { $0.available += amount }
        invariant(known, "credit of \(amount) to unknown account \(account)")
        if account == treasury {
            supply.treasury += UInt128(amount.micro)
        } else {
            supply.available += UInt128(amount.micro)
        }
    }

    /// Takes spendable credit that goes somewhere else.
    mutating func debit(_ amount: CreditAmount, from account: PublicKey) {
        let known = accounts.update(account) { $0.available -= amount }
        invariant(known, "debit of \(amount) from unknown account \(account)")
        if account == treasury {
            supply.treasury -= UInt128(amount.micro)
        } else {
            supply.available -= UInt128(amount.micro)
        }
    }

    /// All or nothing, in the order of checks of `ledger.md` 6.3.
    private mutating func transfer(
        from author: PublicKey, to payees: [Entry.Payee], fee: CreditAmount
    ) throws(OutcomeCode) {
        var sum = UInt128(0)
        for payee in payees {
            if !accounts.contains(payee.account) { throw .unknownTarget }
            sum += UInt128(payee.amount.micro)
        }
        let available = accounts[author]?.available ?? .zero
        if sum + UInt128(fee.micro) > UInt128(available.micro) { throw .insufficientFunds }
        let rest = UInt64(UInt128(available.micro) - sum - UInt128(fee.micro))
        if rest != 0 && rest < genesis.minimumBalance.micro { throw .belowMinimum }
        for payee in payees {
            guard let held = accounts[payee.account]?.available.adding(payee.amount), held <= .supplyMax else {
                throw .overflow
            }
            if held < genesis.minimumBalance { throw .belowMinimum }
        }
        for payee in payees {
            debit(payee.amount, from: author)
            credit(payee.amount, to: payee.account)
            events.append(.transferred(from: author, to: payee.account, amount: payee.amount))
        }
    }

    // MARK: admission

    /// Whether the account may be admitted now; throws 16, 21 or 22.
    func checkAdmission(_ account: PublicKey, _ token: InviteToken?) throws(OutcomeCode) {
        if accounts.contains(account) { throw .duplicate }
        guard let token else {
            if genesis.isOpen { return }
            throw .inviteInvalid
        }
        // Members' own invites are not available in this version: only the keys of the genesis may invite.
        guard genesis.inviteKeys.contains(token.inviter), clock.time <= token.validUntil,
            token.invitee.isZero || token.invitee == account
        else { throw .inviteInvalid }
        let used = inviteUses[InviteKey(signer: token.inviter, serial: token.serial)]?.uses ?? 0
        if used >= token.uses { throw .inviteExhausted }
    }

    private mutating func admit(_ account: PublicKey, _ token: InviteToken?) throws(OutcomeCode) {
        try checkAdmission(account, token)
        let owner = token.map { $0.owner.isZero ? account : $0.owner } ?? account
        let inviter = token?.inviter ?? .zero
        accounts.set(
            account,
            AccountRecord(
                owner: owner, flags: .admitted, createdHeight: height, admittedAt: clock.time, invitedBy: inviter))
        if let token {
            let key = InviteKey(signer: token.inviter, serial: token.serial)
            let used = inviteUses[key]?.uses ?? 0
            inviteUses.set(key, InviteUse(uses: used + 1))
            // A token that is past its validUntil admits nobody, so its count may go then.
            if token.validUntil < .max {
                lapses.set(LapseKey(at: token.validUntil + 1, target: inviteUses.bytes(of: key)), Presence())
            }
        }
        let fund = accounts[treasury]?.available ?? .zero
        let capLeft = genesis.welcomeCapPerDay.subtracting(CreditAmount(micro: supply.welcomedToday)) ?? .zero
        let welcome = min(genesis.welcome, fund, capLeft)
        if welcome != .zero {
            debit(welcome, from: treasury)
            credit(welcome, to: account)
            supply.welcomedToday += welcome.micro
        }
        events.append(.admitted(account: account, inviter: inviter, owner: owner, welcome: welcome))
    }

    // MARK: offers

    private mutating func putOffer(_ offer: Offer, by author: PublicKey) throws(OutcomeCode) {
        guard let account = accounts[author], account.isAdmitted else { throw .notAdmitted }
        let key = OfferKey(account: author, slotClass: offer.slotClass)
        let old = offers[key]
        var slots = Int(offer.slots)
        for slotClass in 0..<UInt8(LedgerLimits.offersPerAccountMax) where slotClass != offer.slotClass {
            slots += Int(offers[OfferKey(account: author, slotClass: slotClass)]?.offer.slots ?? 0)
        }
        if slots > LedgerLimits.slotsPerAccountMax { throw .limitExceeded }
        if offer.validUntil > clock.time, offer.validUntil - clock.time > LedgerLimits.offerMillisAheadMax {
            throw .limitExceeded
        }
        if let old, clock.time - min(old.putAt, clock.time) < LedgerLimits.putOfferCooldownMillis {
            throw .cooldown
        }
        var record = OfferRecord(
            offer: offer, height: height, epoch: clock.epoch, view: clock.view,
            activeLeases: old?.activeLeases ?? 0, putAt: clock.time)
        if let old {
            var renewed = old.offer
            renewed.validUntil = offer.validUntil
            if renewed == offer {
                record.height = old.height
                record.epoch = old.epoch
                record.view = old.view
            }
            if old.isLive { lapses.remove(lapse(of: key, old)) }
        }
        if old?.isLive != true { accounts.update(author) { $0.offers += 1 } }
        offers.set(key, record)
        lapses.set(lapse(of: key, record), Presence())
        events.append(
            .offerChanged(account: author, slotClass: offer.slotClass, slots: offer.slots, reason: .put))
    }

    private func lapse(of key: OfferKey, _ record: OfferRecord) -> LapseKey {
        LapseKey(at: record.offer.validUntil, target: offers.bytes(of: key))
    }

    private mutating func withdrawOffer(_ key: OfferKey) throws(OutcomeCode) {
        guard let record = offers[key], record.isLive else { throw .unknownTarget }
        lapses.remove(lapse(of: key, record))
        endOffer(key, .withdrawn)
    }

    /// Ends a live offer; its record stays until its leases ended.
    mutating func endOffer(_ key: OfferKey, _ reason: LedgerEvent.OfferReason) {
        guard let record = offers[key], record.isLive else { unreachable("end of no live offer of \(key.account)") }
        accounts.update(key.account) { $0.offers -= 1 }
        if record.activeLeases == 0 {
            offers.remove(key)
        } else {
            offers.update(key) { $0.offer.slots = 0 }
        }
        events.append(.offerChanged(account: key.account, slotClass: key.slotClass, slots: 0, reason: reason))
    }

    // MARK: beacon

    private mutating func recommitBeacon(
        _ author: PublicKey, end: Digest, length: UInt32
    ) throws(OutcomeCode) {
        guard let seat = seatRecords[author] else { throw .notAllowed }
        let now = seats.turn(of: clock.view)
        if seat.left(after: now) * 2 > UInt64(seat.length) { throw .wrongState }
        // A chain that was published and whose turns passed while the seat was away blocks no further one.
        if let next = seat.next, !next.isOver(at: now) { throw .duplicate }
        let earliest = now.addingReportingOverflow(2)
        let (chainEnd, chainOverflow) = seat.start.addingReportingOverflow(UInt64(seat.length))
        if earliest.overflow || chainOverflow { throw .wrongState }
        let start = seat.length == 0 ? earliest.partialValue : max(chainEnd, earliest.partialValue)
        seatRecords.update(author) { $0.next = .init(start: start, end: end, length: length) }
    }
}
