import Basis
import Credits
import Records
import TestKit
import Testing
import Trust
import Wire

/// Outcomes of owner entries and admissions: each code of `ledger.md` 5.4, with what it takes.
@Suite struct EntryTests {
    let a = Chain.account(0), b = Chain.account(1), c = Chain.account(2), stranger = Chain.account(77)

    func fee(_ genesis: inout Genesis) { genesis.entryFee = CreditAmount(micro: 10_000) }

    func pay(_ list: [(PublicKey, UInt64)]) -> Entry.Body {
        .transfer(
            payees: list.map { .init(account: $0.0, amount: CreditAmount(micro: $0.1)) }.sorted {
                $0.account < $1.account
            }, memo: [])
    }

    /// Shows codes 0 and 3 to 13 of transfers with what each takes (M6): rows of (entry, code), a fresh chain each.
    @Test func transferCodes() {
        let micro: UInt64 = 1_000_000_000
        let rows: [(String, (inout Chain) -> Entry, OutcomeCode)] = [
            ("one payee", { $0.transfer(a, b.publicKey, 5) }, .applied),
            ("two payees", { $0.wallet(a, pay([(b.publicKey, 5), (c.publicKey, 7)])) }, .applied),
            ("to the treasury", { let t = $0.ledger.treasury; return $0.transfer(a, t, 5) }, .applied),
            ("all but the fee", { $0.transfer(a, b.publicKey, micro - 10_000) }, .applied),
            ("expired", { $0.owner(a, .wallet, 0, pay([(b.publicKey, 5)]), validUntil: $0.time) }, .expired),
            (
                "too far",
                { $0.owner(a, .wallet, 0, pay([(b.publicKey, 5)]), validUntil: $0.time + 86_400_101) },
                .validUntilTooFar
            ),
            ("unknown author", { $0.transfer(stranger, b.publicKey, 5) }, .unknownAccount),
            (
                "gap",
                { $0.owner(a, .wallet, 1, pay([(b.publicKey, 5)]), validUntil: $0.time + 1_000) },
                .nonceGap
            ),
            ("more than there is", { $0.transfer(a, b.publicKey, micro - 9_999) }, .insufficientFunds),
            ("the largest amount", { $0.transfer(a, b.publicKey, .max) }, .insufficientFunds),
            ("unknown payee", { $0.transfer(a, stranger.publicKey, 5) }, .unknownTarget),
            (
                "one of two unknown",
                { $0.wallet(a, pay([(b.publicKey, 5), (stranger.publicKey, 5)])) }, .unknownTarget
            ),
        ]
        for (name, make, code) in rows {
            var chain = Chain(change: fee)
            let entry = make(&chain)
            let before = chain.ledger.account(a.publicKey)!
            let execution = chain.run([entry])
            let after = chain.ledger.account(a.publicKey)!
            #expect(execution.outcomes[0].code == code, "\(name)")
            #expect(execution.conservationProblem == nil && chain.ledger.supplyProblem() == nil, "\(name)")
            let takes = entry.account == a.publicKey && code.takesNonceAndFee
            #expect(after.nonceWallet == before.nonceWallet + (takes ? 1 : 0), "\(name)")
            if code != .applied {
                let lost = before.available.micro - after.available.micro
                #expect(lost == (takes ? 10_000 : 0), "\(name)")
                #expect(chain.ledger.account(b.publicKey)!.available == .credits(1_000), "\(name)")
            }
        }
    }

    /// Shows stale nonces, and that of two entries with one nonce exactly one applies while the account goes on (M2).
    @Test func oneNonceAppliesOnce() {
        var chain = Chain(change: fee)
        let first = chain.owner(a, .wallet, 0, pay([(b.publicKey, 5)]), validUntil: chain.time + 9_000)
        let second = chain.owner(a, .wallet, 0, pay([(c.publicKey, 6)]), validUntil: chain.time + 9_000)
        #expect(chain.run([second, first]).outcomes.map(\.code) == [.applied, .staleNonce])
        #expect(chain.run([first, second]).outcomes.map(\.code) == [.staleNonce, .staleNonce])
        #expect(chain.ledger.account(b.publicKey)!.available == .credits(1_000))
        let third = chain.owner(a, .wallet, 1, pay([(b.publicKey, 5)]), validUntil: chain.time + 9_000)
        #expect(chain.run([third]).outcomes[0].code == .applied)
        #expect(chain.ledger.account(a.publicKey)!.available.micro == 1_000_000_000 - 5 - 6 - 20_000)
    }

    /// Shows code 10 for author and payee, and that minimumBalance lets a balance of 0 through.
    @Test func minimumBalance() {
        func make() -> Chain { Chain { $0.minimumBalance = CreditAmount(micro: 1_000) } }
        let rows: [(UInt64, OutcomeCode)] = [
            (1_000_000_000, .applied), (1_000_000_000 - 999, .belowMinimum), (1_000_000_000 - 1_000, .applied),
            (1, .applied),
        ]
        for (amount, code) in rows {
            var chain = make()
            let entry = chain.transfer(a, b.publicKey, amount)
            #expect(chain.run([entry]).outcomes[0].code == code, "\(amount)")
        }
        var chain = make()
        let drain = chain.transfer(b, c.publicKey, 1_000_000_000)
        let tooLittle = chain.transfer(a, b.publicKey, 999)
        #expect(chain.run([drain, tooLittle]).outcomes.map(\.code) == [.applied, .belowMinimum])
    }

