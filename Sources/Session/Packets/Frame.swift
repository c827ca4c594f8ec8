import Basis
import Records
import Wire

/// One frame of a stream connection (`gossip.md` 5.2): kind u8, flags u8, flow u32, body.
struct Frame: Sendable, Hashable {
    static let headBytes = 6
    static let goAwayTextBytesMax = 120

    /// The body, by kind; each keeps its flags.
    enum Content: Sendable, Hashable {
        case open(trafficClass: UInt8, service: UInt16, request: [UInt8], isLast: Bool)
        case data([UInt8], isLast: Bool)
        case credit(UInt32)
        case reset(code: UInt16)
        case firstFragment(number: UInt16, total: UInt32, [UInt8], isLast: Bool)
        case fragment([UInt8], isLast: Bool)
        case ping(nonce: UInt64)
        case pong(nonce: UInt64)
        case goAway(CloseReason, retrySeconds: UInt16, text: [UInt8])
        case datagram([UInt8])
    }

    var flow: FlowID
    var content: Content

    /// How many bytes `encoded` has.
    var encodedCount: Int {
        let body =
            switch content {
            case .open(_, _, let request, _): 3 + request.count
            case .data(let bytes, _), .fragment(let bytes, _), .datagram(let bytes): bytes.count
            case .credit: 4
            case .reset: 2
            case .firstFragment(_, _, let bytes, _): 6 + bytes.count
            case .ping, .pong: 8
            case .goAway(_, _, let text): 5 + text.count
            }
        return Frame.headBytes + body
    }

    var encoded: [UInt8] {
        var w = WireWriter(capacity: encodedCount)
        switch content {
        case .open(let trafficClass, let service, let request, let isLast):
            head(&w, 1, isLast ? 1 : 0)
            w.u8(trafficClass)
            w.u16(service)
            w.fixed(request)
        case .data(let bytes, let isLast):
            head(&w, 2, isLast ? 1 : 0)
            w.fixed(bytes)
        case .credit(let bytes):
            head(&w, 3, 0)
            w.u32(bytes)
        case .reset(let code):
            head(&w, 4, 0)
            w.u16(code)
        case .firstFragment(let number, let total, let bytes, let isLast):
            head(&w, 5, isLast ? 3 : 2)
            w.u16(number)
            w.u32(total)
            w.fixed(bytes)
        case .fragment(let bytes, let isLast):
            head(&w, 5, isLast ? 1 : 0)
            w.fixed(bytes)
        case .ping(let nonce):
            head(&w, 6, 0)
            w.u64(nonce)
        case .pong(let nonce):
            head(&w, 7, 0)
            w.u64(nonce)
        case .goAway(let reason, let retrySeconds, let text):
            head(&w, 8, 0)
            w.u8(reason.rawValue)
            w.u16(retrySeconds)
            w.blob16(text)
        case .datagram(let compound):
            head(&w, 9, 0)
            w.fixed(compound)
        }
        return w.finish()
    }

    func head(_ w: inout WireWriter, _ kind: UInt8, _ flags: UInt8) {
        w.u8(kind)
        w.u8(flags)
        w.u32(flow.number)
    }

    init(_ flow: FlowID, _ content: Content) {
        self.flow = flow
        self.content = content
    }

    init(decoding bytes: [UInt8], bytesMax: Int) throws(WireError) {
        if bytes.count > bytesMax { throw .tooLong(UInt64(bytes.count), max: bytesMax) }
        var r = WireReader(bytes)
        let kind = try r.u8()
        let flags = try r.u8()
        flow = FlowID(try r.u32())
        content = try Frame.content(kind, flags, &r)
        try r.finish()
        let isStream = flow.number >= 16
        switch content {
        case .open, .data, .reset: if !isStream { throw .outOfRange }
        case .credit: if !isStream && LaneRules.of(UInt8(clamping: flow.number)) == nil { throw .outOfRange }
        case .firstFragment, .fragment:
            if LaneRules.of(UInt8(clamping: flow.number)) == nil { throw .outOfRange }
        case .ping, .pong, .goAway, .datagram: if flow != .control { throw .outOfRange }
        }
    }

    static func content(
        _ kind: UInt8, _ flags: UInt8, _ r: inout WireReader
    ) throws(WireError) -> Content {
        let known: UInt8 =
            switch kind {
            case 1, 2: 1
            case 5: 3
            default: 0
            }
        if flags & ~known != 0 { throw .unknownTag(UInt64(flags)) }
        let isLast = flags & 1 == 1
        switch kind {
        case 1:
            return .open(
                trafficClass: try r.u8(), service: try r.u16(), request: try r.fixed(r.remaining),
                isLast: isLast)
        case 2: return .data(try r.fixed(r.remaining), isLast: isLast)
        case 3: return .credit(try r.u32())
        case 4: return .reset(code: try r.u16())
        case 5:
            if flags & 2 == 0 { return .fragment(try r.fixed(r.remaining), isLast: isLast) }
            return .firstFragment(
                number: try r.u16(), total: try r.u32(), try r.fixed(r.remaining), isLast: isLast)
        case 6: return .ping(nonce: try r.u64())
        case 7: return .pong(nonce: try r.u64())
        case 8:
            guard let reason = CloseReason(rawValue: try r.u8()) else { throw .outOfRange }
            return .goAway(
                reason, retrySeconds: try r.u16(), text: try r.blob16(max: goAwayTextBytesMax))
        case 9:
            if r.remaining > Compound.bytesMax { throw .tooLong(UInt64(r.remaining), max: Compound.bytesMax) }
            return .datagram(try r.fixed(r.remaining))
        default: throw .unknownTag(UInt64(kind))
        }
    }
}
