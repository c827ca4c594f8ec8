public import API
import Basis
public import Records
import Sodium
public import Trust
import Wire

/// What a founder asks of a new network (`peernode init --new-network`, `surfaces.md` 1.2).
public struct FoundingPlan: Sendable {
    public var name: String
    public var isOpen = false
    /// `seat_…` as `init` printed them; none: this node alone.
    public var seats: [String] = []
    /// `ACCT=AMOUNT`, `self=AMOUNT`; none: 1,000 cr to the founder.
    public var allocations: [String] = []
    public var welcome: String?
    public var fee: String?
    public var treasury: String?
    public var burnsFees = false
    public var mintKeys: [String] = []

    public init(name: String) { self.name = name }

    /// The founding document.
    ///
    /// - Parameters:
    ///   - own: the seat that this home would hold.
    ///   - createdAt: milliseconds since 1970.
    /// - Throws: E505 or E611 with the flag that is wrong.
    public func genesis(own: SeatInit, inviteKey: PublicKey, createdAt: UInt64) throws(Problem) -> Genesis {
        var seated: [SeatInit] = []
        for text in seats {
            guard let seat = SeatKeyText.parse(text) else {
                throw FoundingPlan.wrong(
                    "--seat \(VisibleText.escape(text, limit: 60)) is no seat key",
                    "give what 'peernode init' printed as seatKey on the seat's machine")
            }
            seated.append(seat)
        }
        var opening: [Genesis.Allocation] = []
        for text in allocations { opening.append(try FoundingPlan.allocation(text, own: own.account)) }
        if allocations.isEmpty { opening = [.init(account: own.account, amount: .credits(1_000))] }
        for (index, one) in opening.enumerated() where opening[..<index].contains(where: { $0.account == one.account })
        {
            throw FoundingPlan.wrong("an account is allocated credit twice", "give one --allocate for each account")
        }
        var genesis = Genesis(
            name: name, createdAt: createdAt, seats: seated.isEmpty ? [own] : seated, inviteKey: inviteKey,
            allocations: opening)
        genesis.isOpen = isOpen
        let total = opening.reduce(CreditAmount?.some(.zero)) { sum, one in sum.flatMap { $0.adding(one.amount) } }
        // All that is there at first are 10¹² micro-credits, as in `ledger.md` 3.1.
        genesis.treasury = total.flatMap { CreditAmount(micro: 1_000_000_000_000).subtracting($0) } ?? .zero
        if let text = treasury { genesis.treasury = try FoundingPlan.amount(text, "--treasury") }
        if let text = welcome { genesis.welcome = try FoundingPlan.amount(text, "--welcome") }
        if genesis.welcome > genesis.treasury { genesis.welcome = .zero }
        if let text = fee { genesis.entryFee = try FoundingPlan.amount(text, "--fee") }
        genesis.feesToTreasury = !burnsFees
        genesis.mintKeys = try mintAccounts()
        genesis.mintThreshold = genesis.mintKeys.isEmpty ? 0 : 1
        if !genesis.mintKeys.isEmpty { genesis.mintCapPerDay = genesis.welcomeCapPerDay }
        if name.utf8.isEmpty || name.utf8.count > Genesis.nameBytesMax {
            throw FoundingPlan.wrong("the network's name has \(name.utf8.count) bytes", "allowed are 1 to 64")
        }
        if let problem = genesis.problem(wall: createdAt) {
            throw FoundingPlan.wrong("this network cannot be founded: \(problem)", "change the flags of init")
        }
        return genesis
    }

    // MARK: below their use

    static func wrong(_ what: String, _ fix: String) -> Problem { Problem(.badParameter, what, fix: fix) }

    private func mintAccounts() throws(Problem) -> [PublicKey] {
        var keys: [PublicKey] = []
        for text in mintKeys { keys.append(try FoundingPlan.account(text)) }
        return keys.sorted()
    }

    static func account(_ text: String) throws(Problem) -> PublicKey {
        guard let key = TextID.account(text, hashing: SodiumHashing()) else {
            throw Problem(
                .badAccount, "\(VisibleText.escape(text, limit: 80)) is no account, or was typed wrongly",
                fix: "copy it whole: acct_ and 56 characters")
        }
        return key
    }

    static func amount(_ text: String, _ flag: String) throws(Problem) -> CreditAmount {
        guard let amount = CreditText.parse(text) else {
            throw wrong(
                "\(flag) \(VisibleText.escape(text, limit: 40)) is no amount",
                "write credit with at most 6 decimals: 12.5")
        }
        return amount
    }

    static func allocation(_ text: String, own: PublicKey) throws(Problem) -> Genesis.Allocation {
        guard let mark = text.lastIndex(of: "=") else {
            throw wrong(
                "--allocate \(VisibleText.escape(text, limit: 80)) has no amount", "write ACCT=AMOUNT or self=AMOUNT")
        }
        let who = String(text[..<mark])
        let account = who == "self" ? own : try account(who)
        let amount = try amount(String(text[text.index(after: mark)...]), "--allocate")
        if amount == .zero { throw wrong("--allocate of 0", "leave it out") }
        return .init(account: account, amount: amount)
    }
}

/// The text that people pass on so that others can join (`gossip.md` 10.1).
public enum SeedLink {
    /// `peernode://host:port,…/netid?peer=…&invite=…`
    public static func text(
        addresses: [String], network: NetworkID, peer: PeerID, invite: InviteToken?
    ) -> String {
        let net = TextID.base32(network.raw.bytes)
        var text = "peernode://\(addresses.joined(separator: ","))/\(net)?peer=\(TextID.base32(peer.raw.bytes))"
        if let invite { text += "&invite=\(TextID.base32(invite.encoded))" }
        return text
    }
}