    /// Shows codes 1 and 2: bytes that no honest seat lets through still execute, as entries that do nothing.
    @Test func brokenEntriesOfAFinalBlock() {
        var chain = Chain()
        let good = chain.transfer(a, b.publicKey, 5)
        let unsigned = Entry(
            account: a.publicKey, envelope: .owner(.wallet, nonce: 1, validUntil: chain.time + 900),
            body: pay([(b.publicKey, 5)]), signature: .zero)
        let execution = chain.run(bytes: [[], [9, 9, 9], good.encoded, unsigned.encoded, good.encoded + [0]])
        #expect(execution.outcomes.map(\.code) == [.malformed, .malformed, .applied, .badSignature, .malformed])
        #expect(chain.ledger.account(a.publicKey)!.nonceWallet == 1)
    }

    /// Shows where fees go: burned, or to the treasury; and that a poor account pays what it has.
    @Test func fees() {
        for toTreasury in [false, true] {
            var chain = Chain {
                $0.entryFee = CreditAmount(micro: 10_000)
                $0.feesToTreasury = toTreasury
            }
            let treasury = chain.ledger.supply.treasury
            let drain = chain.transfer(a, b.publicKey, 1_000_000_000 - 13_000)
            let fail = chain.transfer(a, b.publicKey, 1_000_000)
            let execution = chain.run([drain, fail])
            #expect(execution.outcomes.map(\.code) == [.applied, .insufficientFunds])
            #expect(chain.ledger.account(a.publicKey)!.available == .zero)
            #expect(chain.ledger.supply.burned == (toTreasury ? 0 : 13_000))
            #expect(chain.ledger.supply.treasury == treasury + (toTreasury ? 13_000 : 0))
            #expect(chain.ledger.supplyProblem() == nil)
            #expect(
                execution.events.contains(
                    .outcome(
                        txIndex: 1, id: execution.outcomes[1].id, code: .insufficientFunds,
                        fee: CreditAmount(micro: 3_000))))
        }
    }

    /// Shows every row of 3.3 for admissions: rows of (token, code), and what an admitted account gets.
    @Test func admissions() {
        let owner = Chain.account(50).publicKey
        let rows: [(String, (Chain) -> InviteToken?, OutcomeCode)] = [
            ("bearer", { $0.token() }, .applied),
            ("named", { $0.token(invitee: stranger.publicKey) }, .applied),
            ("owned", { $0.token(owner: owner) }, .applied),
            ("another's", { $0.token(invitee: owner) }, .inviteInvalid),
            ("a member's", { $0.token(by: a) }, .inviteInvalid),
            ("late", { $0.token(validFor: 99) }, .inviteInvalid),
            ("just in time", { $0.token(validFor: 100) }, .applied),
            ("none", { _ in nil }, .inviteInvalid),
        ]
        for (name, token, code) in rows {
            var chain = Chain()
            let execution = chain.run([chain.admit(stranger, token(chain))])
            #expect(execution.outcomes[0].code == code, "\(name)")
            let account = chain.ledger.account(stranger.publicKey)
            #expect((account != nil) == (code == .applied), "\(name)")
            guard let account else { continue }
            #expect(account.available == .credits(100) && account.nonceWallet == 1 << 20, "\(name)")
            #expect(account.owner == (name == "owned" ? owner : stranger.publicKey), "\(name)")
            #expect(chain.run([chain.admit(stranger, token(chain))]).outcomes[0].code == .duplicate, "\(name)")
            #expect(chain.ledger.supplyProblem() == nil)
        }
        var open = Chain { $0.isOpen = true }
        #expect(open.run([open.admit(stranger, nil)]).outcomes[0].code == .applied)
    }

    /// Shows that a token is used up, that its count goes when it lapsed, and that 1,000 admissions draw at most
    /// welcomeCapPerDay from the treasury, again on the next day (M8).
    @Test func invitesAndWelcome() {
        var chain = Chain()
        let token = chain.token(uses: 2)
        let codes = chain.run((0..<3).map { chain.admit(Chain.account(100 + $0), token) }).outcomes.map(\.code)
        #expect(codes == [.applied, .applied, .inviteExhausted])
        #expect(chain.store.all(.state).contains { $0.key.first == 0x0a })
        chain.run([], after: 3_600_001)
        #expect(!chain.store.all(.state).contains { $0.key.first == 0x0a })

        var many = Chain { $0.isOpen = true }
        let treasury = many.ledger.supply.treasury
        many.run((0..<1_000).map { many.admit(Chain.account(1_000 + $0), nil) })
        #expect(treasury - many.ledger.supply.treasury == 10_000_000_000)
        #expect(many.ledger.supply.welcomedToday == 10_000_000_000)
        many.run([many.admit(Chain.account(5_000), nil)], after: 86_400_000)
        #expect(treasury - many.ledger.supply.treasury == 10_100_000_000)
        #expect(many.ledger.supplyProblem() == nil)
    }

    /// Shows the codes of offers: limits (12), cooldown (24), none to withdraw (13), and what a renewal keeps.
    @Test func offerCodes() {
        var chain = Chain()
        func put(_ chain: inout Chain, _ offer: Offer) -> OutcomeCode {
            let entry = chain.node(a, .putOffer(offer))
            return chain.run([entry]).outcomes[0].code
        }
        let until = chain.time + 3_600_000
        #expect(put(&chain, Chain.offer(slots: 60, validUntil: until)) == .applied)
        #expect(put(&chain, Chain.offer(slotClass: 1, slots: 5, validUntil: until)) == .limitExceeded)
        #expect(put(&chain, Chain.offer(slotClass: 1, slots: 4, validUntil: until)) == .applied)
        #expect(put(&chain, Chain.offer(slots: 60, validUntil: until + 1)) == .cooldown)
        chain.run([], after: 10_000)
        #expect(put(&chain, Chain.offer(slots: 60, validUntil: chain.time + 86_400_200)) == .limitExceeded)
        #expect(put(&chain, Chain.offer(slots: 60, validUntil: until + 1)) == .applied)
        let withdraw = chain.node(a, .withdrawOffer(slotClass: 2))
        let end = chain.node(a, .withdrawOffer(slotClass: 1))
        #expect(chain.run([withdraw, end]).outcomes.map(\.code) == [.unknownTarget, .applied])
        #expect(chain.ledger.account(a.publicKey)!.offers == 1)
        chain.run([], after: 3_600_000)
        #expect(chain.ledger.account(a.publicKey)!.offers == 0)
        #expect(chain.executions.last!.events.contains(
            .offerChanged(account: a.publicKey, slotClass: 0, slots: 0, reason: .lapsed)))
    }

    /// Shows recommitBeacon: no seat (15), more than half left (14), one pending (16), and that the new chain serves
    /// from its first turn on.
    @Test func recommit() {
        var chain = Chain()
        let seat = chain.seats[0]
        let body = Entry.Body.recommitBeacon(newEnd: Digest(repeating: 9), length: 64)
        let foreign = chain.node(a, body)
        let early = chain.node(seat, body)
        #expect(chain.run([foreign, early]).outcomes.map(\.code) == [.notAllowed, .wrongState])
        while chain.view < 256 { chain.run() }
        let good = chain.node(seat, body)
        let again = chain.node(seat, body)
        #expect(chain.run([good, again]).outcomes.map(\.code) == [.applied, .duplicate])
        #expect(chain.ledger.seatPositions[0].record.next?.start == 512)
        chain.view = 511
        chain.run()
        #expect(chain.ledger.seatPositions[0].record.next?.start == 512)
        #expect(chain.ledger.seatPositions[0].record.turn == 511)
    }

    /// Shows the stateless checks: rows of (bytes, code), the same codes that a final block would give.
    @Test func statelessChecks() {
        var chain = Chain()
        let good = chain.transfer(a, b.publicKey, 5)
        let forged = Entry(account: a.publicKey, envelope: good.envelope, body: good.body, signature: .zero)
        let badToken = InviteToken(
            inviter: chain.inviter.publicKey, serial: Array(repeating: 1, count: 16), invitee: .zero, owner: .zero,
            validUntil: chain.time + 900, uses: 1, signature: .zero)
        let toSelf = chain.transfer(a, a.publicKey, 5)
        let nothing = chain.transfer(a, b.publicKey, 0)
        var mint = good.encoded
        mint[1] = 9
        let rows: [(String, [UInt8], OutcomeCode?)] = [
            ("good", good.encoded, nil), ("forged", forged.encoded, .badSignature),
            ("forged token", chain.admit(stranger, badToken).encoded, .badSignature),
            ("to oneself", toSelf.encoded, .malformed), ("no amount", nothing.encoded, .malformed),
            ("later kind", mint, .malformed), ("empty", [], .malformed),
            ("too long", good.encoded + Array(repeating: 0, count: 16_384), .malformed),
        ]
        for (name, bytes, code) in rows {
            let answer = EntryChecks.admit(
                bytes, network: chain.network, verifying: MixVerifier(), hashing: MixHashing())
            switch answer {
            case .success(let checked): #expect(code == nil && checked.bytes == bytes, "\(name)")
            case .failure(let refusal): #expect(refusal == code, "\(name)")
            }
            #expect(EntryChecks.isUnsupported(bytes) == (name == "later kind"), "\(name)")
            let outcome = chain.run(bytes: [bytes]).outcomes[0].code
            #expect(outcome == (code ?? .applied), "\(name)")
        }
        let elsewhere = EntryChecks.admit(
            good.encoded, network: NetworkID(repeating: 1), verifying: MixVerifier(), hashing: MixHashing())
        #expect(elsewhere == .failure(.badSignature))
    }
}
