import Basis
import Records

extension Expansion {
    /// Listens there.
    static let port: UInt16 = 7_717

    mutating func drawPeers(_ census: Scenario.Census) -> [Plan.Peer] {
        var topology = seeding.stream("topology")
        var book = AddressBook(isSparse: plan.tier == .small, peers: census.peers, using: &topology)
        let ledgers = plan.tier == .small || plan.tier == .medium ? census.peers : census.seats + 3
        let observers = min(ledgers, census.peers) - census.seats
        let opensJobs =
            scenario.workload.contains { $0.opensJobs }
            || scenario.operations.contains { if case .openJob = $0.kind { true } else { false } }
        let isSmall = plan.tier == .small || plan.tier == .medium
        let slots = census.slots ?? (isSmall && opensJobs ? 2 : 0)
        var peers: [Plan.Peer] = []
        peers.reserveCapacity(census.peers)
        for number in 0..<census.peers {
            let isSeat = number < census.seats
            var peer = Plan.Peer(
                address: SocketAddress(v4: book.next(isSeat: isSeat, using: &topology), port: Expansion.port),
                role: isSeat ? .seat : number < ledgers ? .observer : .member)
            if plan.regions.count > 1 { peer.region = Int.random(in: plan.regions.indices, using: &topology) }
            peer.nat = isSeat ? .public : nat(census, using: &topology)
            if census.slowCPUs.fires(topology.next()) { peer.cpuFactor = census.slowCPUFactor }
            if isNewcomer[number] {
                peer.startsAt = nil
                peer.hasGenesis = false
            } else if !isSeat {
                let half = max(0, plan.boot.milliseconds / 2)
                peer.startsAt = .milliseconds(Int64.random(in: 0...half, using: &topology))
            }
            var clock = seeding.stream("clock/\(number)")
            let reach = census.clockOffset.nanoseconds / 1_000
            peer.clockOffset = .microseconds(Int64.random(in: -reach...reach, using: &clock))
            peer.driftPPM = Int64.random(in: -census.driftPPM...census.driftPPM, using: &clock)
            // With few observers a job would find no three lenders, so seats lend, too.
            if peer.role == .observer || isSeat && observers < 5 { peer.slots = slots }
            peers.append(peer)
        }
        return peers
    }

    /// Seats are public: who votes for a network keeps a port open.
    func nat(_ census: Scenario.Census, using stream: inout SeededGenerator) -> NATKind {
        if census.nat.isEmpty { return .public }
        let draw = stream.next().multipliedFullWidth(by: 1_000_000).high
        var above: UInt64 = 0
        for share in census.nat {
            above += share.share.perMillion
            if draw < above { return share.kind }
        }
        return .public
    }
}

/// Hands out IPv4 addresses that look public, each once.
///
/// Seats and, in small worlds, all peers have a /16 of their own. Others meet in few networks: the k-th holds a share
/// of about 1/k, as hosting companies do.
struct AddressBook {
    /// The upper 16 bits of each network.
    var networks: [UInt32]
    /// Running sums of the networks' weights.
    var sums: [UInt64]
    var isSparse: Bool
    /// Next network that nobody has, for those who have their own.
    var fresh = 0
    /// Of each network, in any order; how many hosts are gone is how far a permutation of it went.
    var used: [UInt32]
    /// Odd, so that it permutes the hosts of a network.
    let stride: UInt32

    init(isSparse: Bool, peers: Int, using stream: inout SeededGenerator) {
        self.isSparse = isSparse
        let shared = isSparse ? 0 : min(4_096, max(12, peers / 4))
        let count = isSparse ? peers : max(shared, peers / 4)
        networks = AddressBook.draw(min(4_096, max(1, count)), using: &stream)
        sums = []
        var sum: UInt64 = 0
        for index in 0..<shared {
            sum += 1_000_000 / UInt64(index + 1)
            sums.append(sum)
        }
        used = Array(repeating: 0, count: networks.count)
        stride = UInt32.random(in: 0..<30_000, using: &stream) * 2 + 1
    }

    /// Different /16 networks, none of them private, reserved or of documentation.
    static func draw(_ count: Int, using stream: inout SeededGenerator) -> [UInt32] {
        let closed: [UInt32] = [0, 10, 100, 127, 169, 172, 192, 198, 203]
        var seen: Set<UInt32> = []
        var networks: [UInt32] = []
        while networks.count < count {
            let first = UInt32.random(in: 1...223, using: &stream)
            let network = first << 8 | UInt32.random(in: 0...255, using: &stream)
            if closed.contains(first) || !seen.insert(network).inserted { continue }
            networks.append(network)
        }
        return networks
    }

    mutating func next(isSeat: Bool, using stream: inout SeededGenerator) -> UInt32 {
        if isSparse || isSeat {
            fresh += 1
            return host((fresh - 1) % networks.count)
        }
        let draw = UInt64.random(in: 0..<sums[sums.count - 1], using: &stream)
        var low = 0
        var high = sums.count - 1
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] > draw { high = middle } else { low = middle + 1 }
        }
        // A network that is full passes its peers on to the next.
        while used[low] >= 65_000 { low = (low + 1) % networks.count }
        return host(low)
    }

    /// A host of a network that nobody has: 256 blocks of 254.
    mutating func host(_ network: Int) -> UInt32 {
        let number = (used[network] &* stride &+ networks[network]) % 65_536
        used[network] += 1
        // The two last bytes; 0 and 255 at the end stay out, and then the next of the permutation is taken.
        if number & 0xff == 0 || number & 0xff == 0xff { return host(network) }
        return networks[network] << 16 | number
    }
}
