import Basis
import Wire

/// What a signature is for. A signature of one kind is never valid as another (`ledger.md` 1.3).
public enum SignatureKind: String, Sendable, CaseIterable {
    case transaction = "tx"
    case lease
    case notarize
    case nullify
    case finalize
    case attest
    case invite
    case own
    case mint
    case record
    case responder
    case initiator
    /// A block of a node's packed event log (`architecture.md` D13), by the identity key.
    case log

    /// `ASCII("peernode/sign-" + kind + "/v1") ‖ 0x00 ‖ networkID ‖ body`.
    public func message(network: NetworkID, body: [UInt8]) -> [UInt8] {
        var writer = WireWriter(capacity: 64 + body.count)
        writer.fixed("peernode/sign-".utf8)
        writer.fixed(rawValue.utf8)
        writer.fixed("/v1".utf8)
        writer.u8(0)
        writer.bytes32(network.raw)
        writer.fixed(body)
        return writer.finish()
    }
}

/// Checks signatures by the one verdict of `ledger.md` 1.3 (cofactorless, strict encodings).
public protocol Verifying: Sendable {
    /// Whether `signature` by `key` over exactly `message` is valid. About 34 µs with Ed25519.
    func isValid(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool
}

extension Verifying {
    /// Whether `signature` is of this kind, in this network, over `body`, by `key`.
    public func isValid(
        _ signature: Signature, _ kind: SignatureKind, network: NetworkID, body: [UInt8],
        by key: PublicKey
    ) -> Bool {
        isValid(signature, of: kind.message(network: network, body: body), by: key)
    }
}

/// Holds one secret key and signs with it.
public protocol Signing: Sendable {
    var publicKey: PublicKey { get }
    /// Signs exactly `message`. About 12 µs with Ed25519.
    func sign(_ message: [UInt8]) -> Signature
}

extension Signing {
    public func sign(_ kind: SignatureKind, network: NetworkID, body: [UInt8]) -> Signature {
        sign(kind.message(network: network, body: body))
    }
}
