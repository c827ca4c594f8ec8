import Basis
import Trust
public import Wire

extension ChainTip: WireEncodable, WireDecodable {
    public func encode(to writer: inout WireWriter) {
        writer.u64(height)
        writer.bigEndian(hashPrefix)
        writer.u64(checkpointHeight)
    }
    public init(from reader: inout WireReader) throws(WireError) {
        height = try reader.u64()
        hashPrefix = try reader.bigEndianWord()
        checkpointHeight = try reader.u64()
    }
}

extension PeerMessage {
    static let retrySecondsMax: UInt16 = 3_600
    static let linkCountMax: UInt8 = 24

    /// The body alone, without type and length.
    func encodeBody(to writer: inout WireWriter) {
        switch self {
        case .ping(let ping): ping.encode(to: &writer)
        case .ack(let ack): ack.encode(to: &writer)
        case .pingRequest(let request):
            writer.u32(request.probe)
            writer.value(request.target)
            writer.u16(request.roundMilliseconds)
        case .indirectAck(let ack):
            writer.u32(ack.probe)
            writer.value(ack.target)
            writer.u8(ack.verdict.rawValue)
            writer.u16(ack.rttMilliseconds)
        case .linkRequest(let linkCount, let isLowPriority):
            writer.u8(linkCount)
            writer.bool(isLowPriority)
        case .linkAccept(let linkCount): writer.u8(linkCount)
        case .linkRefuse(let reason, let retrySeconds):
            writer.u8(reason.rawValue)
            writer.u16(retrySeconds)
        case .linkClose(let reason, let retrySeconds):
            writer.u8(reason.rawValue)
            writer.u16(retrySeconds)
        case .pull(let pull): pull.encode(to: &writer)
        case .records(let part): part.encode(to: &writer)
        case .find(let request, let ids):
            writer.u16(request)
            writer.list8(ids) { $0.value($1) }
        case .doubt(let target, let sequence):
            writer.value(target)
            writer.u64(sequence)
        case .goodbye(let reason): writer.u8(reason.rawValue)
        case .ready: break
        case .have(let itemKind, let state, let ids):
            writer.u8(itemKind)
            writer.u8(state.rawValue)
            writer.list8(ids) { $0.value($1) }
        case .want(let ids): writer.list8(ids) { $0.value($1) }
        case .item(let item):
            writer.u8(item.itemKind)
            writer.u8(item.hops)
            writer.value(item.id)
            writer.blob16(item.body)
        case .appDatagram(let message):
            writer.u8(message.trafficClass)
            writer.u16(message.number)
            writer.blob16(message.body)
        }
    }

    /// Reads the body of a message of `type`; nil for a type below 0x80 that does not exist.
    static func decode(
        type: UInt8, from reader: inout WireReader
    ) throws(WireError) -> PeerMessage? {
        switch type {
        case 0x01: return .ping(try reader.value())
        case 0x02: return .ack(try reader.value())
        case 0x03: return .pingRequest(try pingRequest(&reader))
        case 0x04: return .indirectAck(try indirectAck(&reader))
        case 0x05:
            return .linkRequest(
                linkCount: try bounded(&reader, linkCountMax),
                isLowPriority: try reader.flags8(known: 1) == 1)
        case 0x06: return .linkAccept(linkCount: try bounded(&reader, linkCountMax))
        case 0x07:
            let reason: LinkRefusal = try tag(&reader)
            let retry = try reader.u16()
            if retry > retrySecondsMax { throw .outOfRange }
            return .linkRefuse(reason, retrySeconds: retry)
        case 0x08:
            let reason: CloseReason = try tag(&reader)
            return .linkClose(reason, retrySeconds: try reader.u16())
        case 0x09: return .pull(try reader.value())
        case 0x0a: return .records(try reader.value())
        case 0x0b:
            let request = try reader.u16()
            let ids = try reader.list8(max: 8) { (r) throws(WireError) in try r.value(PeerID.self) }
            if ids.isEmpty { throw .outOfRange }
            return .find(request: request, ids: ids)
        case 0x0c: return .doubt(target: try reader.value(), sequence: try reader.u64())
        case 0x0d: return .goodbye(try tag(&reader))
        case 0x0e: return .ready
        case 0x0f:
            let kind = try reader.u8()
            return .have(itemKind: kind, try tag(&reader), ids: try ids(&reader, max: 64))
        case 0x10: return .want(ids: try ids(&reader, max: 16))
        case 0x11: return .item(try item(&reader))
        case 0x12: return .appDatagram(try appDatagram(&reader))
        default: return nil
        }
    }

    // MARK: below their use

    private static func tag<T: RawRepresentable<UInt8>>(_ reader: inout WireReader) throws(WireError) -> T {
        let raw = try reader.u8()
        guard let value = T(rawValue: raw) else { throw .unknownTag(UInt64(raw)) }
        return value
    }

    private static func bounded(_ reader: inout WireReader, _ max: UInt8) throws(WireError) -> UInt8 {
        let value = try reader.u8()
        if value > max { throw .outOfRange }
        return value
    }

