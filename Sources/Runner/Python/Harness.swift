/// The python harness, carried in the program itself: a node needs no file beside it that could be changed.
enum Harness {
    /// The text of `harness.py`.
    static var source: [UInt8] { PackageResources.harness_py }
}
