import Basis
import Gossip
import NodeCore
import Records
import Trust

/// Worlds of tier XL: ten thousand Membership cores on the same network, clocks and faults.
extension World {
    /// Headers of a sealed datagram: IP, UDP and the packet (`gossip.md` 4).
    static let sealedOverhead = 61

    var isMembersOnly: Bool { plan.tier == .extraLarge }

    /// Starts the process of a member, from its disk.
    mutating func bootMember(_ i: Int) {
        peers[i].boot += 1
        peers[i].life = .up
        peers[i].armedAt = nil
        var rng = seeding.stream("peer/\(i)/boot/\(peers[i].boot)")
        peers[i].bootNonce = rng.next()
        let disk = peers[i].member?.disk ?? [:]
        peers[i].member = SimMember(
            core: Membership(
                key: peers[i].key.publicKey, hashing: peers[i].key, limits: plan.nodeLimits.gossip,
                generator: rng.fork(),
                now: localNow(i)))
        peers[i].member?.disk = disk
        peers[i].rng = rng
        let rows = disk.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        var restored = RestoredMembership(book: rows.map { (key: $0.key, value: $0.value) })
        restored.hasGenesis = true
        restored.ownsGenesis = i == 0
        restored.network = i == 0 ? networkID : restored.network
        let number = peers[i].boot
        feed(i, number, .started(restored))
        feed(i, number, .clock(unixMilliseconds: peers[i].clock.wall(now)))
        feed(i, number, .interfaces([peers[i].plan.address]))
        // Three of the first peers, by turns: what a seed list of a large network gives.
        let pool = min(peers.count, max(3, plan.seatCount))
        let seeds = (0..<3).map { (i + $0) % pool }.filter { $0 != i }.map { j in
            Seed(host: peers[j].plan.address.hostText, port: peers[j].plan.address.port)
        }
        if number == 1, i != 0 { feed(i, number, .join(JoinTarget(seeds: seeds))) }
    }

    /// An input of a member that still runs the process it is for.
    mutating func feed(_ i: Int, _ boot: Int, _ input: Membership.Input, payload: UInt64 = 0) {
        guard peers[i].boot == boot, peers[i].life == .up else {
            if peers[i].boot == boot, peers[i].life == .paused {
                queue.push(.member(peer: i, boot: boot, input), at: now + .milliseconds(100))
            }
            return
        }
        trace.event(now, order: order, peer: i, kind: EventKind.datagram.rawValue, payload: payload)
        let effects = peers[i].handleMember(input, now: localNow(i))
        for effect in effects {
            carryOut(effect, i)
            if peers[i].boot != boot { return }
        }
        armMember(i)
    }

    mutating func armMember(_ i: Int) {
        guard peers[i].life == .up, let local = peers[i].memberDeadline else { return }
        let at = max(now, peers[i].clock.world(of: local))
        if let armed = peers[i].armedAt, armed <= at { return }
        peers[i].armedAt = at
        queue.push(.memberDeadline(peer: i, boot: peers[i].boot), at: at)
    }

    mutating func memberRings(_ i: Int, _ boot: Int) {
        guard peers[i].boot == boot, peers[i].armedAt == now else { return }
        peers[i].armedAt = nil
        if peers[i].life == .paused {
            peers[i].armedAt = now + .milliseconds(100)
            return queue.push(.memberDeadline(peer: i, boot: boot), at: now + .milliseconds(100))
        }
        guard let due = peers[i].memberDeadline else { return }
        if due > localNow(i) { return armMember(i) }
        feed(i, boot, .timeout, payload: 1)
    }

    // MARK: effects

    mutating func carryOut(_ effect: Membership.Effect, _ i: Int) {
        switch effect {
        case .event(let event): noteMember(event, i)
        case .signRecord(let record, let ticket):
            soon(i, .recordSigned(record.signed(by: peers[i].key, network: networkID), ticket))
        case .persist(let batch, let ticket):
            var store = StoreBatch(isSynced: false)
            batch.store(into: &store)
            for operation in store.operations {
                switch operation {
                case .put(_, let key, let value): peers[i].member?.disk[key] = value
                case .delete(_, let key): peers[i].member?.disk[key] = nil
                case .deleteRange: break
                }
            }
            soon(i, .persisted(ticket), after: .milliseconds(2))
        case .verifyRecords(let candidates, let ticket):
            let (valid, rejected) = Ingress.records(
                candidates.map(\.record), network: networkID, verifying: peers[i].key)
            soon(i, .recordsVerified(valid, rejected: rejected, ticket))
        case .resolve(let name, let ticket):
            let found = SocketAddress("\(name):7717").map { [$0] } ?? []
            soon(i, .resolved(ticket, found), after: .milliseconds(5))
        case .adoptNetwork, .keep, .release, .cancelDial, .found, .documentReady: break
        case .ownRecord(let record): peers[i].member?.record = record
        case .dial(let ticket, let to, let path, let expected, _): dialMember(i, ticket, to, path, expected)
        case .hangUp(let index, let reason): hangUp(i, index, reason)
        case .send(let index, let messages, let choice): send(messages, to: index, choice, from: i)
        case .streamPing(let index, let probe):
            guard let j = other(i, index), peers[i].member?.sessions[j]?.isMainUp == true, peers[j].life == .up,
                !isBlocked(i, j), !isBlocked(j, i)
            else { return }
            soon(i, .streamPong(index, probe: probe), after: delay(i, j) + delay(j, i))
        case .fetchDocument(let index, let digest, _, let ticket):
            soon(i, .documentFetched(index, digest, nil, ticket), after: .milliseconds(300))
        }
    }

