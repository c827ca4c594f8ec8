import Basis
import Compute
import NodeCore
import Records
import Trust

/// Where adversaries get hold of their members (`simulation.md` 10).
extension World {
    // MARK: coalitions

    static func coalitions(_ plan: Plan, _ peers: [SimPeer], _ genesis: Genesis, _ seeding: Seeding) -> [Coalition] {
        if plan.adversaries.isEmpty { return [] }
        let key = peers[0].key
        let everyone = peers.enumerated().map { index, peer in
            Acquaintance(
                index: index, id: peer.id, account: peer.account, address: peer.plan.address,
                isSeat: peer.voting != nil)
        }
        return plan.adversaries.map { adversary in
            let means = Means(
                plan: adversary, network: genesis.networkID(hashing: key),
                seats: SeatList(epoch: 0, seats: genesis.seats),
                seatPeers: genesis.seats.map { key.peerID(of: $0.account) }, everyone: everyone,
                members: adversary.peers.sorted(), rng: seeding.stream("adversary/\(adversary.name)"))
            return Coalition(trick: adversary.type.trick, means: means)
        }
    }

    /// Coalitions that act on their own begin when the network stands.
    mutating func scheduleAdversaries() {
        for (index, one) in coalitions.enumerated() where one.trick.pace != nil {
            queue.push(.adversary(index), at: World.instant(plan.boot))
        }
    }

    func member(_ i: Int) -> Member {
        Member(
            index: i, key: peers[i].key, voting: peers[i].voting, id: peers[i].id, address: peers[i].plan.address,
            seat: peers[i].voting == nil ? nil : UInt16(i))
    }

    /// Those that a peer follows, in the order of the plan.
    private func followed(by i: Int) -> [Coalition] { coalitions.filter { $0.means.members.contains(i) } }

    /// What stands between a member of a coalition and the network.
    func filter(of i: Int) -> (any EgressFilter)? {
        if plant != .none, let planted = plantedFilter(of: i) { return planted }
        let followed = followed(by: i)
        return followed.isEmpty ? nil : Mask(member: member(i), coalitions: followed)
    }

    /// From now on a peer belongs to a coalition of the plan.
    mutating func turn(_ i: Int, _ name: String) {
        peers[i].isByzantine = true
        guard let one = coalitions.first(where: { $0.plan.name == name }) else {
            return tell(i, "adversary", "no coalition is called \(name)")
        }
        if !one.means.members.contains(i) { one.means.members = (one.means.members + [i]).sorted() }
        let filter = filter(of: i)
        peers[i].node?.filter(with: filter)
        tell(i, "adversary", "follows \(name) from now on")
    }

    /// How often a coalition did what an honest peer would not do.
    func deeds(of name: String) -> UInt64 { coalitions.first { $0.plan.name == name }?.means.deeds ?? 0 }

    // MARK: what members do

    /// Before a member's node handles an input: what its coalitions need to know of the moment.
    func prepare(_ i: Int, wall: UInt64) {
        for one in followed(by: i) {
            one.means.now = now
            one.means.wall = wall
        }
    }

    /// What was planned meanwhile is put into the queue.
    mutating func collectPlans() {
        for one in coalitions where !one.means.planned.isEmpty {
            let planned = one.means.planned
            one.means.planned = []
            for item in planned { queue.push(.deed(item.act), at: now + item.after) }
        }
    }

    /// A coalition that acts on its own has its turn.
    mutating func act(_ index: Int) {
        let one = coalitions[index]
        guard let pace = one.trick.pace else { return }
        queue.push(.adversary(index), at: now + pace)
        for i in one.means.members where peers[i].life == .up && peers[i].node != nil {
            one.means.now = now
            one.means.wall = peers[i].clock.wall(now)
            let sight = Sight(member: member(i), log: peers[i].node?.log)
            room.meter.begin()
            one.trick.acts(sight, &one.means)
            for made in room.meter.signed { observations.append(.signed(i, made.key, made.message)) }
        }
        collectPlans()
    }

