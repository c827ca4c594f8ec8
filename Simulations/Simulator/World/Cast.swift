import Basis
import NodeCore
import Records
import Trust

/// Who plays: keys of all peers and the genesis that names the seats and gives every account its credit.
struct Cast {
    let peers: [SimPeer]
    let genesis: Genesis

    /// Elements of a beacon chain: half of it lasts for more views than a run of hours has.
    static let chainLength: UInt32 = 16_384
    static let fee = CreditAmount(micro: 10_000)
    static let allocation = CreditAmount.credits(10_000)

    init(plan: Plan, seeding: Seeding, room: CryptoRoom) {
        let seats = plan.seatCount
        let identities = plan.peers.indices.map { SimKey(room: room, seed: seeding.seed("key/\($0)")) }
        // Seats stand in the order of their accounts, so that seat i is peer i.
        let ordered = identities[..<seats].sorted { $0.publicKey < $1.publicKey } + identities[seats...]
        let voters = (0..<seats).map { SimKey(room: room, seed: seeding.seed("voting/\($0)")) }
        let length = plan.duration > .seconds(7_200) ? Cast.chainLength * 4 : Cast.chainLength
        let beacons = (0..<seats).map { seat in
            var rng = seeding.stream("beacon/\(seat)")
            return BeaconSecret(first: Cast.digest(&rng), root: Cast.digest(&rng), length: length)
        }
        var inits: [SeatInit] = []
        for seat in 0..<seats {
            let chain = beacons[seat].chain(0, hashing: ordered[seat])
            inits.append(
                SeatInit(
                    account: ordered[seat].publicKey, votingKey: voters[seat].publicKey, beaconEnd: chain.end,
                    beaconLength: length))
        }
        var genesis = Genesis(
            name: "simulation", createdAt: SimClock.birth - 60_000, seats: inits,
            inviteKey: PublicKey(repeating: 0xee),
            allocations: ordered.prefix(Genesis.allocationsMax).map {
                .init(account: $0.publicKey, amount: Cast.allocation)
            })
        genesis.treasury = .zero
        genesis.welcome = .zero
        genesis.entryFee = Cast.fee
        genesis.feesToTreasury = false
        genesis.isOpen = true
        self.genesis = genesis
        peers = plan.peers.enumerated().map { index, peer in
            let made = SimPeer(
                plan: peer, key: ordered[index], voting: index < seats ? voters[index] : nil,
                beacon: index < seats ? beacons[index] : nil)
            if peer.hasGenesis { made.genesis = genesis }
            return made
        }
    }

    static func digest(_ rng: inout SeededGenerator) -> Digest {
        Digest(Bytes32(w0: rng.next(), w1: rng.next(), w2: rng.next(), w3: rng.next()))
    }
}
