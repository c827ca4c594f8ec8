import Basis
public import Trust
public import Wire

/// Admits accounts to a network (`ledger.md` 3.3), 186 bytes.
public struct InviteToken: Sendable, Hashable, WireCodable {
    public let inviter: PublicKey
    /// 16 random bytes; (inviter, serial) counts its uses.
    public let serial: [UInt8]
    /// Zero for a bearer token.
    public let invitee: PublicKey
    /// Owner of the admitted account; zero = itself.
    public let owner: PublicKey
    /// T in milliseconds since 1970.
    public let validUntil: UInt64
    public let uses: UInt16
    public let signature: Signature

    public static let serialBytes = 16
    public static let bytes = 186

    public init(
        inviter: PublicKey, serial: [UInt8], invitee: PublicKey, owner: PublicKey, validUntil: UInt64,
        uses: UInt16, signature: Signature
    ) {
        invariant(serial.count == InviteToken.serialBytes, "serial of \(serial.count) bytes")
        self.inviter = inviter
        self.serial = serial
        self.invitee = invitee
        self.owner = owner
        self.validUntil = validUntil
        self.uses = uses
        self.signature = signature
    }

    /// Makes a token signed by `signer`.
    public init(
        serial: [UInt8], invitee: PublicKey = .zero, owner: PublicKey = .zero, validUntil: UInt64, uses: UInt16,
        network: NetworkID, signer: some Signing
    ) {
        let unsigned = InviteToken(
            inviter: signer.publicKey, serial: serial, invitee: invitee, owner: owner, validUntil: validUntil,
            uses: uses, signature: .zero)
        self.init(
            inviter: signer.publicKey, serial: serial, invitee: invitee, owner: owner, validUntil: validUntil,
            uses: uses, signature: signer.sign(.invite, network: network, body: unsigned.signedBody))
    }

    /// All fields before the signature.
    public var signedBody: [UInt8] {
        var w = WireWriter(capacity: 122)
        w.value(inviter)
        w.fixed(serial)
        w.value(invitee)
        w.value(owner)
        w.u64(validUntil)
        w.u16(uses)
        return w.finish()
    }

    public func isSigned(network: NetworkID, verifying: some Verifying) -> Bool {
        verifying.isValid(signature, .invite, network: network, body: signedBody, by: inviter)
    }

    public func encode(to w: inout WireWriter) {
        w.fixed(signedBody)
        w.value(signature)
    }

    public init(from r: inout WireReader) throws(WireError) {
        inviter = try r.value()
        serial = try r.fixed(InviteToken.serialBytes)
        invitee = try r.value()
        owner = try r.value()
        validUntil = try r.u64()
        uses = try r.u16()
        if uses == 0 { throw .outOfRange }
        signature = try r.value()
    }
}
