/// SipHash-1-3 (Aumasson and Bernstein, 2012) over bytes and words: the tags, digests and trace hashes of simulations.
///
/// Fast, keyed and the same on every machine. Not for secrets of real networks.
public struct SipHash: Sendable {
    var v0: UInt64
    var v1: UInt64
    var v2: UInt64
    var v3: UInt64

    @inlinable
    public init(_ k0: UInt64, _ k1: UInt64) {
        self.init(
            v0: 0x736f_6d65_7073_6575 ^ k0, v1: 0x646f_7261_6e64_6f6d ^ k1, v2: 0x6c79_6765_6e65_7261 ^ k0,
            v3: 0x7465_6462_7974_6573 ^ k1)
    }

    @usableFromInline
    init(v0: UInt64, v1: UInt64, v2: UInt64, v3: UInt64) {
        self.v0 = v0
        self.v1 = v1
        self.v2 = v2
        self.v3 = v3
    }

    @inline(__always)
    mutating func round() {
        v0 &+= v1
        v1 = (v1 << 13 | v1 >> 51) ^ v0
        v0 = v0 << 32 | v0 >> 32
        v2 &+= v3
        v3 = (v3 << 16 | v3 >> 48) ^ v2
        v0 &+= v3
        v3 = (v3 << 21 | v3 >> 43) ^ v0
        v2 &+= v1
        v1 = (v1 << 17 | v1 >> 47) ^ v2
        v2 = v2 << 32 | v2 >> 32
    }

    public mutating func add(_ word: UInt64) {
        v3 ^= word
        round()
        v0 ^= word
    }

    /// The bytes and their count, so that two lists of bytes never run together.
    public mutating func add(_ bytes: [UInt8]) { add(bytes, 0..<bytes.count) }

    /// Some of the bytes, as if they were all.
    public mutating func add(_ bytes: [UInt8], _ range: Range<Int>) {
        // The words of the state stay in registers: through `self` each round would store and load them.
        var state = self
        unsafe bytes.withUnsafeBytes { whole in
            let raw = unsafe UnsafeRawBufferPointer(rebasing: whole[range])
            let count = raw.count
            var at = 0
            while at + 8 <= count {
                state.take(UInt64(littleEndian: unsafe raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
                at += 8
            }
            var last = UInt64(truncatingIfNeeded: count) << 56
            var shift: UInt64 = 0
            while at < count {
                last |= UInt64(unsafe raw[at]) << shift
                shift += 8
                at += 1
            }
            state.take(last)
        }
        self = state
    }

    @inline(__always)
    private mutating func take(_ word: UInt64) {
        v3 ^= word
        round()
        v0 ^= word
    }

    public func finished() -> UInt64 {
        var end = self
        end.v2 ^= 0xff
        end.round()
        end.round()
        end.round()
        return end.v0 ^ end.v1 ^ end.v2 ^ end.v3
    }
}
