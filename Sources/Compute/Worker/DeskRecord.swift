import Records
public import Trust
public import Wire

/// One line of a lease's journal on its worker (`compute.md` 5.1). Keyed (lease, sequence); each carries the hash of
/// the one before, so that a torn tail is noticed.
public struct DeskRecord: Sendable, Hashable {
    public enum Step: Sendable, Hashable {
        /// The lease is ours and its job was accepted. Synced before anything else happens.
        case received(terms: JobTerms, deadline: UInt64, attempt: UInt8)
        case scheduled
        case started(pid: Int32)
        case ended(status: UInt8, exitCode: Int32)
        /// The claim. Synced before the commit is sent; after it nothing runs again.
        case sealed(Claim)
        case committed
        case revealed
        case settled(LeaseVerdict)

        /// Whether the record must be on the disk before the desk goes on.
        public var isSynced: Bool {
            switch self {
            case .received, .sealed: true
            default: false
            }
        }
    }

    public var lease: LeaseID
    public var sequence: UInt32
    /// Hash of the lease's previous record; zero in the first.
    public var previous: Digest
    public var step: Step

    public init(lease: LeaseID, sequence: UInt32, previous: Digest, step: Step) {
        self.lease = lease
        self.sequence = sequence
        self.previous = previous
        self.step = step
    }

    /// `H("peernode/desk/v1", record)`.
    public func hash(hashing: some Hashing) -> Digest { hashing.hash("peernode/desk/v1", encoded) }

    /// The key in the family of the shell's choice: 0x01, job, index, sequence (big-endian).
    public var key: [UInt8] { DeskRecord.prefix(lease) + StoreKey().u32(sequence).bytes }

    /// All keys of a lease begin with this.
    public static func prefix(_ lease: LeaseID) -> [UInt8] {
        StoreKey([1]).raw(lease.job.bytes).u16(lease.index).bytes
    }

    /// The longest whole chain of each lease, by lease; what follows a gap or a wrong hash is dropped.
    static func chains(_ records: [DeskRecord], hashing: some Hashing) -> [[DeskRecord]] {
        let sorted = records.sorted {
            $0.lease != $1.lease ? $0.lease < $1.lease : $0.sequence < $1.sequence
        }
        var chains: [[DeskRecord]] = []
        var isBroken = false
        for record in sorted {
            if chains.last?.last?.lease != record.lease {
                isBroken = record.sequence != 0 || !record.previous.isZero
                chains.append(isBroken ? [] : [record])
                if isBroken { chains.removeLast() }
                continue
            }
            guard !isBroken, let last = chains.last?.last else { continue }
            if record.sequence == last.sequence + 1, record.previous == last.hash(hashing: hashing)
            {
                chains[chains.count - 1].append(record)
            } else {
                isBroken = true
            }
        }
        return chains
    }
}

extension DeskRecord: WireCodable {
    public func encode(to writer: inout WireWriter) {
        writer.value(lease)
        writer.u32(sequence)
        writer.value(previous)
        switch step {
        case .received(let terms, let deadline, let attempt):
            writer.u8(1)
            writer.value(terms)
            writer.u64(deadline)
            writer.u8(attempt)
        case .scheduled: writer.u8(2)
        case .started(let pid):
            writer.u8(3)
            writer.i32(pid)
        case .ended(let status, let exitCode):
            writer.u8(4)
            writer.u8(status)
            writer.i32(exitCode)
        case .sealed(let claim):
            writer.u8(5)
            writer.value(claim)
        case .committed: writer.u8(6)
        case .revealed: writer.u8(7)
        case .settled(let verdict):
            writer.u8(8)
            writer.u8(verdict.rawValue)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.value()
        sequence = try reader.u32()
        previous = try reader.value()
        let tag = try reader.u8()
        switch tag {
        case 1:
            step = .received(
                terms: try reader.value(), deadline: try reader.u64(), attempt: try reader.u8())
        case 2: step = .scheduled
        case 3: step = .started(pid: try reader.i32())
        case 4: step = .ended(status: try reader.u8(), exitCode: try reader.i32())
        case 5: step = .sealed(try reader.value())
        case 6: step = .committed
        case 7: step = .revealed
        case 8: step = .settled(try reader.tag())
        default: throw .unknownTag(UInt64(tag))
        }
    }
}
