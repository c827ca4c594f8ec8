import Basis
public import Trust
public import Wire

/// The leader's block with its notarize vote (0x0300).
public struct Proposal: Sendable, Hashable, WireCodable {
    public let block: Block
    /// The leader's `notarize` vote, counted and certified like any vote.
    public let signature: Signature

    public init(block: Block, signature: Signature) {
        self.block = block
        self.signature = signature
    }

    public func encode(to w: inout WireWriter) {
        w.value(block)
        w.value(signature)
    }

    public init(from r: inout WireReader) throws(WireError) {
        block = try r.value()
        signature = try r.value()
    }
}

/// A peer's own position in the log (0x0305): a hint, never proof.
public struct Status: Sendable, Hashable, WireCodable {
    public struct Flags: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let seat = Flags(rawValue: 1)
        public static let candidate = Flags(rawValue: 2)
        public static let stalled = Flags(rawValue: 4)
        public static let worker = Flags(rawValue: 8)
        /// The sender wants a Status in return.
        public static let wantsAnswer = Flags(rawValue: 16)
        static let known: UInt8 = 31
    }

    public var epoch: UInt64
    /// 0 for observers.
    public var view: UInt64
    public var finalHeight: UInt64
    public var executedHeight: UInt64
    public var certifiedHeight: UInt64
    public var executedHash: Digest
    public var stateDigest: Digest
    public var flags: Flags

    public init(
        epoch: UInt64, view: UInt64, finalHeight: UInt64, executedHeight: UInt64,
        certifiedHeight: UInt64, executedHash: Digest, stateDigest: Digest, flags: Flags
    ) {
        self.epoch = epoch
        self.view = view
        self.finalHeight = finalHeight
        self.executedHeight = executedHeight
        self.certifiedHeight = certifiedHeight
        self.executedHash = executedHash
        self.stateDigest = stateDigest
        self.flags = flags
    }

    public func encode(to w: inout WireWriter) {
        w.u64(epoch)
        w.u64(view)
        w.u64(finalHeight)
        w.u64(executedHeight)
        w.u64(certifiedHeight)
        w.value(executedHash)
        w.value(stateDigest)
        w.u8(flags.rawValue)
    }

    public init(from r: inout WireReader) throws(WireError) {
        epoch = try r.u64()
        view = try r.u64()
        finalHeight = try r.u64()
        executedHeight = try r.u64()
        certifiedHeight = try r.u64()
        executedHash = try r.value()
        stateDigest = try r.value()
        flags = Flags(rawValue: try r.u8())
        if flags.rawValue & ~Flags.known != 0 { throw .unknownTag(UInt64(flags.rawValue)) }
    }
}

/// Asks for executed heights, or for one block by hash (0x0306).
public struct FetchBlocks: Sendable, Hashable, WireCodable {
    public let from: UInt64
    /// 1 … `syncBlocksMax`; 0 iff a hash is given.
    public let count: UInt16
    public let hash: Digest?

    public init(from: UInt64, count: UInt16) {
        self.from = from
        self.count = count
        hash = nil
    }

    public init(hash: Digest, height: UInt64) {
        from = height
        count = 0
        self.hash = hash
    }

    public func encode(to w: inout WireWriter) {
        w.u64(from)
        w.u16(count)
        w.optional(hash)
    }

    public init(from r: inout WireReader) throws(WireError) {
        from = try r.u64()
        count = try r.u16()
        hash = try r.optional { (r) throws(WireError) in try r.value() }
        if (count == 0) != (hash != nil) || count > UInt16(LedgerLimits.syncBlocksMax) {
            throw .outOfRange
        }
    }
}

/// Consecutive blocks with what proves them final (0x0307, and pushed as Final 0x030F with one block).
public struct Blocks: Sendable, Hashable, WireCodable {
    public let blocks: [Block]
    /// Headers after the last block up to the one that the proof covers.
    public let links: [BlockHeader]
    public let stateCertificate: StateCertificate?
    public let finalizeCertificate: Certificate?

    public init(
        blocks: [Block], links: [BlockHeader], stateCertificate: StateCertificate?,
        finalizeCertificate: Certificate?
    ) {
        self.blocks = blocks
        self.links = links
        self.stateCertificate = stateCertificate
        self.finalizeCertificate = finalizeCertificate
    }

