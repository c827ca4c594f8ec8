import Basis
import Records

extension Expansion {
    /// Makes the coalitions.
    mutating func recruit() {
        for spec in scenario.adversaries {
            var stream = seeding.stream("adversary/" + spec.name)
            let members = resolve(spec.members, using: &stream)
            let victims = spec.victims.map { resolve($0, others: members, using: &stream) } ?? []
            for peer in members { isAdversary[peer] = true }
            if let netgroups = spec.netgroups, case .drawn = scenario.population {
                move(members, into: netgroups, using: &stream)
            }
            plan.adversaries.append(
                AdversaryPlan(
                    name: spec.name, type: spec.type, peers: members, victims: victims, intensity: spec.intensity,
                    bytesPerSecond: spec.bytesPerSecond))
        }
    }

    /// Gives them addresses in so many networks that nobody else uses.
    mutating func move(_ members: [Int], into netgroups: Int, using stream: inout SeededGenerator) {
        var taken: Set<UInt64> = []
        for peer in plan.peers { taken.insert(peer.address.low >> 16) }
        var networks: [UInt32] = []
        while networks.count < max(1, netgroups) {
            let network = AddressBook.draw(1, using: &stream)[0]
            if taken.insert(UInt64(network)).inserted { networks.append(network) }
        }
        for (index, peer) in members.enumerated() {
            let network = networks[index % networks.count]
            let host = UInt32(index / networks.count)
            let address = network << 16 | (host / 254) << 8 | (host % 254 + 1)
            plan.peers[peer].address = SocketAddress(v4: address, port: Expansion.port)
        }
    }

    /// Makes the operations: those listed, then those of each spec, in the order of time.
    mutating func work() {
        var operations = scenario.operations
        for operation in operations { note(operation) }
        var next = (operations.map(\.id).max() ?? -1) + 1
        var stream = seeding.stream("workload")
        for spec in scenario.workload {
            var own = stream.fork()
            add(spec, to: &operations, next: &next, using: &own)
        }
        plan.operations = Expansion.ordered(operations) { $0.at }
    }

    /// By time; equal times keep their order.
    static func ordered<T>(_ items: [T], by time: (T) -> Interval) -> [T] {
        items.enumerated().sorted { a, b in
            let (one, other) = (time(a.element), time(b.element))
            return one == other ? a.offset < b.offset : one < other
        }.map(\.element)
    }

    mutating func note(_ operation: Operation) {
        if case .openJob = operation.kind, isSubmitter.indices.contains(operation.by) {
            isSubmitter[operation.by] = true
        }
    }

    mutating func add(
        _ spec: WorkloadSpec, to operations: inout [Operation], next: inout Int, using stream: inout SeededGenerator
    ) {
        let from = spec.from ?? plan.boot
        let until = spec.until ?? (plan.worksInCalm ? plan.duration - .seconds(20) : plan.calmAt)
        let askers = spec.by.map { resolve($0, using: &stream) } ?? honestAskers
        let others = present.filter { !isAdversary[$0] && plan.peers[$0].role != .member }
        let anyone = present.filter { !isAdversary[$0] }
        let pool = spec.kind == .lookup ? anyone : others
        if askers.isEmpty || pool.isEmpty { return }
        let hot = pool[Int.random(in: pool.indices, using: &stream)]
        for moment in moments(spec, from: from, until: until, askers: askers, using: &stream) {
            var to = pool[Int.random(in: pool.indices, using: &stream)]
            if spec.arrivals == .hot, !spec.isTransfer || moment.number % 2 == 0 { to = hot }
            if to == moment.by { to = pool.first { $0 != moment.by } ?? to }
            append(spec, at: moment.at, by: moment.by, to: to, &operations, &next, &stream)
        }
    }

    mutating func append(
        _ spec: WorkloadSpec, at: Interval, by: Int, to: Int, _ operations: inout [Operation], _ next: inout Int,
        _ stream: inout SeededGenerator
    ) {
        let id = next
        next += 1
        switch spec.kind {
        case .openJob(let taskClass, let replicas, let runs, let unservable, let cancelled):
            let span = runs.lowerBound.milliseconds...max(runs.lowerBound, runs.upperBound).milliseconds
            let job = Operation.Job(
                taskClass: taskClass, replicas: replicas,
                runs: .milliseconds(Int64.random(in: span, using: &stream)),
                isUnservable: unservable.fires(stream.next()))
            operations.append(Operation(id: id, at: at, by: by, kind: .openJob(job)))
            isSubmitter[by] = true
            let isCancelled = cancelled.fires(stream.next())
            let later = at + .milliseconds(Int64.random(in: 1_000...10_000, using: &stream))
            if isCancelled, later < plan.duration {
                operations.append(Operation(id: next, at: later, by: by, kind: .cancelJob(operation: id)))
                next += 1
            }
        case .transfer(let amounts):
            let micro = UInt64.random(in: amounts, using: &stream)
            operations.append(Operation(id: id, at: at, by: by, kind: .transfer(to: to, micro: micro)))
        case .lookup: operations.append(Operation(id: id, at: at, by: by, kind: .lookup(to)))
        case .readBalance: operations.append(Operation(id: id, at: at, by: by, kind: .readBalance(of: to)))
        }
    }

    /// Honest observers that start with the network, or all honest peers that do.
    var honestAskers: [Int] {
        let honest = present.filter { !isAdversary[$0] && plan.peers[$0].role != .member }
        let observers = honest.filter { plan.peers[$0].role == .observer }
        return observers.isEmpty ? honest : observers
    }

    struct Moment {
        var at: Interval
        var by: Int
        var number: Int
    }

    /// When someone asks, and who.
    func moments(
        _ spec: WorkloadSpec, from: Interval, until: Interval, askers: [Int], using stream: inout SeededGenerator
    ) -> [Moment] {
        let window = until - from
        if window.milliseconds <= 0 { return [] }
        let count = spec.rate.times(window)
        func asker() -> Int { askers[Int.random(in: askers.indices, using: &stream)] }
        func anytime() -> Interval { from + .milliseconds(Int64.random(in: 0..<window.milliseconds, using: &stream)) }
        var times: [Interval] = []
        switch spec.arrivals {
        case .closed(let users, let think):
            var moments: [Moment] = []
            for _ in 0..<users {
                let by = asker()
                var at = from + .milliseconds(Int64.random(in: 0...max(0, think.milliseconds), using: &stream))
                while at < until, moments.count < 1 << 20 {
                    moments.append(Moment(at: at, by: by, number: moments.count))
                    at = at + max(.milliseconds(1), think.jittered(percent: 50, using: &stream))
                }
            }
            return moments
        case .steady:
            for index in 0..<count {
                times.append(from + .milliseconds(window.milliseconds / Int64(count) * Int64(index)))
            }
        case .poisson, .hot:
            for _ in 0..<count { times.append(anytime()) }
        case .bursts:
            while times.count < count {
                let start = anytime()
                for _ in 0..<min(8, count - times.count) {
                    times.append(start + .milliseconds(Int64.random(in: 0..<1_000, using: &stream)))
                }
            }
        }
        return times.enumerated().map { Moment(at: $1, by: asker(), number: $0) }
    }
}

extension WorkloadSpec {
    var isTransfer: Bool {
        if case .transfer = kind { true } else { false }
    }
}
