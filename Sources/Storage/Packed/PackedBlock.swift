public import Basis
public import Trust
public import Wire

/// Names a stream of events in the packed log, such as a lease or a job.
public struct LogStream: FixedBytes32 {
    public let raw: Bytes32
    public init(_ raw: Bytes32) { self.raw = raw }
}

/// One event of the packed log.
public struct LogEvent: Sendable, Hashable {
    /// Counts all events of the log from 0.
    public let sequence: UInt64
    public let stream: LogStream
    /// Milliseconds since 1970; never less than that of an earlier event.
    public let time: UInt64
    public let bytes: [UInt8]

    public init(sequence: UInt64, stream: LogStream, time: UInt64, bytes: [UInt8]) {
        self.sequence = sequence
        self.stream = stream
        self.time = time
        self.bytes = bytes
    }

    /// What is hashed as a leaf: `stream 32 ‖ time u64 ‖ bytes`. Its place in the block binds its sequence.
    public var leafItem: [UInt8] {
        var writer = WireWriter(capacity: 40 + bytes.count)
        writer.bytes32(stream.raw)
        writer.u64(time)
        writer.fixed(bytes)
        return writer.finish()
    }
}

/// A block of the packed log (`architecture.md` D13): up to 1,000 events under one Merkle root and one signature.
///
/// Encoded: version u8 (1), first sequence u64, previous root h32, streams list[h32], events list[{stream index u16,
/// time u64, bytes}], root h32, signature. The root of each block stands in the next one, so that a block that is
/// missing in between is noticed.
public struct PackedBlock: Sendable, Hashable {
    public static let eventsMax = 1_000
    /// One event; a log record of a task has at most 16 KiB.
    public static let eventBytesMax = 65_536
    /// Of the leaves: with it and `MerklePath` one event is proven under a block's root.
    public static let leafTag: HashTag = "peernode/event-leaf/v1"

    /// Why a block is not what was written.
    public enum Fault: Error, Sendable, Hashable {
        case encoding(WireError)
        case wrongRoot
        case wrongSignature
    }

    public let events: [LogEvent]
    /// Root of the block before, zero for the first.
    public let previous: Digest
    public let root: Digest
    public let signature: Signature

    public var firstSequence: UInt64 { events[0].sequence }
    public var nextSequence: UInt64 { events[0].sequence + UInt64(events.count) }
    public var firstTime: UInt64 { events[0].time }
    public var lastTime: UInt64 { events[events.count - 1].time }

    /// What is signed: `first sequence u64 ‖ count u32 ‖ first time u64 ‖ last time u64 ‖ previous h32 ‖ root h32`.
    static func body(
        first: UInt64, count: Int, times: (UInt64, UInt64), previous: Digest, root: Digest
    ) -> [UInt8] {
        var writer = WireWriter(capacity: 92)
        writer.u64(first)
        writer.u32(UInt32(count))
        writer.u64(times.0)
        writer.u64(times.1)
        writer.value(previous)
        writer.value(root)
        return writer.finish()
    }

    /// Reads a block and checks root and signature; 0.5 ms for 1,000 events.
    public static func open(
        _ bytes: [UInt8], signer: PublicKey, network: NetworkID, verifier: some Verifying,
        hashing: some Hashing
    ) throws(Fault) -> PackedBlock {
        let block: PackedBlock
        do throws(WireError) {
            block = try PackedBlock(decoding: bytes)
        } catch {
            throw .encoding(error)
        }
        let root = PackedBytes.root(of: block.events, hashing: hashing)
        if root != block.root { throw .wrongRoot }
        let body = body(
            first: block.firstSequence, count: block.events.count,
            times: (block.firstTime, block.lastTime), previous: block.previous, root: root)
        guard verifier.isValid(block.signature, .log, network: network, body: body, by: signer)
        else { throw .wrongSignature }
        return block
    }
}

extension PackedBlock: WireEncodable, WireDecodable {
    public func encode(to writer: inout WireWriter) {
        let (streams, list) = PackedBytes.list(events)
        writer.u8(1)
        writer.u64(firstSequence)
        writer.value(previous)
        writer.list(streams) { $0.bytes32($1) }
        writer.fixed(list)
        writer.value(root)
        writer.value(signature)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let version = try reader.u8()
        if version != 1 { throw .unknownTag(UInt64(version)) }
        let first = try reader.u64()
        if first > UInt64.max - UInt64(PackedBlock.eventsMax) { throw .outOfRange }
        previous = try reader.value()
        let streams = try reader.list(max: PackedBlock.eventsMax, itemBytesMin: 32) {
            (r) throws(WireError) in try r.bytes32()
        }
        if Set(streams).count != streams.count { throw .unsorted }
        var met = 0
        var time: UInt64 = 0
        var next = first
        events = try reader.list(max: PackedBlock.eventsMax, itemBytesMin: 14) {
            (r) throws(WireError) in
            let stream = Int(try r.u16())
            // Streams are listed in the order in which events name them first.
            if stream > met || stream >= streams.count { throw .outOfRange }
            if stream == met { met += 1 }
            let moment = try r.u64()
            if moment < time { throw .unsorted }
            time = moment
            defer { next += 1 }
            return LogEvent(
                sequence: next, stream: LogStream(streams[stream]), time: moment,
                bytes: try r.bytes(max: PackedBlock.eventBytesMax))
        }
        if events.isEmpty || met != streams.count { throw .outOfRange }
        root = try reader.value()
        signature = try reader.value()
    }

    /// Builds and signs a block of events whose sequences and times are in order; at least one, at most 1,000.
    init(
        sealing events: [LogEvent], previous: Digest, network: NetworkID, signer: some Signing,
        hashing: some Hashing
    ) {
        invariant(
            !events.isEmpty && events.count <= PackedBlock.eventsMax, "\(events.count) events")
        self.events = events
        self.previous = previous
        let root = PackedBytes.root(of: events, hashing: hashing)
        self.root = root
        signature = signer.sign(
            .log, network: network,
            body: PackedBlock.body(
                first: events[0].sequence, count: events.count,
                times: (events[0].time, events[events.count - 1].time), previous: previous,
                root: root))
    }
}
