import Basis
import Records
import Trust

/// Where this node stands between alone and joined (`gossip.md` 10.2).
struct JoinState: Sendable {
    enum Phase: Sendable, Hashable {
        case idle, dialling, comparing, contacted, joined, isolated, waiting, refused, left
    }

    /// One seed of the current round.
    struct SeedTry: Sendable {
        let seed: Seed
        /// Set while its name is being resolved.
        var ticket: Ticket?
        /// Known addresses that wait for the own record to be published.
        var addresses: [SocketAddress] = []
        var openAttempts = 0
        var result: SeedOutcome.Result?

        var isOpen: Bool { ticket != nil || openAttempts > 0 || !addresses.isEmpty }
    }

    struct Contact: Sendable {
        let peer: PeerIndex
        let network: NetworkID
    }

    var phase = Phase.idle
    /// The network this node belongs to.
    var network: NetworkID?
    /// What the first seed at first contact said, while the others may still disagree.
    var comparedNetwork: NetworkID?
    var hasGenesis = false
    var ownsGenesis = false
    var target: JoinTarget?
    /// Whether the target's seeds and network must still be stored.
    var isUnstored = false
    var storeTicket: Ticket?
    var seeds: [Seed] = []
    var tries: [SeedTry] = []
    var contacts: [Contact] = []
    /// The batch of a polite stop.
    var leaveTicket: Ticket?
    /// When somebody of the network answered first.
    var contactedAt: Instant?
    /// Rounds without an answer, in a row.
    var failedRounds = 0

    /// Whether links are sought by itself.
    var wantsPeers: Bool {
        switch phase {
        case .dialling, .contacted, .joined, .isolated, .waiting: true
        case .idle, .comparing, .refused, .left: false
        }
    }

    /// Whether a session still serves the join.
    func needs(_ peer: PeerID) -> Bool { phase == .comparing || phase == .dialling }
}
