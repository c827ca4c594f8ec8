public import Basis
public import Trust
public import Wire

/// The founding document of a network (`ledger.md` 3.1). Its hash is the network's id, so nothing in it ever changes.
///
/// Validity beyond the layout is `problem(wall:)`. Bonds, grants and a predecessor belong to stage 2: they decode as
/// absent only.
public struct Genesis: Sendable, Hashable, WireCodable {
    public enum Mode: UInt8, Sendable { case admitted = 0, bonded = 1 }

    public struct Allocation: Sendable, Hashable {
        public let account: PublicKey
        public let amount: CreditAmount
        public init(account: PublicKey, amount: CreditAmount) {
            self.account = account
            self.amount = amount
        }
    }

    public var name: String
    public var mode: Mode = .admitted
    /// T of height 0, milliseconds since 1970.
    public var createdAt: UInt64
    public var seats: [SeatInit]
    public var seatMax: UInt8 = 7
    public var inviteKeys: [PublicKey]
    /// Admit without a token.
    public var isOpen = false
    public var memberInvites = true
    public var memberInviteQuota: UInt32 = 20
    public var allocations: [Allocation]
    public var treasury: CreditAmount
    public var welcome: CreditAmount
    public var welcomeCapPerDay: CreditAmount
    /// Per lane 0 transaction.
    public var entryFee: CreditAmount = .zero
    /// Whether fees go to the treasury; else they are burned.
    public var feesToTreasury = true
    public var minimumBalance: CreditAmount = .zero
    public var mintKeys: [PublicKey] = []
    public var mintThreshold: UInt8 = 0
    public var mintCapPerDay: CreditAmount = .zero
    /// Distinct proposers before a draw (d of 7.1).
    public var beaconDistance: UInt8 = 2
    public var selfExecution = true
    public var restrictedOwnersMin: UInt16 = 0
    /// Share of the price paid for an attempt, per mille.
    public var attemptPerMille: UInt16 = 250
    public var epochSecondsMin: UInt32 = 20
    public var candidateSecondsMin: UInt32 = 60
    public var evidenceSeconds: UInt32 = 604_800
    public var recoveryKeys: [PublicKey]
    public var recoveryThreshold: UInt8 = 1

    public static let allocationsMax = 10_000
    public static let keysMax = 16
    public static let nameBytesMax = 64

    /// The defaults of `peernode init`: 10⁹ micro-credits to the founder, the rest of 10¹² in the treasury.
    public init(
        name: String, createdAt: UInt64, seats: [SeatInit], inviteKey: PublicKey,
        allocations: [Allocation]
    ) {
        self.name = name
        self.createdAt = createdAt
        self.seats = seats.sorted { $0.account < $1.account }
        inviteKeys = [inviteKey]
        self.allocations = allocations.sorted { $0.account < $1.account }
        treasury = CreditAmount(micro: 1_000_000_000_000 - 1_000_000_000)
        welcome = CreditAmount(micro: 100_000_000)
        welcomeCapPerDay = CreditAmount(micro: 10_000_000_000)
        recoveryKeys = [inviteKey]
    }

    /// `H("peernode/genesis/v1", genesis bytes)`.
    public func networkID(hashing: some Hashing) -> NetworkID {
        NetworkID(hashing.hash("peernode/genesis/v1", encoded).raw)
    }

    public var seatList: SeatList { SeatList(epoch: 0, seats: seats) }

    /// Why this genesis is invalid, in words; nil if it is valid at wall clock `wall` (ms since 1970).
    public func problem(wall: UInt64) -> String? {
        if mode == .bonded { return "bonded networks are not available in this version" }
        if createdAt > wall { return "createdAt \(createdAt) lies in the future of this clock, \(wall)" }
        if seats.isEmpty || seats.count == 2 { return "\(seats.count) seats; allowed are 1 or at least 3" }
        var keys = seats.flatMap { [$0.account, $0.votingKey] }.sorted()
        let count = keys.count
        keys = keys.enumerated().filter { $0.offset == 0 || keys[$0.offset - 1] != $0.element }.map(\.element)
        if keys.count != count { return "two seats share a key" }
        if seats.contains(where: { $0.beaconLength == 0 }) { return "a beacon chain has no elements" }
        if seatMax < 1 || seatMax > 100 || seatMax == 2 { return "seatMax is \(seatMax)" }
        var sum = treasury
        for allocation in allocations {
            if allocation.amount == .zero { return "an allocation of 0" }
            guard let next = sum.adding(allocation.amount) else { return "allocations overflow" }
            sum = next
        }
        if sum > .supplyMax { return "allocations and treasury pass the largest supply" }
        if Int(mintThreshold) > mintKeys.count { return "mintThreshold passes the number of mint keys" }
        if Int(recoveryThreshold) > recoveryKeys.count { return "recoveryThreshold passes its keys" }
        if beaconDistance < 1 || beaconDistance > 8 { return "beaconDistance is \(beaconDistance)" }
        if attemptPerMille > 1_000 { return "attemptPerMille is \(attemptPerMille)" }
        if epochSecondsMin < 1 || candidateSecondsMin < 1 { return "an epoch of 0 seconds" }
        return nil
    }