    mutating func carryOut(_ act: Act) {
        let i = act.member
        guard peers[i].life == .up, peers[i].node != nil else { return }
        trace.event(now, order: order, peer: i, kind: EventKind.adversary.rawValue, payload: 0)
        switch act {
        case .say(let message, _, let to): utter(.lane(LaneMessage(message.number, message.body)), i, to)
        case .lane(let message, _, let to): utter(.lane(message), i, to)
        case .whisper(let messages, _, let to): utter(.compound(messages), i, to)
        case .datagram(let bytes, _, let to):
            send(bytes, to: to, from: i)
            // What its socket says of a packet that its node did not send is nothing to the node.
            answers = []
        case .give(let input, _): give(i, peers[i].boot, input, .adversary, 0)
        }
    }

    private mutating func utter(_ word: Utterance, _ i: Int, _ to: PeerID) {
        let effects = peers[i].utter(word, to: to, now: localNow(i), wall: peers[i].clock.wall(now))
        for effect in effects { carryOut(effect, i) }
        let pending = answers
        answers = []
        for answer in pending where peers[i].isUp { process(i, answer, .answer, 0) }
        arm(i)
    }

    /// A member's node executed a block.
    mutating func learn(_ block: LogNode.ExecutedBlock, by i: Int) {
        let member = member(i)
        for one in followed(by: i) { one.trick.learns(block, by: member, &one.means) }
    }

    // MARK: the network

    /// What a member sends in the place of a datagram.
    mutating func tampered(_ bytes: [UInt8], to address: SocketAddress, by i: Int) -> [[UInt8]] {
        let member = member(i)
        var packets = [bytes]
        for one in followed(by: i) {
            packets = packets.flatMap { one.trick.sending($0, by: member, to: address, &one.means) }
        }
        return packets
    }

    func swallows(stream bytes: [UInt8], by i: Int, to j: Int) -> Bool {
        let member = member(i)
        for one in followed(by: i)
        where one.trick.swallows(bytes.count, by: member, to: peers[j].id, &one.means) { return true }
        return false
    }

    func overhear(_ bytes: [UInt8], by i: Int, from address: SocketAddress) {
        let member = member(i)
        for one in followed(by: i) { one.trick.overhears(bytes, by: member, from: address, &one.means) }
    }

    // MARK: work

    func isSilent(worker i: Int, _ lease: LeaseID) -> Bool {
        if !peers[i].isByzantine { return false }
        let member = member(i)
        for one in followed(by: i) where one.trick.isSilent(on: lease.job, by: member, &one.means) { return true }
        return false
    }

    /// What a program prints here.
    func output(of task: SimPeer.Task, by i: Int) -> [UInt8] {
        var output = SimProgram(task.frame).output(peer: i, lease: task.lease.index)
        if !peers[i].isByzantine { return output }
        let member = member(i)
        for one in followed(by: i) { output = one.trick.output(output, of: task.job, by: member, &one.means) }
        return output
    }

    /// What a worker claims is what its program printed: a lie about it starts there.
    func claimed(_ made: SealedOutputs, _ lease: LeaseID, by i: Int) -> SealedOutputs { made }

    /// What a submitter asks for in the place of a job of the plan.
    func asked(_ job: Operation.Job, by i: Int) -> Operation.Job {
        if !peers[i].isByzantine { return job }
        var job = job
        for one in followed(by: i) { job = one.trick.submits(job, &one.means) }
        return job
    }

    func withholdsBlobs(_ i: Int) -> Bool {
        if !peers[i].isByzantine { return false }
        for one in followed(by: i) where one.trick.withholdsBlobs(&one.means) { return true }
        return false
    }

    // MARK: restarts

    /// What a member's disk has lost when its process starts again.
    mutating func forget(_ i: Int) {
        if !peers[i].isByzantine || peers[i].boot < 2 { return }
        for one in followed(by: i) {
            guard let lost = one.trick.forgets(&one.means) else { continue }
            let number = peers[i].disk.append(lost)
            peers[i].disk.sync(upTo: number)
        }
    }
}

extension SimPeer {
    func utter(_ word: Utterance, to peer: PeerID, now: Instant, wall: UInt64) -> [Node.Effect] {
        node?.utter(word, to: peer, now: now, wall: wall) ?? []
    }
}
