import Basis

extension Plan {
    /// The plan with some of its peers only, numbered anew in their order: what names others is dropped, or goes
    /// without them.
    ///
    /// - Parameters:
    ///   - kept: ascending numbers of peers.
    ///   - takingOver: those that stay do, in turn, what the others were asked to do.
    func keeping(_ kept: [Int], takingOver: Bool = false) -> Plan {
        var numbers = [Int?](repeating: nil, count: peers.count)
        for (number, peer) in kept.enumerated() { numbers[peer] = number }
        var plan = self
        plan.peers = kept.map { peers[$0] }
        var doers = numbers
        if takingOver, !kept.isEmpty {
            for peer in peers.indices where doers[peer] == nil { doers[peer] = peer % kept.count }
        }
        plan.operations = operations.compactMap { operation in
            guard let by = doers[operation.by] else { return nil }
            var moved = operation
            moved.by = by
            switch operation.kind {
            case .transfer(let to, let micro):
                guard let to = doers[to], to != by else { return nil }
                moved.kind = .transfer(to: to, micro: micro)
            case .lookup(let other):
                guard let other = doers[other] else { return nil }
                moved.kind = .lookup(other)
            case .readBalance(let other):
                guard let other = doers[other] else { return nil }
                moved.kind = .readBalance(of: other)
            case .openJob, .cancelJob, .join, .leave: break
            }
            return moved
        }
        plan.dropCancelsOfNothing()
        for i in plan.adversaries.indices {
            plan.adversaries[i].peers = plan.adversaries[i].peers.compactMap { numbers[$0] }
            plan.adversaries[i].victims = plan.adversaries[i].victims.compactMap { numbers[$0] }
        }
        plan.adversaries.removeAll { $0.peers.isEmpty }
        let seats = plan.seatCount
        plan.faults = faults.compactMap { $0.renumbered(numbers, seats: seats) }
        plan.dropTurnsToNobody()
        return plan
    }

    /// A genesis has one seat or at least three, and somebody has to be there.
    var hasSoundSeats: Bool { seatCount == 1 || seatCount >= 3 }

    /// The plan that ends `after` the failure at `time`, in whole seconds: faults that begin later have no part in it,
    /// and nothing has to come true. Work goes on to the end, since a smaller network may need more of it.
    func ending(at time: Interval, after: Interval) -> Plan {
        var plan = self
        plan.must = []
        let end = Interval.seconds(((time + after).nanoseconds + 999_999_999) / 1_000_000_000)
        if end < plan.calmAt {
            plan.calmAt = max(plan.boot, end)
            plan.duration = plan.calmAt + .seconds(1)
        } else {
            // Calm ends once all musts hold for so long, and none is left that could fail to.
            plan.duration = min(plan.duration, end)
            plan.holdFor = plan.duration - plan.calmAt
        }
        plan.faults.removeAll { $0.at >= time }
        plan.operations.removeAll { $0.at >= end }
        plan.dropCancelsOfNothing()
        return plan
    }

    mutating func dropCancelsOfNothing() {
        let known = Set(operations.map(\.id))
        operations.removeAll { operation in
            if case .cancelJob(let other) = operation.kind { !known.contains(other) } else { false }
        }
    }

    mutating func dropTurnsToNobody() {
        let names = adversaries.map(\.name)
        faults.removeAll { fault in
            if case .turnByzantine(_, let into) = fault.kind { !names.contains(into) } else { false }
        }
    }
}
