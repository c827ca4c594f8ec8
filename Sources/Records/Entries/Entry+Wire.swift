import Basis
public import Trust
public import Wire

extension Entry: WireCodable {
    static let layoutVersion: UInt8 = 1

    func encodeBeforeSignature(to w: inout WireWriter) {
        w.u8(Entry.layoutVersion)
        w.u8(kind.rawValue)
        w.value(account)
        switch envelope {
        case .owner(let lane, let nonce, let validUntil):
            w.u8(lane.rawValue)
            w.u64(nonce)
            w.u64(validUntil)
        case .lease(let job, let index):
            w.value(job)
            w.u16(index)
        case .admission: break
        }
        switch body {
        case .transfer(let payees, let memo):
            w.list(payees) {
                $0.value($1.account)
                $0.amount($1.amount)
            }
            w.bytes(memo)
        case .openJob(let spec): w.value(spec)
        case .cancelJob(let job): w.value(job)
        case .putOffer(let offer): w.value(offer)
        case .withdrawOffer(let slotClass): w.u8(slotClass)
        case .admit(let token): w.optional(token)
        case .commit(let hash): w.value(hash)
        case .reveal(let salt, let result):
            w.value(salt)
            w.value(result)
        case .decline(let reason): w.u8(reason.rawValue)
        case .recommitBeacon(let newEnd, let length):
            w.value(newEnd)
            w.u32(length)
        }
    }

    public func encode(to w: inout WireWriter) {
        encodeBeforeSignature(to: &w)
        if kind == .reveal {
            w.optional(signature)
        } else if let signature {
            w.value(signature)
        } else {
            unreachable("an unsigned \(kind)")
        }
    }

    public init(from r: inout WireReader) throws(WireError) {
        let version = try r.u8()
        if version != Entry.layoutVersion { throw .unknownTag(UInt64(version)) }
        let tag = try r.u8()
        guard let kind = Kind(rawValue: tag) else { throw .unknownTag(UInt64(tag)) }
        let account: PublicKey = try r.value()
        let envelope = try Entry.envelope(of: kind, &r)
        let body = try Entry.body(of: kind, author: account, &r)
        let signature: Signature? =
            kind == .reveal ? try r.optional { (r) throws(WireError) in try r.value() } : try r.value()
        self.init(account: account, envelope: envelope, body: body, signature: signature)
    }

    static func envelope(of kind: Kind, _ r: inout WireReader) throws(WireError) -> Envelope {
        if let lane = kind.lane {
            let tag = try r.u8()
            if tag != lane.rawValue { throw .unknownTag(UInt64(tag)) }
            return .owner(lane, nonce: try r.u64(), validUntil: try r.u64())
        }
        if kind.isLease { return .lease(job: try r.value(), index: try r.u16()) }
        return .admission
    }

    static func body(of kind: Kind, author: PublicKey, _ r: inout WireReader) throws(WireError) -> Body {
        switch kind {
        case .transfer:
            let payees = try r.ascending(max: LedgerLimits.payeesMax, itemBytesMin: 40, by: \Payee.account) {
                (r) throws(WireError) in
                Payee(account: try r.value(), amount: try r.amount())
            }
            if payees.isEmpty || payees.contains(where: { $0.amount == .zero || $0.account == author }) {
                throw .outOfRange
            }
            return .transfer(payees: payees, memo: try r.bytes(max: LedgerLimits.memoBytesMax))
        case .openJob: return .openJob(try r.value())
        case .cancelJob: return .cancelJob(try r.value())
        case .putOffer: return .putOffer(try r.value())
        case .withdrawOffer:
            let slotClass = try r.u8()
            if slotClass >= UInt8(LedgerLimits.offersPerAccountMax) { throw .outOfRange }
            return .withdrawOffer(slotClass: slotClass)
        case .admit:
            return .admit(try r.optional { (r) throws(WireError) in try r.value() })
        case .commit: return .commit(hash: try r.value())
        case .reveal: return .reveal(salt: try r.value(), result: try r.value())
        case .decline:
            let tag = try r.u8()
            guard let reason = DeclineReason(rawValue: tag) else { throw .unknownTag(UInt64(tag)) }
            return .decline(reason)
        case .recommitBeacon:
            let newEnd: Digest = try r.value()
            let length = try r.u32()
            if length == 0 || length > LedgerLimits.beaconLengthMax { throw .outOfRange }
            return .recommitBeacon(newEnd: newEnd, length: length)
        }
    }
}

/// An entry that passed every stateless check of `ledger.md` 6.2, with the hashes that were made on the way.
public struct CheckedEntry: Sendable, Hashable {
    public let entry: Entry
    public let bytes: [UInt8]
    public let id: TransactionID
    /// `H("peernode/txfull/v1", all bytes)`: what blocks commit to.
    public let hash: Digest

    public enum Refusal: Error, Hashable, Sendable {
        case tooLarge
        /// Of a later stage, or not known at all.
        case unsupported
        case malformed(WireError)
        case badSignature
    }

    /// Checks size, canonical form, field rules and the signatures. About 35 µs, nearly all of it the signature.
    public init(
        _ bytes: [UInt8], network: NetworkID, hashing: some Hashing, verifying: some Verifying
    ) throws(Refusal) {
        try self.init(unsigned: bytes, network: network, hashing: hashing)
        if !entry.isSigned(network: network, verifying: verifying) { throw .badSignature }
        if case .admit(let token?) = entry.body,
            !token.isSigned(network: network, verifying: verifying)
        {
            throw .badSignature
        }
    }

    /// All checks but the signatures: for entries whose signatures were checked before (a cache knows their hash).
    package init(unsigned bytes: [UInt8], network: NetworkID, hashing: some Hashing) throws(Refusal) {
        if bytes.count > LedgerLimits.entryBytesMax { throw .tooLarge }
        if bytes.count >= 2, bytes[0] == Entry.layoutVersion, Entry.Kind(rawValue: bytes[1]) == nil {
            throw .unsupported
        }
        do throws(WireError) {
            entry = try Entry(decoding: bytes)
        } catch {
            throw .malformed(error)
        }
        self.bytes = bytes
        let tail = entry.kind == .reveal ? (entry.signature == nil ? 1 : 65) : 64
        id = Entry.id(
            bytesBeforeSignature: bytes[..<(bytes.count - tail)], network: network, hashing: hashing)
        hash = Block.entryHash(bytes, hashing: hashing)
    }
}
