import Basis
public import Wire

/// Several peer messages in one datagram or DATAGRAM frame (`gossip.md` 6): each type u8 ‖ length u16 ‖ body.
public struct Compound: Sendable, Hashable {
    /// `datagramPlaintextBytesMax`: 1,200 − 17 header − 16 tag.
    public static let bytesMax = 1_167
    /// `datagramPartsMax`.
    public static let partsMax = 32
    /// Type and length before each body.
    public static let partOverheadBytes = 3

    /// 1…32 messages, in order.
    public let messages: [PeerMessage]
    /// How many messages of types from 0x80 on were skipped; a compound that we make has none.
    public let skippedCount: Int

    public init(_ messages: [PeerMessage]) {
        self.messages = messages
        skippedCount = 0
    }

    /// One message as it stands in a compound.
    public static func part(_ message: PeerMessage) -> [UInt8] {
        var room = 64
        if case .records(let records) = message { room += records.records.count * (PeerRecord.bytesMax + 2) }
        var part = WireWriter(capacity: room)
        part.u8(message.type)
        part.blob16 { message.encodeBody(to: &$0) }
        return part.finish()
    }

    /// The bytes of 1…32 messages whose parts are at most 1,167 bytes together: else a bug of the caller.
    public var encoded: [UInt8] {
        let bytes = messages.flatMap { Compound.part($0) }
        invariant(
            (1...Compound.partsMax).contains(messages.count) && bytes.count <= Compound.bytesMax,
            "compound of \(messages.count) messages, \(bytes.count) bytes")
        return bytes
    }

    /// Reads a compound whole or refuses it whole: truncated, too long, too many parts, an unknown type below 0x80,
    /// or one body that its layout rejects.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        if bytes.count > Compound.bytesMax {
            throw .tooLong(UInt64(bytes.count), max: Compound.bytesMax)
        }
        var reader = WireReader(bytes)
        var messages: [PeerMessage] = []
        var skipped = 0
        while reader.remaining > 0 {
            if messages.count + skipped == Compound.partsMax {
                throw .tooLong(UInt64(Compound.partsMax + 1), max: Compound.partsMax)
            }
            let type = try reader.u8()
            let length = try reader.u16()
            if length > Compound.bytesMax { throw .tooLong(UInt64(length), max: Compound.bytesMax) }
            var body = try reader.inner(Int(length))
            if type >= 0x80 {
                skipped += 1
                continue
            }
            guard let message = try PeerMessage.decode(type: type, from: &body) else {
                throw .unknownTag(UInt64(type))
            }
            try body.finish()
            messages.append(message)
        }
        if messages.isEmpty && skipped == 0 { throw .truncated }
        self.messages = messages
        skippedCount = skipped
    }
}
