public import Records
public import Trust
public import Wire

/// What became of a job or an entry, with everything needed to check it offline (`ledger.md` 16, stage 1).
///
/// The file is these canonical bytes. Every byte is bound: the genesis by the network id in the headers, headers, entry
/// hashes and events by state certificates of exactly Q seats, entries by their hashes, eligible lists by the hashes in
/// the `drawn` events.
public struct Receipt: Sendable, Hashable, WireCodable {
    /// The first bytes of the file.
    public static let magic = Array("peernode-receipt".utf8)
    public static let version: UInt16 = 1
    /// A file above it is not looked at.
    public static let bytesMax = 4 << 20
    static let blocksMax = 1_024
    static let entriesMax = 1_024
    static let linksMax = 64
    static let genesisBytesMax = 1 << 20

    /// One entry, where it stands in the log.
    public struct PlacedEntry: Sendable, Hashable, WireCodable {
        public let height: UInt64
        public let txIndex: UInt32
        public let bytes: [UInt8]

        public init(height: UInt64, txIndex: UInt32, bytes: [UInt8]) {
            self.height = height
            self.txIndex = txIndex
            self.bytes = bytes
        }

        public func encode(to w: inout WireWriter) {
            w.u64(height)
            w.u32(txIndex)
            w.bytes(bytes)
        }

        public init(from r: inout WireReader) throws(WireError) {
            height = try r.u64()
            txIndex = try r.u32()
            bytes = try r.bytes(max: LedgerLimits.entryBytesMax)
        }
    }

    /// One block: header, the hashes of its entries, its events, and what proves them.
    public struct ProvenBlock: Sendable, Hashable, WireCodable {
        public let header: BlockHeader
        public let entryHashes: [Digest]
        /// Canonical bytes of each event, by ordinal.
        public let events: [[UInt8]]
        /// The state digest before this block, when `links` is not empty, else zero.
        public let before: Digest
        /// The links from this block up to the certified height; empty if the certificate is of this height.
        public let links: [DigestLink]
        public let certificate: StateCertificate

        public init(
            header: BlockHeader, entryHashes: [Digest], events: [[UInt8]], before: Digest, links: [DigestLink],
            certificate: StateCertificate
        ) {
            self.header = header
            self.entryHashes = entryHashes
            self.events = events
            self.before = before
            self.links = links
            self.certificate = certificate
        }

        public func encode(to w: inout WireWriter) {
            w.value(header)
            w.list(entryHashes)
            w.list(events) { $0.bytes($1) }
            w.list(links)
            if !links.isEmpty { w.value(before) }
            w.value(certificate)
        }

        public init(from r: inout WireReader) throws(WireError) {
            header = try r.value()
            entryHashes = try r.list(Digest.self, max: LedgerLimits.blockEntriesMax, itemBytesMin: 32)
            events = try r.list(max: 1 << 20, itemBytesMin: 4) { (r) throws(WireError) in
                try r.bytes(max: 1 << 16)
            }
            links = try r.list(DigestLink.self, max: Receipt.linksMax, itemBytesMin: 128)
            before = links.isEmpty ? .zero : try r.value()
            certificate = try r.value()
        }
    }

    public enum Subject: Sendable, Hashable {
        /// `entries` are openJob, commits and reveals in log order; `draws` the eligible lists in round order.
        case job(entries: [PlacedEntry], draws: [CandidateList])
        case transaction(PlacedEntry)
    }

    /// The founding document of the network, with its seats.
    public let genesis: Genesis
    /// Ascending by height.
    public let blocks: [ProvenBlock]
    public let subject: Subject

    public init(genesis: Genesis, blocks: [ProvenBlock], subject: Subject) {
        self.genesis = genesis
        self.blocks = blocks
        self.subject = subject
    }

    public func encode(to w: inout WireWriter) {
        w.fixed(Receipt.magic)
        w.u16(Receipt.version)
        w.value(genesis)
        w.list(blocks)
        switch subject {
        case .job(let entries, let draws):
            w.u8(1)
            w.list(entries)
            w.list(draws)
        case .transaction(let entry):
            w.u8(2)
            w.value(entry)
        }
    }

    public init(from r: inout WireReader) throws(WireError) {
        if try r.fixed(Receipt.magic.count) != Receipt.magic { throw .badText }
        let version = try r.u16()
        if version != Receipt.version { throw .unknownTag(UInt64(version)) }
        genesis = try r.value()
        blocks = try r.ascending(max: Receipt.blocksMax, itemBytesMin: 300, by: \ProvenBlock.header.height) {
            (r) throws(WireError) in try r.value()
        }
        let kind = try r.u8()
        switch kind {
        case 1:
            let entries = try r.list(PlacedEntry.self, max: Receipt.entriesMax, itemBytesMin: 16)
            let draws = try r.list(CandidateList.self, max: LedgerLimits.leasesPerJobMax, itemBytesMin: 4)
            subject = .job(entries: entries, draws: draws)
        case 2: subject = .transaction(try r.value())
        default: throw .unknownTag(UInt64(kind))
        }
    }
}