    public func encode(to w: inout WireWriter) {
        w.list(blocks)
        w.list(links)
        w.optional(stateCertificate)
        w.optional(finalizeCertificate)
    }

    public init(from r: inout WireReader) throws(WireError) {
        blocks = try r.list(max: LedgerLimits.syncBlocksMax, itemBytesMin: 216)
        if blocks.isEmpty { throw .outOfRange }
        links = try r.list(max: LedgerLimits.linksMax, itemBytesMin: BlockHeader.bytes)
        stateCertificate = try r.optional { (r) throws(WireError) in try r.value() }
        finalizeCertificate = try r.optional { (r) throws(WireError) in try r.value() }
    }
}

/// Asks for the certificates of views `from` … `to` (0x0308).
public struct FetchCertificates: Sendable, Hashable, WireCodable {
    public static let viewsMax: UInt64 = 64

    public let epoch: UInt64
    public let from: UInt64
    public let to: UInt64

    public init(epoch: UInt64, from: UInt64, to: UInt64) {
        self.epoch = epoch
        self.from = from
        self.to = to
    }

    public func encode(to w: inout WireWriter) {
        w.u64(epoch)
        w.u64(from)
        w.u64(to)
    }

    public init(from r: inout WireReader) throws(WireError) {
        epoch = try r.u64()
        from = try r.u64()
        to = try r.u64()
        if to < from || to - from > FetchCertificates.viewsMax { throw .outOfRange }
    }
}

/// What a seat has for the asked views (0x0309): certificates, and own journaled votes where it has none.
public struct Certificates: Sendable, Hashable, WireCodable {
    /// 65 views × 3 kinds.
    static let itemsMax = 195

    public let certificates: [Certificate]
    public let ownVotes: [Vote]

    public init(certificates: [Certificate], ownVotes: [Vote]) {
        self.certificates = certificates
        self.ownVotes = ownVotes
    }

    public func encode(to w: inout WireWriter) {
        w.list(certificates)
        w.list(ownVotes)
    }

    public init(from r: inout WireReader) throws(WireError) {
        certificates = try r.list(max: Certificates.itemsMax, itemBytesMin: 53)
        ownVotes = try r.list(max: Certificates.itemsMax, itemBytesMin: 115)
    }
}

/// Entries for the pool (0x030C).
public struct Submit: Sendable, Hashable, WireCodable {
    public static let entriesMax = 256
    public static let hopsMax: UInt8 = 2
    /// Of the entries of one message: 1 MiB (4.3) less the count, the hops, and 4 bytes of length for each entry.
    static let entryBytesMax = (1 << 20) - 8 - 4 * entriesMax

    public let entries: [[UInt8]]
    public let hops: UInt8

    /// Entries in as few messages as hold them, in order.
    public static func parts(of entries: [[UInt8]]) -> [[[UInt8]]] {
        var parts: [[[UInt8]]] = []
        var bytes = 0
        for entry in entries {
            bytes += entry.count
            if let last = parts.last, last.count < entriesMax, bytes <= entryBytesMax {
                parts[parts.count - 1].append(entry)
            } else {
                parts.append([entry])
                bytes = entry.count
            }
        }
        return parts
    }

    public init(entries: [[UInt8]], hops: UInt8) {
        self.entries = entries
        self.hops = hops
    }

    public func encode(to w: inout WireWriter) {
        w.list(entries) { $0.bytes($1) }
        w.u8(hops)
    }

    public init(from r: inout WireReader) throws(WireError) {
        entries = try r.list(max: Submit.entriesMax, itemBytesMin: 4) { (r) throws(WireError) in
            try r.bytes(max: LedgerLimits.entryBytesMax)
        }
        hops = try r.u8()
        if hops > Submit.hopsMax { throw .outOfRange }
    }
}

/// What became of submitted entries at the receiver (0x030D): a hint.
public struct SubmitAck: Sendable, Hashable, WireCodable {
    public struct Item: Sendable, Hashable {
        public let entryHash: Digest
        /// 0 taken, 1 known, else 2 + an outcome code of 5.4, or one of the values below.
        public let answer: UInt8
        public init(entryHash: Digest, answer: UInt8) {
            self.entryHash = entryHash
            self.answer = answer
        }
    }
    public static let taken: UInt8 = 0
    public static let known: UInt8 = 1
    public static let poolFull: UInt8 = 253
    public static let busy: UInt8 = 254
    public static let unsupported: UInt8 = 255

