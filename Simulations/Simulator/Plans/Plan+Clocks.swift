public import Basis

extension Plan {
    /// From when on every clock has reached the times that blocks may carry, not before calm.
    ///
    /// A quorum whose clocks run ahead makes blocks of the future; when they are set right, nobody proposes until time
    /// has caught up (`ledger.md` 4.5), so no promise about speed holds before.
    public var clocksAgreeAt: Interval {
        var latest = calmAt
        for fault in faults {
            switch fault.kind {
            case .clockSkew(_, let by) where by > .zero:
                latest = max(latest, fault.at + (fault.duration ?? .zero) + by)
            case .clockJump(_, let by) where by > .zero: latest = max(latest, fault.at + by)
            default: break
            }
        }
        return latest
    }
}
