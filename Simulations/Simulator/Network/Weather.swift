import Basis

/// What the faults under way make of a packet's path: rebuilt whenever one begins or ends, read for every packet.
struct Weather: Sendable {
    /// Of one peer, or of the network.
    struct Local: Sendable {
        var loss = Chance.never
        var burst: BurstLoss?
        var delayAdd = Interval.zero
        var delayFactor: Int64 = 1
        var slowTail = Chance.never
        var slowTailFactor: Int64 = 1
        var duplicate = Chance.never
        var reorder = Chance.never
        var reorderExtra = Interval.zero
        var replay = Chance.never
        var replayAfter = Interval.zero
        var corrupt = Chance.never
        var mtu = Int.max
        /// Bits a second; 0 = as the profile says.
        var upRate: UInt64 = 0
        var downRate: UInt64 = 0
        var isClogged = false
        var isInterfaceDown = false
        var isUDPBlocked = false
    }

    /// One row for each peer; `isCalm` says that no row differs from the profile.
    var peers: [Local]
    /// Group of each peer for every partition; -1 = in none.
    var partitions: [[Int16]] = []
    /// Directed cuts as sets of members.
    var cuts: [(from: [Bool], to: [Bool])] = []
    /// Whether anything of a peer's row is not the default.
    var touched: [Bool]
    /// Calm divides loss and bursts of the profile by ten.
    var isCalm = false

    init(peers count: Int) {
        peers = Array(repeating: Local(), count: count)
        touched = Array(repeating: false, count: count)
    }

    /// Whether packets from one peer to another go nowhere: the strictest partition wins.
    func isCut(_ from: Int, _ to: Int) -> Bool {
        for groups in partitions where groups[from] >= 0 && groups[to] >= 0 && groups[from] != groups[to] {
            return true
        }
        for cut in cuts where cut.from[from] && cut.to[to] { return true }
        return false
    }
}