    private mutating func soon(_ i: Int, _ input: Membership.Input, after: Interval = .zero) {
        queue.push(.member(peer: i, boot: peers[i].boot, input), at: now + after)
    }

    private func other(_ i: Int, _ index: PeerIndex) -> Int? {
        peers[i].memberID(of: index).flatMap { byID[$0] }
    }

    private mutating func noteMember(_ event: MembershipEvent, _ i: Int) {
        switch event {
        case .linkUp(let index, _): if let j = other(i, index) { peers[i].member?.setLink(j, true) }
        case .linkDown(let index, let reason):
            if let j = other(i, index) {
                peers[i].member?.setLink(j, false)
                if peers[j].isUp {
                    // Links that make room for others are no loss.
                    if reason == .silent || reason == .oneWay { samples.lostLiveNeighbour() }
                } else {
                    samples.noticedDeath(of: j, at: now, died: peers[j].diedAt)
                }
            }
        default: break
        }
        observations.append(.membership(i, event))
    }

    // MARK: sessions

    /// A dial takes the handshake's three ways, or fails.
    private mutating func dialMember(_ i: Int, _ ticket: Ticket, _ to: SocketAddress, _ path: Path, _ expected: PeerID?)
    {
        guard let j = byAddress[to], j != i else {
            return soon(i, .dialFailed(ticket, byAddress[to] == i ? .selfDial : .timeout), after: .seconds(5))
        }
        network.noteSent()
        let handshake = 3 * 600
        samples.sent(i, handshake)
        let ways = delay(i, j) + delay(j, i) + delay(i, j)
        queue.push(
            .memberDial(peer: i, boot: peers[i].boot, ticket: ticket, to: j, path: path, expecting: expected),
            at: now + ways)
    }

    mutating func finishDial(_ i: Int, _ boot: Int, _ ticket: Ticket, _ j: Int, _ path: Path, _ expected: PeerID?) {
        guard peers[i].boot == boot, peers[i].isUp else { return }
        func fail(_ failure: DialFailure, _ world: inout World, after: Interval = .zero) {
            world.queue.push(.member(peer: i, boot: boot, .dialFailed(ticket, failure)), at: world.now + after)
        }
        if isBlocked(i, j) || isBlocked(j, i) || peers[j].life == .gone || peers[j].life == .paused {
            return fail(.timeout, &self, after: .seconds(5))
        }
        guard peers[j].life == .up else {
            return fail(path == .main ? .connectionRefused : .timeout, &self, after: .seconds(3))
        }
        if let expected, expected != peers[j].id { return fail(.wrongPeer, &self) }
        guard let mine = peers[i].memberIndex(of: peers[j].id), let theirs = peers[j].memberIndex(of: peers[i].id)
        else {
            return fail(.tooManySessions, &self)
        }
        open(i, j, path, mine)
        open(j, i, path, theirs)
        up(i, mine, j, path, isOutbound: true, ticket)
        up(j, theirs, i, path, isOutbound: false, nil)
    }

    private mutating func open(_ i: Int, _ j: Int, _ path: Path, _ index: PeerIndex) {
        var way = peers[i].member?.sessions[j] ?? SimMember.Way(index: index)
        way.index = index
        if path == .main { way.isMainUp = true } else { way.isDatagramUp = true }
        peers[i].member?.sessions.insert(way, for: j)
    }

    private mutating func up(_ i: Int, _ index: PeerIndex, _ j: Int, _ path: Path, isOutbound: Bool, _ ticket: Ticket?)
    {
        let record = peers[j].member?.record.map { [$0] } ?? []
        let facts = SessionFacts(
            path: path, remote: peers[j].plan.address, isOutbound: isOutbound, key: peers[j].key.publicKey,
            record: Ingress.records(record, network: networkID, verifying: peers[i].key).valid.first,
            bootNonce: peers[j].bootNonce, observed: peers[i].plan.address,
            clockDifferenceMilliseconds: Int64(peers[j].clock.wall(now)) - Int64(peers[i].clock.wall(now)), version: 1,
            features: 0, hasRestarted: false, ticket: ticket, network: networkID)
        soon(i, .sessionUp(index, facts))
    }

