extension Fault {
    /// The same fault in a network in which peer `i` has the number `numbers[i]`, or is not there; nil if it meets
    /// nobody there.
    func renumbered(_ numbers: [Int?], seats: Int) -> Fault? {
        func peers(_ who: [Int]) -> [Int] { who.compactMap { $0 < numbers.count ? numbers[$0] : nil } }
        func part(_ targets: Targets) -> Targets? {
            switch targets {
            case .peers(let who):
                let left = peers(who)
                return left.isEmpty ? nil : .peers(left)
            case .seats(let count): return .seats(min(count, seats))
            case .leader, .workers: return targets
            }
        }
        var fault = self
        switch kind {
        case .partition(let groups):
            let left = groups.map(peers).filter { !$0.isEmpty }
            if left.count < 2 { return nil }
            fault.kind = .partition(groups: left)
        case .swizzleClog(let who, let gap):
            let left = peers(who)
            if left.isEmpty { return nil }
            fault.kind = .swizzleClog(left, gap: gap)
        default:
            let (who, to) = kind.targets
            guard let here = part(who) else { return nil }
            var there = Targets.peers([])
            if let to {
                guard let left = part(to) else { return nil }
                there = left
            }
            fault.kind = kind.meeting(here, to: there)
        }
        return fault
    }
}