    private static func ids(_ reader: inout WireReader, max: Int) throws(WireError) -> [ItemID] {
        try reader.list8(max: max) { (r) throws(WireError) in try r.value() }
    }

    private static func pingRequest(_ reader: inout WireReader) throws(WireError) -> PingRequest {
        let request = PingRequest(
            probe: try reader.u32(), target: try reader.value(),
            roundMilliseconds: try reader.u16())
        if !(200...6_000).contains(request.roundMilliseconds) { throw .outOfRange }
        return request
    }

    private static func indirectAck(_ reader: inout WireReader) throws(WireError) -> IndirectAck {
        IndirectAck(
            probe: try reader.u32(), target: try reader.value(), verdict: try tag(&reader),
            rttMilliseconds: try reader.u16())
    }

    private static func item(_ reader: inout WireReader) throws(WireError) -> ItemMessage {
        let item = ItemMessage(
            itemKind: try reader.u8(), hops: try bounded(&reader, ItemMessage.hopsMax),
            id: try reader.value(), body: try reader.blob16(max: smallBodyBytesMax))
        return item
    }

    private static func appDatagram(_ reader: inout WireReader) throws(WireError) -> AppDatagram {
        let message = AppDatagram(
            trafficClass: try reader.u8(), number: try reader.u16(),
            body: try reader.blob16(max: smallBodyBytesMax))
        if message.trafficClass != 4 && message.trafficClass != 7 { throw .outOfRange }
        return message
    }
}

extension Ping: WireEncodable, WireDecodable {
    static let healthMax: UInt8 = 3

    public func encode(to writer: inout WireWriter) {
        writer.u32(probe)
        writer.u16(sinceHeard)
        writer.u8(flags.rawValue)
        writer.u8(health)
        writer.u64(mySequence)
        writer.u64(yourSequence)
        writer.value(tip)
    }
    public init(from reader: inout WireReader) throws(WireError) {
        probe = try reader.u32()
        sinceHeard = try reader.u16()
        flags = Flags(rawValue: try reader.flags8(known: 7))
        health = try reader.u8()
        mySequence = try reader.u64()
        yourSequence = try reader.u64()
        tip = try reader.value()
        if health > Ping.healthMax { throw .outOfRange }
    }
}

extension Ack: WireEncodable, WireDecodable {
    public func encode(to writer: inout WireWriter) {
        writer.u32(probe)
        writer.u8(flags.rawValue)
        writer.u8(health)
        writer.u64(mySequence)
        writer.u64(yourSequence)
        writer.value(tip)
    }
    public init(from reader: inout WireReader) throws(WireError) {
        probe = try reader.u32()
        flags = Ping.Flags(rawValue: try reader.flags8(known: 7))
        health = try reader.u8()
        mySequence = try reader.u64()
        yourSequence = try reader.u64()
        tip = try reader.value()
        if health > Ping.healthMax { throw .outOfRange }
    }
}

extension Pull: WireEncodable, WireDecodable {
    public func encode(to writer: inout WireWriter) {
        writer.u16(request)
        writer.u8(want)
        writer.value(start)
        writer.value(end)
        writer.list8(known) {
            $0.value($1.prefix)
            $0.u32(UInt32(truncatingIfNeeded: $1.sequenceLow))
            $0.u16(UInt16(truncatingIfNeeded: $1.sequenceLow >> 32))
        }
    }
    public init(from reader: inout WireReader) throws(WireError) {
        request = try reader.u16()
        want = try reader.u8()
        start = try reader.value()
        end = try reader.value()
        known = try reader.list8(max: Pull.knownMax) { (r) throws(WireError) in
            let prefix: PeerPrefix = try r.value()
            let low = UInt64(try r.u32())
            return Known(prefix: prefix, sequence: low | UInt64(try r.u16()) << 32)
        }
        if !(1...16).contains(want) { throw .outOfRange }
        var last: UInt64?
        for entry in known {
            let distance = entry.prefix.word &- start.word
            if !covers(entry.prefix) { throw .outOfRange }
            if let last, distance <= last { throw .unsorted }
            last = distance
        }
    }
}

extension RecordsPart: WireEncodable, WireDecodable {
    public func encode(to writer: inout WireWriter) {
        writer.u16(request)
        writer.u8(part)
        writer.u8(parts)
        writer.u8(purpose.rawValue)
        writer.u8(hops)
        writer.list8(records) { $0.blob16($1) }
        writer.list8(ask) { $0.value($1) }
    }
    public init(from reader: inout WireReader) throws(WireError) {
        request = try reader.u16()
        part = try reader.u8()
        parts = try reader.u8()
        let raw = try reader.u8()
        guard let known = Purpose(rawValue: raw) else { throw .unknownTag(UInt64(raw)) }
        purpose = known
        hops = try reader.u8()
        records = try reader.list8(max: RecordsPart.recordsMax) { (r) throws(WireError) in
            try r.blob16(max: Compound.bytesMax)
        }
        ask = try reader.list8(max: RecordsPart.asksMax) { (r) throws(WireError) in try r.value() }
        if part >= parts || parts > RecordsPart.partsMax { throw .outOfRange }
    }
}
