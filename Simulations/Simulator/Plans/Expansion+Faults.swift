import Basis

extension Expansion {
    /// Makes the faults, in the order of time.
    mutating func harm() {
        var faults: [Fault] = []
        var next = (scenario.faults.compactMap(\.id).max() ?? -1) + 1
        var stream = seeding.stream("faults")
        for (index, spec) in scenario.faults.enumerated() {
            var own = stream.fork()
            for repetition in 0..<max(1, spec.times) {
                let at = spec.at + spec.every * Int64(repetition)
                for (kind, later) in kinds(spec, index, repetition, using: &own) {
                    let id: Int
                    if let given = spec.id, repetition == 0, later == .zero {
                        id = given
                    } else {
                        id = next
                        next += 1
                    }
                    faults.append(Fault(id: id, at: at + later, duration: spec.duration, kind: kind))
                }
            }
        }
        plan.faults = Expansion.ordered(faults) { $0.at }
    }

    /// One repetition: mostly one fault, but peers that leave one after another are several.
    func kinds(
        _ spec: FaultSpec, _ index: Int, _ repetition: Int, using stream: inout SeededGenerator
    ) -> [(Fault.Kind, Interval)] {
        var kind = spec.kind
        if let writes = spec.writes { kind = kind.dying(atWrite: writes.lowerBound + repetition % writes.count) }
        switch spec.whom {
        case .newcomers: return newcomers[index].map { [(kind.meeting(.peers(Array($0))), .zero)] } ?? []
        case .pair(let from, let to):
            if from == .rest {
                let there = targets(to, using: &stream)
                let here = targets(from, others: there.listed, using: &stream)
                return [(kind.meeting(here, to: there), .zero)]
            }
            let here = targets(from, using: &stream)
            return [(kind.meeting(here, to: targets(to, others: here.listed, using: &stream)), .zero)]
        case .groups(let selectors): return [(.partition(groups: groups(selectors, using: &stream)), .zero)]
        case .split(let share):
            let some = drawn(.share(share), of: everyone, using: &stream)
            return [(.partition(groups: [some, except(some)]), .zero)]
        case .who(let who):
            if case .swizzleClog(_, let gap) = kind {
                return [(.swizzleClog(resolve(who, using: &stream), gap: gap), .zero)]
            }
            let met = targets(who, using: &stream)
            guard let over = spec.over, case .peers(let peers) = met, over > .zero else {
                return [(kind.meeting(met), .zero)]
            }
            return peers.enumerated().map { order, peer in
                (kind.meeting(.peers([peer])), over / Int64(peers.count) * Int64(order))
            }
        }
    }

    /// Groups do not overlap: a peer belongs to the first that names it, and `rest` is what no other names.
    func groups(_ selectors: [Selector], using stream: inout SeededGenerator) -> [[Int]] {
        var groups = selectors.map { $0 == .rest ? [] : resolve($0, using: &stream) }
        var isIn = plan.peers.map { _ in false }
        for index in groups.indices {
            groups[index] = groups[index].filter { !isIn[$0] }
            for peer in groups[index] { isIn[peer] = true }
        }
        for index in groups.indices where selectors[index] == .rest {
            groups[index] = everyone.filter { !isIn[$0] }
            for peer in groups[index] { isIn[peer] = true }
        }
        return groups
    }

    /// What the moment decides stays as it is.
    func targets(
        _ selector: Selector, others: [Int] = [], using stream: inout SeededGenerator
    ) -> Targets {
        switch selector {
        case .leader: .leader
        case .seats(let count): .seats(count)
        case .workers(let count): .workers(count)
        default: .peers(resolve(selector, others: others, using: &stream))
        }
    }
}

extension Targets {
    /// The peers that are known before the run.
    public var listed: [Int] {
        if case .peers(let peers) = self { peers } else { [] }
    }
}

extension Fault.Kind {
    /// The same crash at another write; other faults stay.
    func dying(atWrite write: Int) -> Fault.Kind {
        switch self {
        case .crash(let who, let restart, .crashAtWrite(_, let after)):
            .crash(who, restartAfter: restart, disk: .crashAtWrite(write, after: after))
        case .disk(let who, .crashAtWrite(_, let after)): .disk(who, .crashAtWrite(write, after: after))
        default: self
        }
    }
}
