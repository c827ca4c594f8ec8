/// 32 bytes as four words, for hashes and keys: no allocation, no reference counting, compared bytewise.
///
/// The words are the big-endian reading of the bytes, so comparing words in order compares bytes in order.
public struct Bytes32: Sendable, Hashable, Comparable, BitwiseCopyable {
    public let w0: UInt64, w1: UInt64, w2: UInt64, w3: UInt64

    public init(w0: UInt64, w1: UInt64, w2: UInt64, w3: UInt64) {
        self.w0 = w0
        self.w1 = w1
        self.w2 = w2
        self.w3 = w3
    }

    public static let zero = Bytes32(w0: 0, w1: 0, w2: 0, w3: 0)
    public var isZero: Bool { self == .zero }

    /// `byte` 32 times, as test vectors write `11×32`.
    public init(repeating byte: UInt8) {
        let word = UInt64(byte) &* 0x0101_0101_0101_0101
        self.init(w0: word, w1: word, w2: word, w3: word)
    }

    /// The first 32 bytes from `offset` on; nil if there are fewer.
    public init?(_ bytes: some RandomAccessCollection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        var i = 0
        for byte in bytes {
            switch i >> 3 {
            case 0: words.0 = words.0 << 8 | UInt64(byte)
            case 1: words.1 = words.1 << 8 | UInt64(byte)
            case 2: words.2 = words.2 << 8 | UInt64(byte)
            default: words.3 = words.3 << 8 | UInt64(byte)
            }
            i += 1
        }
        self.init(w0: words.0, w1: words.1, w2: words.2, w3: words.3)
    }

    /// 64 hexadecimal digits; nil for anything else.
    public init?(hex: String) {
        guard let bytes = [UInt8](hex: hex) else { return nil }
        self.init(bytes)
    }

    public var bytes: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(32)
        append(to: &out)
        return out
    }

    /// Appends the 32 bytes, at once.
    public func append(to out: inout [UInt8]) {
        let words = (w0.bigEndian, w1.bigEndian, w2.bigEndian, w3.bigEndian)
        unsafe withUnsafeBytes(of: words) { unsafe out.append(contentsOf: $0) }
    }

    public var hex: String { bytes.hex }

    public static func < (a: Bytes32, b: Bytes32) -> Bool {
        if a.w0 != b.w0 { return a.w0 < b.w0 }
        if a.w1 != b.w1 { return a.w1 < b.w1 }
        if a.w2 != b.w2 { return a.w2 < b.w2 }
        return a.w3 < b.w3
    }
}

extension Bytes32: CustomStringConvertible {
    public var description: String { hex }
}
