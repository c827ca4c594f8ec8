import Basis
public import Trust

/// BLAKE2b-256 without a key (RFC 7693) in plain Swift, so that golden vectors of pure modules are the real ones.
///
/// For tests: about 30 times slower than libsodium in a debug build.
public struct Blake2bHashing: Hashing {
    public init() {}

    static let iv: [UInt64] = [
        0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1,
        0x510e_527f_ade6_82d1, 0x9b05_688c_2b3e_6c1f, 0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179,
    ]
    static let sigma: [[Int]] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
    ]

    public func digest(_ bytes: [UInt8]) -> Digest {
        var h = Self.iv
        h[0] ^= 0x0101_0000 ^ 32
        var start = 0
        while bytes.count - start > 128 {
            compress(&h, bytes[start..<start + 128], counted: UInt64(start + 128), isLast: false)
            start += 128
        }
        compress(&h, bytes[start...], counted: UInt64(bytes.count), isLast: true)
        return Digest(
            Bytes32(
                w0: h[0].byteSwapped, w1: h[1].byteSwapped, w2: h[2].byteSwapped,
                w3: h[3].byteSwapped))
    }

    func compress(_ h: inout [UInt64], _ block: ArraySlice<UInt8>, counted: UInt64, isLast: Bool) {
        var m = [UInt64](repeating: 0, count: 16)
        for (i, byte) in block.enumerated() { m[i >> 3] |= UInt64(byte) << UInt64(8 * (i & 7)) }
        var v = h + Self.iv
        v[12] ^= counted
        if isLast { v[14] = ~v[14] }
        func mix(_ a: Int, _ b: Int, _ c: Int, _ d: Int, _ x: UInt64, _ y: UInt64) {
            func rotated(_ z: UInt64, _ n: UInt64) -> UInt64 { z >> n | z << (64 - n) }
            v[a] = v[a] &+ v[b] &+ x
            v[d] = rotated(v[d] ^ v[a], 32)
            v[c] = v[c] &+ v[d]
            v[b] = rotated(v[b] ^ v[c], 24)
            v[a] = v[a] &+ v[b] &+ y
            v[d] = rotated(v[d] ^ v[a], 16)
            v[c] = v[c] &+ v[d]
            v[b] = rotated(v[b] ^ v[c], 63)
        }
        for round in 0..<12 {
            let s = Self.sigma[round % 10]
            mix(0, 4, 8, 12, m[s[0]], m[s[1]])
            mix(1, 5, 9, 13, m[s[2]], m[s[3]])
            mix(2, 6, 10, 14, m[s[4]], m[s[5]])
            mix(3, 7, 11, 15, m[s[6]], m[s[7]])
            mix(0, 5, 10, 15, m[s[8]], m[s[9]])
            mix(1, 6, 11, 12, m[s[10]], m[s[11]])
            mix(2, 7, 8, 13, m[s[12]], m[s[13]])
            mix(3, 4, 9, 14, m[s[14]], m[s[15]])
        }
        for i in 0..<8 { h[i] ^= v[i] ^ v[i + 8] }
    }
}
