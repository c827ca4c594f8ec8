import Basis

/// For which peers a plan breaks the disk contract on purpose: rows that need it do not judge them (`simulation.md` 15,
/// column *Needs*, d).
struct Exempt: Sendable {
    private var disks: [Bool]

    init(_ plan: Plan) {
        disks = Array(repeating: false, count: plan.peers.count)
        for fault in plan.faults {
            let met: Targets
            switch fault.kind {
            case .disk(let who, .lyingSync), .disk(let who, .wipe), .crash(let who, _, .lyingSync),
                .crash(let who, _, .wipe):
                met = who
            default: continue
            }
            guard case .peers(let who) = met else {
                disks = Array(repeating: true, count: plan.peers.count)
                continue
            }
            for i in who where i < disks.count { disks[i] = true }
        }
    }

    func hasBadDisk(_ i: Int) -> Bool { disks[i] }
    var anyBadDisk: Bool { disks.contains(true) }
}

/// Whether more seats lie than the rule bears: rows that need f are void then.
struct Tolerance: Sendable {
    private let faulty: Int
    private let seats: Int

    init(_ plan: Plan) {
        faulty = plan.tolerated
        seats = plan.seatCount
    }

    func holds(in world: borrowing World) -> Bool {
        var liars = 0
        for i in 0..<seats where world.peers[i].isByzantine { liars += 1 }
        return liars <= faulty
    }
}

/// The quorum, straight from the sentence that defines it: the smallest Q with 2Q − n ≥ ⌈n/3⌉.
func referenceQuorum(_ n: Int) -> Int {
    let third = (n + 2) / 3
    for q in 1...max(1, n) as ClosedRange<Int> where q + q - n >= third { return q }
    return n
}
