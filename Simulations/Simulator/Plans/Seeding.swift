public import Basis

/// A source of randomness of its own for every purpose of a run (`simulation.md` 5), so that leaving something out
/// changes no draw elsewhere.
public struct Seeding: Sendable, Hashable {
    public let master: UInt64

    public init(_ master: UInt64) { self.master = master }

    /// `mix(master, label)`: FNV-1a over the label's UTF-8 bytes, then the finaliser of SplitMix64.
    public func seed(_ label: String) -> UInt64 {
        var state: UInt64 = 0xcbf2_9ce4_8422_2325 ^ Seeding.mixed(master)
        for byte in label.utf8 { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return Seeding.mixed(state)
    }

    public func stream(_ label: String) -> SeededGenerator { SeededGenerator(seed: seed(label)) }

    /// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): a bijection of 64 bits.
    @inlinable
    public static func mixed(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9e37_79b9_7f4a_7c15
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
