extension Plan {
    /// How many seats never come back or do not keep to the protocol, and how many of them never come back: at least,
    /// where only the moment tells who a fault meets.
    public var seatsGone: (all: Int, lost: Int) {
        let seats = seatCount
        var isLost = Array(repeating: false, count: seats)
        var isLying = isLost
        var unnamedLost = 0
        var unnamedLying = 0
        func take(_ targets: Targets, _ seen: inout [Bool], _ unnamed: inout Int) {
            switch targets {
            case .peers(let peers): for peer in peers where peer < seats { seen[peer] = true }
            case .seats(let count): unnamed += count
            case .leader: unnamed += 1
            case .workers: break
            }
        }
        for adversary in adversaries { take(.peers(adversary.peers), &isLying, &unnamedLying) }
        for fault in faults {
            switch fault.kind {
            case .lose(let who), .leaveSilent(let who), .leaveSigned(let who): take(who, &isLost, &unnamedLost)
            case .turnByzantine(let who, _): take(who, &isLying, &unnamedLying)
            default: break
            }
        }
        let lost = min(seats, isLost.filter { $0 }.count + unnamedLost)
        let named = (0..<seats).filter { isLost[$0] || isLying[$0] }.count
        return (min(seats, named + unnamedLost + unnamedLying), lost)
    }
}
