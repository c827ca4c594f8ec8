public import Basis
public import Wire

/// Seeded mutations of an encoding: the smallest fuzzer that finds what a strict decoder must refuse.
public enum Mutation {
    /// A changed copy: a flipped bit, a cut, an insertion, a repeated span, or an overwritten length.
    public static func of(_ bytes: [UInt8], using rng: inout SeededGenerator) -> [UInt8] {
        var out = bytes
        let at = out.isEmpty ? 0 : Int.random(in: 0..<out.count, using: &rng)
        switch Int.random(in: 0..<6, using: &rng) {
        case 0, 1: if !out.isEmpty { out[at] ^= 1 << UInt8.random(in: 0..<8, using: &rng) }
        case 2: out.removeLast(out.count - at)
        case 3: out.insert(contentsOf: rng.bytes(Int.random(in: 1...4, using: &rng)), at: at)
        case 4: out.insert(contentsOf: out[at..<min(at + 8, out.count)], at: at)
        default: for i in at..<min(at + 4, out.count) { out[i] = 0xff }
        }
        return out
    }

    /// How many of `rounds` mutations of `sample` were accepted. Every accepted one must encode back to itself; the
    /// first that does not is returned as `broken`.
    public static func fuzz<T: WireCodable>(_ sample: T, seed: UInt64, rounds: Int = 400)
        -> (accepted: Int, broken: [UInt8]?)
    {
        var rng = SeededGenerator(seed: seed)
        var accepted = 0
        for _ in 0..<rounds {
            var bytes = sample.encoded
            for _ in 0...Int.random(in: 0..<3, using: &rng) { bytes = of(bytes, using: &rng) }
            guard let value = try? T(decoding: bytes) else { continue }
            accepted += 1
            if value.encoded != bytes { return (accepted, bytes) }
        }
        return (accepted, nil)
    }
}