    public let results: [Item]

    public init(results: [Item]) { self.results = results }

    public func encode(to w: inout WireWriter) {
        w.list(results) {
            $0.value($1.entryHash)
            $0.u8($1.answer)
        }
    }

    public init(from r: inout WireReader) throws(WireError) {
        results = try r.list(max: Submit.entriesMax, itemBytesMin: 33) { (r) throws(WireError) in
            Item(entryHash: try r.value(), answer: try r.u8())
        }
    }
}

/// Subscribes to executed blocks from a height on (0x030E).
public struct Follow: Sendable, Hashable, WireCodable {
    public let fromHeight: UInt64

    public init(fromHeight: UInt64) { self.fromHeight = fromHeight }

    public func encode(to w: inout WireWriter) { w.u64(fromHeight) }
    public init(from r: inout WireReader) throws(WireError) { fromHeight = try r.u64() }
}

/// The messages of the log (`ledger.md` 4.3) by their numbers of `gossip.md` 6.
public enum LogMessage: Sendable, Hashable {
    case proposal(Proposal)
    case vote(Vote)
    case certificate(Certificate)
    case attestation(Attestation)
    case stateCertificate(StateCertificate)
    case status(Status)
    case fetchBlocks(FetchBlocks)
    case blocks(Blocks)
    case fetchCertificates(FetchCertificates)
    case certificates(Certificates)
    case submit(Submit)
    case submitAck(SubmitAck)
    case follow(Follow)
    case final(Blocks)

    public var number: UInt16 {
        switch self {
        case .proposal: 0x0300
        case .vote: 0x0301
        case .certificate: 0x0302
        case .attestation: 0x0303
        case .stateCertificate: 0x0304
        case .status: 0x0305
        case .fetchBlocks: 0x0306
        case .blocks: 0x0307
        case .fetchCertificates: 0x0308
        case .certificates: 0x0309
        case .submit: 0x030c
        case .submitAck: 0x030d
        case .follow: 0x030e
        case .final: 0x030f
        }
    }

    /// The body without its number, in canonical bytes.
    public var body: [UInt8] {
        switch self {
        case .proposal(let m): m.encoded
        case .vote(let m): m.encoded
        case .certificate(let m): m.encoded
        case .attestation(let m): m.encoded
        case .stateCertificate(let m): m.encoded
        case .status(let m): m.encoded
        case .fetchBlocks(let m): m.encoded
        case .blocks(let m), .final(let m): m.encoded
        case .fetchCertificates(let m): m.encoded
        case .certificates(let m): m.encoded
        case .submit(let m): m.encoded
        case .submitAck(let m): m.encoded
        case .follow(let m): m.encoded
        }
    }

    /// Reads the body of message `number`; numbers of stage 2 and unknown ones are `unknownTag`.
    public init(number: UInt16, body: [UInt8]) throws(WireError) {
        switch number {
        case 0x0300: self = .proposal(try Proposal(decoding: body))
        case 0x0301: self = .vote(try Vote(decoding: body))
        case 0x0302: self = .certificate(try Certificate(decoding: body))
        case 0x0303: self = .attestation(try Attestation(decoding: body))
        case 0x0304: self = .stateCertificate(try StateCertificate(decoding: body))
        case 0x0305: self = .status(try Status(decoding: body))
        case 0x0306: self = .fetchBlocks(try FetchBlocks(decoding: body))
        case 0x0307: self = .blocks(try Blocks(decoding: body))
        case 0x0308: self = .fetchCertificates(try FetchCertificates(decoding: body))
        case 0x0309: self = .certificates(try Certificates(decoding: body))
        case 0x030c: self = .submit(try Submit(decoding: body))
        case 0x030d: self = .submitAck(try SubmitAck(decoding: body))
        case 0x030e: self = .follow(try Follow(decoding: body))
        case 0x030f:
            let final = try Blocks(decoding: body)
            if final.blocks.count != 1 { throw .outOfRange }
            self = .final(final)
        default: throw .unknownTag(UInt64(number))
        }
    }
}