    public func encode(to w: inout WireWriter) {
        w.u16(1)
        w.text(name)
        w.u8(mode.rawValue)
        w.u64(createdAt)
        w.list(seats)
        w.u8(seatMax)
        w.list(inviteKeys)
        w.bool(isOpen)
        w.bool(memberInvites)
        w.u32(memberInviteQuota)
        w.list(allocations) {
            $0.value($1.account)
            $0.amount($1.amount)
        }
        w.amount(treasury)
        w.amount(welcome)
        w.amount(welcomeCapPerDay)
        w.amount(entryFee)
        w.u8(feesToTreasury ? 1 : 0)
        w.amount(minimumBalance)
        w.list(mintKeys)
        w.u8(mintThreshold)
        w.amount(mintCapPerDay)
        w.u8(beaconDistance)
        w.bool(selfExecution)
        w.u16(restrictedOwnersMin)
        w.u16(attemptPerMille)
        w.u32(epochSecondsMin)
        w.u32(candidateSecondsMin)
        w.u32(evidenceSeconds)
        w.bool(false)  // bond
        w.bool(false)  // grant
        w.list(recoveryKeys)
        w.u8(recoveryThreshold)
        w.bool(false)  // predecessor
    }

    public init(from r: inout WireReader) throws(WireError) {
        let format = try r.u16()
        if format != 1 { throw .unknownTag(UInt64(format)) }
        name = try r.text(max: Genesis.nameBytesMax)
        if name.isEmpty { throw .outOfRange }
        let modeTag = try r.u8()
        guard let mode = Mode(rawValue: modeTag) else { throw .unknownTag(UInt64(modeTag)) }
        self.mode = mode
        createdAt = try r.u64()
        seats = try r.ascending(
            max: LedgerLimits.seatsMax, itemBytesMin: SeatInit.bytes, by: \.account
        ) { (r) throws(WireError) in try r.value() }
        seatMax = try r.u8()
        inviteKeys = try Genesis.keys(&r)
        isOpen = try r.bool()
        memberInvites = try r.bool()
        memberInviteQuota = try r.u32()
        allocations = try r.ascending(
            max: Genesis.allocationsMax, itemBytesMin: 40, by: \.account
        ) { (r) throws(WireError) in
            Allocation(account: try r.value(), amount: try r.amount())
        }
        treasury = try r.amount()
        welcome = try r.amount()
        welcomeCapPerDay = try r.amount()
        entryFee = try r.amount()
        feesToTreasury = try r.bool()
        minimumBalance = try r.amount()
        mintKeys = try Genesis.keys(&r)
        mintThreshold = try r.u8()
        mintCapPerDay = try r.amount()
        beaconDistance = try r.u8()
        selfExecution = try r.bool()
        restrictedOwnersMin = try r.u16()
        attemptPerMille = try r.u16()
        epochSecondsMin = try r.u32()
        candidateSecondsMin = try r.u32()
        evidenceSeconds = try r.u32()
        for _ in 0..<2 where try r.bool() { throw .unknownTag(1) }
        recoveryKeys = try Genesis.keys(&r)
        recoveryThreshold = try r.u8()
        if try r.bool() { throw .unknownTag(1) }
    }

    static func keys(_ r: inout WireReader) throws(WireError) -> [PublicKey] {
        try r.ascending(max: keysMax, itemBytesMin: 32, by: { $0 }) { (r) throws(WireError) in
            try r.value()
        }
    }
}
