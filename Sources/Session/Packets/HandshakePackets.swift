import Basis
import Records
import Trust
import Wire

/// First byte of every packet (`gossip.md` 4.1).
enum PacketKind {
    static let hello: UInt8 = 0xd1
    static let retry: UInt8 = 0xd2
    static let refuse: UInt8 = 0xd3
    static let accept: UInt8 = 0xd4
    static let confirm: UInt8 = 0xd5
    static let data: UInt8 = 0xd6
    static let unknown: UInt8 = 0xd7
}

/// What carries a handshake.
enum Carrier: UInt8, Sendable {
    case datagram = 1, stream
}

/// What the session will be used for.
enum Purpose: UInt8, Sendable {
    case datagram = 0, main, bulk
}

/// `datagramBytesMax`: the least IPv6 MTU less headers and room for tunnels.
let datagramBytesMax = 1_200

struct Hello: Sendable, Hashable {
    static let bytesPadded = datagramBytesMax
    static let bytesShort = 129

    var networkTag: NetworkTag
    var versionMin: UInt8
    var versionMax: UInt8
    var carrier: Carrier
    var purpose: Purpose
    var initiatorIndex: UInt32
    var ephemeral: Bytes32
    /// Zero = anyone.
    var expected: PeerID
    /// Zero = first contact.
    var network: NetworkID
    /// 20 bytes.
    var cookie: [UInt8]

    static let noCookie = [UInt8](repeating: 0, count: 20)
    var hasCookie: Bool { cookie != Hello.noCookie }

    /// Cookie zeroed, padding removed: what the transcript covers.
    var transcriptBytes: [UInt8] {
        var copy = self
        copy.cookie = Hello.noCookie
        return copy.shortBytes
    }

    var shortBytes: [UInt8] {
        var w = WireWriter(capacity: Hello.bytesShort)
        w.u8(PacketKind.hello)
        w.value(networkTag)
        w.u8(versionMin)
        w.u8(versionMax)
        w.u8(carrier.rawValue)
        w.u8(purpose.rawValue)
        w.u32(initiatorIndex)
        w.bytes32(ephemeral)
        w.value(expected)
        w.value(network)
        w.fixed(cookie)
        return w.finish()
    }

    /// As sent: padded only without cookie, on the datagram carrier, so that an answer is never larger than a question.
    var encoded: [UInt8] {
        let short = shortBytes
        if carrier == .stream || hasCookie { return short }
        return short + [UInt8](repeating: 0, count: Hello.bytesPadded - short.count)
    }

    init(
        network: NetworkID?, limits: SessionLimits, carrier: Carrier, purpose: Purpose,
        initiatorIndex: UInt32, ephemeral: Bytes32, expected: PeerID?
    ) {
        self.network = network ?? .zero
        networkTag = network.map { NetworkTag($0) } ?? .none
        versionMin = limits.versionMin
        versionMax = limits.versionMax
        self.carrier = carrier
        self.purpose = purpose
        self.initiatorIndex = initiatorIndex
        self.ephemeral = ephemeral
        self.expected = expected ?? .zero
        cookie = Hello.noCookie
    }

    init(decoding bytes: [UInt8], on arrived: Carrier) throws(WireError) {
        var r = WireReader(bytes)
        if try r.u8() != PacketKind.hello { throw .outOfRange }
        networkTag = try r.value()
        versionMin = try r.u8()
        versionMax = try r.u8()
        guard let carrier = Carrier(rawValue: try r.u8()), let purpose = Purpose(rawValue: try r.u8())
        else { throw .outOfRange }
        self.carrier = carrier
        self.purpose = purpose
        initiatorIndex = try r.u32()
        ephemeral = try r.bytes32()
        expected = try r.value()
        network = try r.value()
        cookie = try r.fixed(20)
        let isPadded = arrived == .datagram && !hasCookie
        if isPadded {
            if bytes.count != Hello.bytesPadded { throw .truncated }
            for byte in try r.fixed(r.remaining) where byte != 0 { throw .outOfRange }
        }
        try r.finish()
        let isWrong =
            versionMin < 1 || versionMin > versionMax || carrier != arrived
            || (carrier == .datagram) != (purpose == .datagram) || initiatorIndex == 0
            || networkTag != NetworkTag(network) || (network.isZero && hasCookie)
            || (arrived == .stream && hasCookie)
        if isWrong { throw .outOfRange }
    }
}