    private mutating func hangUp(_ i: Int, _ index: PeerIndex, _ reason: CloseReason) {
        guard let j = other(i, index), let way = peers[i].member?.sessions.remove(j) else { return }
        if way.isDatagramUp { soon(i, .sessionDown(index, .datagram, reason)) }
        if way.isMainUp { soon(i, .sessionDown(index, .main, reason)) }
        guard peers[j].isUp, !isBlocked(i, j) else { return }
        for path in [Path.datagram, .main] { closeMember(j, i, path, reason, after: delay(i, j)) }
    }

    /// One side learns that a path ended.
    private mutating func closeMember(_ j: Int, _ i: Int, _ path: Path, _ reason: CloseReason, after: Interval) {
        guard let way = peers[j].member?.sessions[i], path == .main ? way.isMainUp : way.isDatagramUp else { return }
        peers[j].member?.sessions.update(i) {
            if path == .main { $0.isMainUp = false } else { $0.isDatagramUp = false }
        }
        soon(j, .sessionDown(way.index, path, reason), after: after)
    }

    /// The process of a member ended: streams break unless the whole machine is gone.
    mutating func dropSessions(of i: Int, isSilent: Bool) {
        for (j, way) in peers[i].member?.sessions ?? SortedMap() where way.isMainUp && !isSilent && peers[j].isUp {
            closeMember(j, i, .main, .silent, after: delay(i, j))
        }
        peers[i].member?.sessions = SortedMap()
        peers[i].member?.links = []
        peers[i].diedAt = now
    }

    private mutating func send(_ messages: [PeerMessage], to index: PeerIndex, _ choice: PathChoice, from i: Int) {
        guard let j = other(i, index) else { return }
        let way = peers[i].member?.sessions[j]
        let path: Path? =
            switch choice {
            case .datagram: way?.isDatagramUp == true ? .datagram : nil
            case .main: way?.isMainUp == true ? .main : nil
            case .best: way?.isDatagramUp == true ? .datagram : way?.isMainUp == true ? .main : nil
            }
        guard let path else { return soon(i, .sendFailed(index, .datagram, .noPath)) }
        let bytes = Compound(messages).encoded.count + World.sealedOverhead
        network.noteSent()
        samples.sent(i, bytes)
        observations.append(.transmitted(i, bytes))
        guard let leaves = network.uplink(i, bytes: bytes, now: now, weather) else { return network.drop(.upQueue) }
        var arrives = leaves
        if path == .datagram {
            if weather.isCut(i, j) { return network.drop(.partition) }
            guard let passage = network.pass(i, j, peers[i].plan.region, peers[j].plan.region, weather) else { return }
            arrives = leaves + passage.delay
        } else {
            if isBlocked(i, j) { return }
            arrives = leaves + delay(i, j)
        }
        queue.push(
            .memberMessages(to: j, boot: peers[j].boot, from: i, path: path, messages, bytes: bytes), at: arrives)
    }

    mutating func arriveMember(
        _ j: Int, _ boot: Int, from i: Int, _ path: Path, _ messages: [PeerMessage], _ bytes: Int
    ) {
        guard peers[j].life == .up, peers[j].boot == boot else {
            if peers[j].life == .paused {
                queue.push(
                    .memberMessages(to: j, boot: boot, from: i, path: path, messages, bytes: bytes),
                    at: now + .milliseconds(100))
            } else {
                network.drop(.peerDown)
            }
            return
        }
        let way = peers[j].member?.sessions[i]
        guard let way, path == .main ? way.isMainUp : way.isDatagramUp else {
            // The session is not known here any more: the sender is told, as `Unknown` does.
            if path == .datagram, let back = peers[i].memberIndex(of: peers[j].id), peers[i].isUp {
                queue.push(.member(peer: i, boot: peers[i].boot, .unknownSession(back)), at: now + delay(j, i))
            }
            return
        }
        network.noteDelivered()
        samples.received(j, bytes)
        for message in messages {
            guard peers[j].boot == boot, peers[j].life == .up else { return }
            feed(
                j, boot, .received(Ingress.peer(message), from: way.index, via: path),
                payload: UInt64(i) << 16 | UInt64(bytes))
        }
    }
}

extension SimPeer {
    /// In place, like `handle`.
    func handleMember(_ input: Membership.Input, now: Instant) -> [Membership.Effect] {
        member?.core.handle(input, now: now) ?? []
    }
    var memberDeadline: Instant? { member?.core.deadlineInPlace() }
    func memberIndex(of id: PeerID) -> PeerIndex? { member?.core.index(of: id) ?? nil }
    func memberID(of index: PeerIndex) -> PeerID? { member?.core.idInPlace(of: index) }
}

extension Membership {
    mutating func deadlineInPlace() -> Instant? { nextDeadline }
    mutating func idInPlace(of index: PeerIndex) -> PeerID? { directory.id(of: index) }
}
