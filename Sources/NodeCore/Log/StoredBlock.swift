public import Records
public import Wire

/// A block as family `blocks` keeps it: with the finalize certificate that proves it, where there is one.
public struct StoredBlock: Sendable, Hashable, WireCodable {
    public let block: Block
    public let finalizeCertificate: Certificate?

    public init(block: Block, finalizeCertificate: Certificate?) {
        self.block = block
        self.finalizeCertificate = finalizeCertificate
    }

    public func encode(to w: inout WireWriter) {
        w.value(block)
        w.optional(finalizeCertificate)
    }

    public init(from r: inout WireReader) throws(WireError) {
        block = try r.value()
        finalizeCertificate = try r.optional { (r) throws(WireError) in try r.value() }
    }
}
