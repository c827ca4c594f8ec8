/// Which bug is planted in a core while a canary runs (`simulation.md` 16). A default build has none: without the trait
/// `PlantedBugs` no core contains a site.
///
/// A site reads `#if PLANTED_BUGS`, `if Planted.site == 123 { … }`, `#endif`.
public enum Planted {
    /// Whether the cores of this build contain sites.
    public static var isBuilt: Bool {
        #if PLANTED_BUGS
            true
        #else
            false
        #endif
    }

    /// Number of the site that is on; 0 for none.
    @TaskLocal public static var site: UInt16 = 0

    /// Runs `body` with one site on.
    public static func with<T>(_ site: UInt16, _ body: () throws -> T) rethrows -> T {
        #if PLANTED_BUGS
            try Planted.$site.withValue(site, operation: body)
        #else
            try body()
        #endif
    }
}
