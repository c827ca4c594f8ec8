public import Trust
public import Wire

/// How the results of replicas are compared (`ledger.md` 9.2): id u8, then parameters.
///
/// Stage 1 knows `exact`, id 1. Ids 2 to 5 (numeric, ngram, minhash, embedding) are reserved; decoding one throws
/// `.unknownTag`, so that an entry with it is answered `unsupported`.
public struct Comparator: Sendable, Hashable {
    public enum Mode: UInt8, Sendable {
        /// The bytes of the body.
        case raw = 0
        /// Canonical JSON after ignoring.
        case json = 1
    }

    /// Encoded size, so that a job record stays near 1 KiB.
    public static let bytesMax = 1_024
    public static let ignoreMax = 32

    public let mode: Mode
    /// Places left out of the comparison, applied in order; empty unless the mode is JSON.
    public let ignore: [Path]

    /// Nil if `ignore` does not fit: too many, too long together, or beside mode raw.
    public init?(mode: Mode, ignore: [Path] = []) {
        self.mode = mode
        self.ignore = ignore
        guard ignore.isEmpty || mode == .json, ignore.count <= Comparator.ignoreMax,
            encoded.count <= Comparator.bytesMax
        else { return nil }
    }

    init(exact mode: Mode) {
        self.mode = mode
        ignore = []
    }

    /// Equal bytes.
    public static let raw = Comparator(exact: .raw)
    /// Equal canonical JSON.
    public static let json = Comparator(exact: .json)

    /// The id on the wire.
    public var id: UInt8 { 1 }
    /// Largest distance of two results that count as agreeing.
    public var tolerance: UInt64 { 0 }

    /// What `compareHash` covers of a body with status 0.
    ///
    /// - Throws: `JSONError` if the comparator needs JSON and the body is none: such a result has status 3.
    public func form(of body: [UInt8]) throws(JSONError) -> [UInt8] {
        switch mode {
        case .raw: body
        case .json: CanonicalJSON.bytes(try CanonicalJSON.parse(body).ignoring(ignore))
        }
    }

    /// `H("peernode/compare/v1", u8 status, i32 exitCode, form)`; the form is empty when status is not 0.
    public func compareHash(
        status: UInt8, exitCode: Int32, body: [UInt8], hashing: some Hashing
    ) throws(JSONError) -> Digest {
        let form = status == 0 ? try form(of: body) : []
        return Comparator.compareHash(
            status: status, exitCode: exitCode, form: form, hashing: hashing)
    }

    /// The same of a form at hand.
    public static func compareHash(
        status: UInt8, exitCode: Int32, form: [UInt8], hashing: some Hashing
    ) -> Digest {
        hashing.hash("peernode/compare/v1") {
            $0.u8(status)
            $0.i32(exitCode)
            $0.fixed(form)
        }
    }

    /// Whether `body` has the form in which this comparator's results are delivered: canonical where it needs JSON.
    public func isCanonicalBody(_ body: [UInt8]) -> Bool {
        mode == .raw || CanonicalJSON.isCanonical(body)
    }

    /// Distance of two results whose (status, exitCode) are equal.
    func distance(_ a: RevealedAnswer, _ b: RevealedAnswer) -> UInt64 {
        a.compareHash == b.compareHash ? 0 : .max
    }
}

extension Comparator: WireEncodable, WireDecodable {
    public func encode(to writer: inout WireWriter) {
        writer.u8(id)
        writer.u8(mode.rawValue)
        writer.list(ignore)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let start = reader.offset
        let id = try reader.u8()
        if id != 1 { throw .unknownTag(UInt64(id)) }
        let tag = try reader.u8()
        guard let mode = Mode(rawValue: tag) else { throw .unknownTag(UInt64(tag)) }
        self.mode = mode
        ignore = try reader.list(Path.self, max: Comparator.ignoreMax, itemBytesMin: 4)
        if mode == .raw && !ignore.isEmpty { throw .outOfRange }
        if reader.offset - start > Comparator.bytesMax { throw .outOfRange }
    }
}
