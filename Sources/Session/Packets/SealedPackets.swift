import Basis
import Records
import Trust
import Wire

struct Accept: Sendable, Hashable {
    static let clearBytes = 46
    static let sealedBytesMax = IdentityBody.bytesMax + SessionCryptoSizes.sealBytes

    var networkTag: NetworkTag
    var version: UInt8
    var initiatorIndex: UInt32
    var responderIndex: UInt32
    var ephemeral: Bytes32
    var sealed: [UInt8] = []

    var clear: [UInt8] {
        var w = WireWriter(capacity: Accept.clearBytes)
        w.u8(PacketKind.accept)
        w.value(networkTag)
        w.u8(version)
        w.u32(initiatorIndex)
        w.u32(responderIndex)
        w.bytes32(ephemeral)
        return w.finish()
    }
    var encoded: [UInt8] { clear + sealed }

    init(
        networkTag: NetworkTag, version: UInt8, initiatorIndex: UInt32, responderIndex: UInt32,
        ephemeral: Bytes32
    ) {
        self.networkTag = networkTag
        self.version = version
        self.initiatorIndex = initiatorIndex
        self.responderIndex = responderIndex
        self.ephemeral = ephemeral
    }

    init(decoding bytes: [UInt8]) throws(WireError) {
        var r = WireReader(bytes)
        if try r.u8() != PacketKind.accept { throw .outOfRange }
        networkTag = try r.value()
        version = try r.u8()
        initiatorIndex = try r.u32()
        responderIndex = try r.u32()
        ephemeral = try r.bytes32()
        if r.remaining > Accept.sealedBytesMax { throw .tooLong(UInt64(r.remaining), max: Accept.sealedBytesMax) }
        sealed = try r.fixed(r.remaining)
        if sealed.count <= SessionCryptoSizes.sealBytes { throw .truncated }
        if responderIndex == 0 || initiatorIndex == 0 || version == 0 { throw .outOfRange }
    }
}

struct Confirm: Sendable, Hashable {
    static let clearBytes = 9

    var networkTag: NetworkTag
    var responderIndex: UInt32
    var sealed: [UInt8] = []

    var clear: [UInt8] {
        var w = WireWriter(capacity: Confirm.clearBytes)
        w.u8(PacketKind.confirm)
        w.value(networkTag)
        w.u32(responderIndex)
        return w.finish()
    }
    var encoded: [UInt8] { clear + sealed }

    init(networkTag: NetworkTag, responderIndex: UInt32) {
        self.networkTag = networkTag
        self.responderIndex = responderIndex
    }

    init(decoding bytes: [UInt8]) throws(WireError) {
        var r = WireReader(bytes)
        if try r.u8() != PacketKind.confirm { throw .outOfRange }
        networkTag = try r.value()
        responderIndex = try r.u32()
        if r.remaining > Accept.sealedBytesMax { throw .tooLong(UInt64(r.remaining), max: Accept.sealedBytesMax) }
        sealed = try r.fixed(r.remaining)
        if sealed.count <= SessionCryptoSizes.sealBytes || responderIndex == 0 { throw .truncated }
    }
}

/// What Accept and Confirm seal: who speaks, and the proof.
struct IdentityBody: Sendable, Hashable, WireEncodable, WireDecodable {
    static let bytesMax = 383

    var key: PublicKey
    var signature: Signature
    /// 8 bytes, big-endian reading.
    var bootNonce: UInt64
    var unixMilliseconds: UInt64
    var observed: SocketAddress
    var features: UInt64
    /// Encoded record; empty for a tool.
    var record: [UInt8]

    func encode(to w: inout WireWriter) {
        w.value(key)
        w.value(signature)
        w.u64(bootNonce.byteSwapped)
        w.u64(unixMilliseconds)
        w.value(observed)
        w.u64(features)
        w.blob16(record)
    }

    init(
        key: PublicKey, signature: Signature, bootNonce: UInt64, unixMilliseconds: UInt64,
        observed: SocketAddress, features: UInt64, record: [UInt8]
    ) {
        self.key = key
        self.signature = signature
        self.bootNonce = bootNonce
        self.unixMilliseconds = unixMilliseconds
        self.observed = observed
        self.features = features
        self.record = record
    }

    init(from r: inout WireReader) throws(WireError) {
        key = try r.value()
        signature = try r.value()
        bootNonce = try r.u64().byteSwapped
        unixMilliseconds = try r.u64()
        observed = try r.value()
        features = try r.u64()
        record = try r.blob16(max: PeerRecord.bytesMax)
    }
}

/// The clear head of a Data packet: 17 bytes before the ciphertext.
struct DataHead: Sendable, Hashable {
    static let bytesCount = 17

    var networkTag: NetworkTag
    var receiverIndex: UInt32
    var counter: UInt64

    var encoded: [UInt8] {
        var w = WireWriter(capacity: DataHead.bytesCount)
        w.u8(PacketKind.data)
        w.value(networkTag)
        w.u32(receiverIndex)
        w.u64(counter)
        return w.finish()
    }

    init(networkTag: NetworkTag, receiverIndex: UInt32, counter: UInt64) {
        self.networkTag = networkTag
        self.receiverIndex = receiverIndex
        self.counter = counter
    }

    /// Nil if `bytes` cannot be a Data packet: shorter than head, one byte and tag.
    init?(_ bytes: [UInt8]) {
        if bytes.count <= DataHead.bytesCount + SessionCryptoSizes.sealBytes { return nil }
        var r = WireReader(bytes)
        do throws(WireError) {
            if try r.u8() != PacketKind.data { return nil }
            networkTag = try r.value()
            receiverIndex = try r.u32()
            counter = try r.u64()
        } catch {
            return nil
        }
    }
}

/// "I have no session for this": smaller than any Data packet.
struct Unknown: Sendable, Hashable {
    static let bytesCount = 29
    static let echoBytes = 12

    var networkTag: NetworkTag
    var receiverIndex: UInt32
    var counter: UInt64
    /// The last 12 bytes of the packet it answers.
    var echo: [UInt8]

    var encoded: [UInt8] {
        var w = WireWriter(capacity: Unknown.bytesCount)
        w.u8(PacketKind.unknown)
        w.value(networkTag)
        w.u32(receiverIndex)
        w.u64(counter)
        w.fixed(echo)
        return w.finish()
    }

    init(to head: DataHead, packet: [UInt8]) {
        networkTag = head.networkTag
        receiverIndex = head.receiverIndex
        counter = head.counter
        echo = Array(packet.suffix(Unknown.echoBytes))
    }

    init(decoding bytes: [UInt8]) throws(WireError) {
        var r = WireReader(bytes)
        if try r.u8() != PacketKind.unknown { throw .outOfRange }
        networkTag = try r.value()
        receiverIndex = try r.u32()
        counter = try r.u64()
        echo = try r.fixed(Unknown.echoBytes)
        try r.finish()
    }
}
