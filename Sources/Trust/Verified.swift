/// A value whose every signature, length and network was checked (`ledger.md` 1.5).
///
/// Only `Ingress` of NodeCore makes one outside tests; `TidyTests` reads the sources for others. Cores take
/// `Verified` values, so that no core path can see unchecked bytes (STYLE 1.7).
public struct Verified<Value: Sendable>: Sendable {
    public let value: Value

    /// States that all checks of `ledger.md` 1.5 were made.
    package init(checked value: Value) { self.value = value }
}

extension Verified: Equatable where Value: Equatable {}
extension Verified: Hashable where Value: Hashable {}
