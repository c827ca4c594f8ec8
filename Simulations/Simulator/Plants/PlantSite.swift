/// Where a planted bug sits (`simulation.md` 16). A check on a hot path is one integer compare: `plant == .someSite`.
///
/// Sites are declared beside the plants of their group, with numbers of their own: 1–99 S, 100–199 M, 200–299 C,
/// 300–399 L, 400–499 J, 500–599 R and E.
public struct PlantSite: Sendable, Hashable {
    public let number: UInt16
    init(_ number: UInt16) { self.number = number }

    /// No bug is planted.
    static let none = PlantSite(0)
}