struct Retry: Sendable, Hashable {
    static let bytesCount = 80
    var versionMin: UInt8
    var versionMax: UInt8
    var initiatorIndex: UInt32
    /// Start of Hello.ephemeral.
    var echo: [UInt8]
    var cookie: [UInt8]
    /// Never zero: a peer without a network answers nobody.
    var network: NetworkID

    var encoded: [UInt8] {
        var w = WireWriter(capacity: Retry.bytesCount)
        w.u8(PacketKind.retry)
        w.value(NetworkTag(network))
        w.u8(versionMin)
        w.u8(versionMax)
        w.u32(initiatorIndex)
        w.fixed(echo)
        w.fixed(cookie)
        w.value(network)
        w.u8(0)
        return w.finish()
    }

    init(to hello: Hello, cookie: [UInt8], network: NetworkID, limits: SessionLimits) {
        versionMin = limits.versionMin
        versionMax = limits.versionMax
        initiatorIndex = hello.initiatorIndex
        echo = Array(hello.ephemeral.bytes.prefix(16))
        self.cookie = cookie
        self.network = network
    }

    init(decoding bytes: [UInt8]) throws(WireError) {
        var r = WireReader(bytes)
        if try r.u8() != PacketKind.retry { throw .outOfRange }
        let tag: NetworkTag = try r.value()
        versionMin = try r.u8()
        versionMax = try r.u8()
        initiatorIndex = try r.u32()
        echo = try r.fixed(16)
        cookie = try r.fixed(20)
        network = try r.value()
        if try r.u8() != 0 { throw .outOfRange }
        try r.finish()
        if tag != NetworkTag(network) || network.isZero || versionMin < 1 || versionMin > versionMax {
            throw .outOfRange
        }
    }
}

struct Refuse: Sendable, Hashable {
    enum Reason: UInt8, Sendable { case wrongNetwork = 1, wrongVersion, wrongPeer, busy, policy }
    static let retrySecondsMax: UInt16 = 3_600

    var versionMin: UInt8
    var versionMax: UInt8
    var initiatorIndex: UInt32
    var echo: [UInt8]
    var reason: Reason
    var retrySeconds: UInt16
    var network: NetworkID

    var encoded: [UInt8] {
        var w = WireWriter(capacity: 62)
        w.u8(PacketKind.refuse)
        w.value(NetworkTag(network))
        w.u8(versionMin)
        w.u8(versionMax)
        w.u32(initiatorIndex)
        w.fixed(echo)
        w.u8(reason.rawValue)
        w.u16(retrySeconds)
        w.value(network)
        return w.finish()
    }

    init(to hello: Hello, _ reason: Reason, retrySeconds: UInt16, network: NetworkID, limits: SessionLimits) {
        versionMin = limits.versionMin
        versionMax = limits.versionMax
        initiatorIndex = hello.initiatorIndex
        echo = Array(hello.ephemeral.bytes.prefix(16))
        self.reason = reason
        self.retrySeconds = retrySeconds
        self.network = network
    }

    init(decoding bytes: [UInt8]) throws(WireError) {
        var r = WireReader(bytes)
        if try r.u8() != PacketKind.refuse { throw .outOfRange }
        let tag: NetworkTag = try r.value()
        versionMin = try r.u8()
        versionMax = try r.u8()
        initiatorIndex = try r.u32()
        echo = try r.fixed(16)
        guard let reason = Reason(rawValue: try r.u8()) else { throw .outOfRange }
        self.reason = reason
        retrySeconds = try r.u16()
        network = try r.value()
        try r.finish()
        if tag != NetworkTag(network) || retrySeconds > Refuse.retrySecondsMax || versionMin < 1
            || versionMin > versionMax
        {
            throw .outOfRange
        }
    }

    var failure: DialFailure {
        switch reason {
        case .wrongNetwork: .wrongNetwork(network)
        case .wrongVersion: .wrongVersion(min: versionMin, max: versionMax)
        case .wrongPeer: .wrongPeer
        case .busy: .busy(retrySeconds: retrySeconds)
        case .policy: .policy
        }
    }
}
