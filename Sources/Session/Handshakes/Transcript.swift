import Basis
import Records
import Trust
import Wire

/// Hashes and keys of one handshake (`gossip.md` 4.2), the same on both sides.
///
/// T0 covers both clear packets, so neither version, index nor ephemeral key can be changed on the way; T1 and T2 are
/// what responder and initiator sign; T3, after both identities are proven, keys the data.
struct Transcript<Crypto: SessionCrypto>: Sendable {
    let crypto: Crypto
    let network: NetworkID
    let agreed: AgreedKeys
    let t0: Digest

    init(crypto: Crypto, network: NetworkID, hello: Hello, accept: Accept, agreed: AgreedKeys) {
        self.crypto = crypto
        self.network = network
        self.agreed = agreed
        t0 = crypto.hash("peernode/handshake/v1") {
            $0.value(network)
            // accessKeyHash: zero on a network without an access key.
            $0.bytes32(.zero)
            $0.fixed(hello.transcriptBytes)
            $0.fixed(accept.clear)
        }
    }

    /// What the responder signs.
    func t1(responder: PublicKey) -> Digest {
        crypto.hash("peernode/handshake-responder/v1") {
            $0.value(t0)
            $0.value(responder)
        }
    }

    /// What the initiator signs; it covers the responder's sealed proof.
    func t2(acceptSealed: [UInt8], initiator: PublicKey) -> Digest {
        crypto.hash("peernode/handshake-initiator/v1") {
            $0.value(t0)
            $0.fixed(acceptSealed)
            $0.value(initiator)
        }
    }

    var acceptKey: Bytes32 {
        crypto.keyed(agreed.responderToInitiator, "peernode/seal/v1", t0.bytes)
    }
    var confirmKey: Bytes32 {
        crypto.keyed(agreed.initiatorToResponder, "peernode/seal/v1", t0.bytes)
    }

    func dataKeys(t2: Digest, confirmSealed: [UInt8]) -> AgreedKeys {
        let t3 = crypto.hash("peernode/handshake-data/v1") {
            $0.value(t2)
            $0.fixed(confirmSealed)
        }
        return AgreedKeys(
            initiatorToResponder: crypto.keyed(agreed.initiatorToResponder, "peernode/data/v1", t3.bytes),
            responderToInitiator: crypto.keyed(agreed.responderToInitiator, "peernode/data/v1", t3.bytes))
    }
}

/// A dial on its way: the initiator machine of `gossip.md` 4.3, for both carriers.
struct Initiation: Sendable {
    enum Stage: Sendable, Hashable {
        /// Stream only: the socket is not connected yet.
        case connecting
        case helloSent
        case cookieSent
        /// Confirm is out; the session waits for its first message from the responder.
        case confirmSent
    }

    /// Nil for a dial of our own, which makes new keys for a session.
    var ticket: Ticket?
    var to: SocketAddress
    var socket: LocalSocket
    var path: Path
    var expected: PeerID?
    /// Nil until first contact has told it.
    var network: NetworkID?
    var seed: Bytes32
    var hello: Hello
    var stage: Stage
    var deadline: Instant
    /// Waits still to come before further sends of `packet`.
    var resends: ArraySlice<Interval>
    var packet: [UInt8]
    var connection: ConnectionID?
}

/// What the responder remembers between Accept and Confirm.
struct Acceptance<Crypto: SessionCrypto>: Sendable {
    var hello: Hello
    var from: SocketAddress
    var socket: LocalSocket
    var transcript: Transcript<Crypto>
    var accept: Accept
    var version: UInt8
    var repeats: Int
    var group: AddressGroup
}

/// Both identities are proven.
struct Established: Sendable {
    var peer: PeerID
    var body: IdentityBody
    var record: Verified<PeerRecord>?
    var version: UInt8
    var network: NetworkID
    var sendKey: Bytes32
    var receiveKey: Bytes32
    /// Names the session in packets that we send.
    var remoteIndex: UInt32
}

/// Why the other side's identity was not accepted.
enum HandshakeFault: Error, Sendable {
    /// Does not open or decode: dropped, the handshake goes on.
    case unopened
    case failed(DialFailure)
}
