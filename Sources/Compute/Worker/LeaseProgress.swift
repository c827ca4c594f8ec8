public import Wire

/// What a worker tells the entry peer of a job about a lease while its program runs: message `progress`
/// (`compute.md` 5.4, 8), 37 bytes.
///
/// Sealed sessions carry it, so it needs no signature; the receiver checks that the sender holds the lease. It says how
/// far, never what: words of the program could carry its answer to another replica before the commits are closed
/// (`compute.md` 5.5), so they stay with the worker.
public struct LeaseProgress: Sendable, Hashable, WireCodable {
    public enum Stage: UInt8, Sendable, CaseIterable {
        case fetching = 1, running, sealing
    }

    public var lease: LeaseID
    public var stage: Stage
    /// 0 to 1,000.
    public var perMille: UInt16

    public init(lease: LeaseID, stage: Stage, perMille: UInt16) {
        self.lease = lease
        self.stage = stage
        self.perMille = min(perMille, 1_000)
    }

    /// What an event of the desk means for the entry peer; nil if nothing.
    public init?(_ event: WorkerEvent) {
        switch event {
        case .state(let lease, .fetching): self.init(lease: lease, stage: .fetching, perMille: 0)
        case .state(let lease, .running): self.init(lease: lease, stage: .running, perMille: 0)
        case .state(let lease, .sealing): self.init(lease: lease, stage: .sealing, perMille: 1_000)
        case .progress(let lease, let perMille, _): self.init(lease: lease, stage: .running, perMille: perMille)
        default: return nil
        }
    }

    public func encode(to writer: inout WireWriter) {
        writer.value(lease)
        writer.u8(stage.rawValue)
        writer.u16(perMille)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        lease = try reader.value()
        let tag = try reader.u8()
        guard let known = Stage(rawValue: tag) else { throw .unknownTag(UInt64(tag)) }
        stage = known
        perMille = try reader.u16()
        if perMille > 1_000 { throw .outOfRange }
    }
}
