import Basis
import Compute
import Consensus
import Credits
import Gossip
import NodeCore
import Records
import Session
import Trust
import Wire

/// The shell around each node: what sockets, loop and store are for the daemon (`simulation.md` 2, NodeShell).
extension World {
    /// What handling any input costs on the reference machine, beside its cryptography.
    static let inputCost = Interval.microseconds(5)
    /// Ed25519 by libsodium on the reference machine (`simulation.md` 8).
    static let signCost = Interval.microseconds(13)
    static let verifyCost = Interval.microseconds(34)
    /// Inputs that wait at a busy or paused peer; more datagrams are dropped, as a full socket buffer drops them.
    static let backlogMax = 4_096

    // MARK: inputs

    /// Hands an input to a peer if it still runs the process that it is for.
    mutating func give(
        _ i: Int, _ boot: Int, _ input: SimPeer.Node.Input, _ kind: EventKind, _ payload: UInt64
    ) {
        guard peers[i].boot == boot, peers[i].isUp else { return }
        if peers[i].life == .paused || peers[i].busyUntil > now || !peers[i].inbox.isEmpty {
            if peers[i].inbox.count >= World.backlogMax, kind == .datagram { return network.drop(.backlog) }
            peers[i].inbox.append(.init(input: input, kind: kind, payload: payload, order: order))
            return queueWake(i)
        }
        process(i, input, kind, payload)
    }

    func localNow(_ i: Int) -> Instant { peers[i].clock.now(now) }

    mutating func queueWake(_ i: Int) {
        if peers[i].isWakeQueued || peers[i].life != .up || peers[i].inbox.isEmpty { return }
        peers[i].isWakeQueued = true
        let at = plant == .wakesAtOnce ? now : max(now, peers[i].busyUntil)
        queue.push(.wake(peer: i, boot: peers[i].boot), at: at)
    }

    mutating func wake(_ i: Int, _ boot: Int) {
        guard peers[i].boot == boot else { return }
        peers[i].isWakeQueued = false
        guard peers[i].life == .up, !peers[i].inbox.isEmpty else { return }
        if peers[i].busyUntil > now { return queueWake(i) }
        let next = peers[i].inbox.removeFirst()
        process(i, next.input, next.kind, next.payload)
        queueWake(i)
    }

    /// One input and all that follows from it at once.
    mutating func process(_ i: Int, _ input: SimPeer.Node.Input, _ kind: EventKind, _ payload: UInt64) {
        trace.event(now, order: order, peer: i, kind: kind.rawValue, payload: payload)
        if case .transport(.datagram(let bytes, let from, _)) = input {
            note(.received, .received(i, bytes, from: from))
        }
        peers[i].lastEffects = 0
        peers[i].lastVerifies = 0
        var next: SimPeer.Node.Input? = input
        var cost = Interval.zero
        var at = 0
        let outer = answers
        answers = []
        while let current = next {
            room.meter.begin()
            tap.begin()
            let boot = peers[i].boot
            let (local, wall) = (localNow(i), peers[i].clock.wall(now))
            if peers[i].isByzantine { prepare(i, wall: wall) }
            let effects = peers[i].handle(current, now: local, wall: wall)
            let meter = room.meter
            if plant == .checksSignaturesFirst, kind == .datagram { meter.noteVerify() }
            peers[i].lastEffects += effects.count
            peers[i].lastVerifies += meter.verifies
            cost =
                cost + World.inputCost + World.signCost * Int64(meter.signs)
                + World.verifyCost * Int64(meter.verifies)
            if !meter.signed.isEmpty {
                for one in meter.signed { observations.append(.signed(i, one.key, one.message)) }
            }
            let (signed, left) = (meter.signed, tap.left)
            if tellsAll { tellTalk(i) }
            for effect in effects {
                carryOut(effect, i)
                // The process died in the middle of its effects: the others never happened.
                if peers[i].boot != boot || !peers[i].isUp { break }
            }
            if case .persisted = current { peers[i].openWrites -= 1 }
            if case .persistFailed = current { noteFailedWrite(i) }
            // What a process signed right before its end, nobody saw: its journal was not written.
            let isAlive = peers[i].boot == boot && peers[i].isUp
            if !signed.isEmpty || !left.isEmpty { noteVotes(isAlive ? signed : [], left, by: i) }
            if peers[i].boot != boot || !peers[i].isUp { break }
            next = at < answers.count ? answers[at] : nil
            at += 1
        }
        answers = outer
        if peers[i].isByzantine { collectPlans() }
        let factor = peers[i].cpuFactor
        peers[i].busyUntil = now + cost * factor
        if plant != .none { plantAfter(input, kind, i) }
        if checkers.wants(.bookChanged) { noteBook(i, input) }
        if kind == .deadline { note(.timedOut, .timedOut(i)) }
        observations.append(.handled(i))
        if case .persistFailed = input, peers[i].inPlace({ $0.log?.isStopped == true }) == true {
            // The daemon ends with its reason, and a service manager starts it again.
            return crashByFault(i)
        }
        arm(i)
    }

    /// An answer that the shell has at once: handled after the other effects of this input.
    mutating func answer(_ input: SimPeer.Node.Input) { answers.append(input) }

    // MARK: deadlines

    /// Each peer has one deadline event, armed again when it moved forward.
    mutating func arm(_ i: Int) {
        guard peers[i].isUp, let local = peers[i].deadline else { return }
        let at = max(now, peers[i].clock.world(of: local))
        if let armed = peers[i].armedAt, armed <= at { return }
        peers[i].armedAt = at
        queue.push(.deadline(peer: i, boot: peers[i].boot), at: at)
    }

    mutating func deadlineRings(_ i: Int, _ boot: Int) {
        guard peers[i].boot == boot, peers[i].isUp else { return }
        // An earlier one was armed since, or has rung.
        guard let armed = peers[i].armedAt, armed == now else { return }
        peers[i].armedAt = nil
        guard let due = peers[i].deadline else { return }
        if due > localNow(i) { return arm(i) }
        give(i, boot, .timeout, .deadline, 0)
    }

    // MARK: life

    /// Starts the process: with what is on its disk and nothing else.
    mutating func boot(_ i: Int) {
        if isMembersOnly { return bootMember(i) }
        peers[i].boot += 1
        peers[i].life = .up
        peers[i].bookRevision = 0
        peers[i].bookRows = []
        disturbedAt[i] = now
        peers[i].inbox = []
        peers[i].isWakeQueued = false
        peers[i].armedAt = nil
        peers[i].busyUntil = now
        peers[i].executedHeight = 0
        peers[i].certifiedHeight = 0
        peers[i].isRefusing = false
        peers[i].openWrites = 0
        peers[i].answeredAt = now
        if plant == .liesAboutSync { peers[i].isLying = true }
        var rng = seeding.stream("peer/\(i)/boot/\(peers[i].boot)")
        let bootNonce = rng.next()
        let known = peers[i].genesis
        peers[i].node = SimPeer.Node(
            crypto: peers[i].key, network: known == nil ? nil : networkID, genesis: known?.encoded,
            bootNonce: bootNonce, limits: plantedLimits ?? plan.nodeLimits,
            generator: rng.fork(), now: localNow(i), wall: peers[i].clock.wall(now))
        peers[i].rng = rng
        let filter = filter(of: i)
        peers[i].node?.filter(with: filter)
        if checkers.wants(.left) { peers[i].node?.tap(with: tap) }
        observations.append(.booted(i))
        if checkers.wants(.restored) { observations.append(.restored(i, fingerprint: peers[i].disk.fingerprint)) }
        forget(i)
        var restored = RestoredMembership(book: peers[i].disk.rows(.book).map { (key: $0.key, value: $0.value) })
        restored.hasGenesis = known != nil
        restored.ownsGenesis = known != nil
        restored.network = restored.network ?? (known == nil ? nil : networkID)
        restored.joinsAutomatically = true
        let number = peers[i].boot
        give(i, number, .transport(.clock(unixMilliseconds: peers[i].clock.wall(now))), .start, 0)
        give(i, number, .start(restored), .start, 1)
        give(i, number, .interfaces([peers[i].plan.address]), .start, 2)
        if known != nil, peers[i].plan.role != .member, let log = loadLog(i) {
            give(i, number, .adopt(log, desks(i)), .start, 3)
        }
        // The seats, but for the own address: what a person gives `join`.
        let seeds = (0..<peers.count).filter { $0 != i }.prefix(3).map { j in
            Seed(host: peers[j].plan.address.hostText, port: peers[j].plan.address.port)
        }
        if number == 1, !seeds.isEmpty { give(i, number, .join(JoinTarget(seeds: Array(seeds))), .start, 4) }
    }

    /// The log as the disk holds it; a new store gets the records of height 0 first, as in the daemon.
    mutating func loadLog(_ i: Int) -> LogNode? {
        guard let genesis = peers[i].genesis else { return nil }
        do throws(LogImage.Corruption) {
            let first = LogNode.firstWrites(image: try image(i), genesis: genesis, hashing: peers[i].key)
            if !first.isEmpty {
                let number = peers[i].disk.append(first)
                note(.appended, .appended(i, first, number: number))
                peers[i].disk.sync(upTo: number)
            }
            let image = try image(i)
            var tip: LogImage.Tip?
            if image.executedHeight > 0 {
                guard let block = stored(image.executedHeight, at: i),
                    let row = peers[i].disk.get(.proofs, DigestStep.key(image.executedHeight)),
                    let step = try? DigestStep(decoding: row)
                else { throw .blockMismatch(height: image.executedHeight) }
                tip = .init(block: block.block, link: step.link)
            }
            let limits = plant == .none ? plan.ledgerLimits : planted(plan.ledgerLimits)
            return try LogNode(
                identity: .init(
                    genesis: genesis, signer: peers[i].key, voting: peers[i].voting, beacon: peers[i].beacon),
                image: image, tip: tip, limits: limits, hashing: peers[i].key, verifying: peers[i].key,
                generator: peers[i].rng.fork(), now: localNow(i))
        } catch {
            observations.append(.corrupt(i, "\(error)"))
            return nil
        }
    }

    private func image(_ i: Int) throws(LogImage.Corruption) -> LogImage {
        var image = LogImage()
        for family in LogImage.families + [.meta, .local] where plant == .none || remembers(family) {
            for row in peers[i].disk.rows(family) { try image.add(family, key: row.key, value: row.value) }
        }
        if let newest = peers[i].disk.rows(.proofs).last(where: { $0.key.count == 8 }) {
            try image.add(.proofs, key: newest.key, value: newest.value)
        }
        return image
    }

    func stored(_ height: UInt64, at i: Int) -> StoredBlock? {
        peers[i].disk.get(.blocks, JournalKey.height(height)).flatMap { try? StoredBlock(decoding: $0) }
    }

    /// The process ends as its owner asked; it does not come back by itself.
    private mutating func leave(_ i: Int) {
        dropPipes(of: i, isSilent: false)
        peers[i].life = .gone
        peers[i].boot += 1
        peers[i].node = nil
        peers[i].inbox = []
        toRestart.remove(i)
        observations.append(.crashed(i))
        tell(i, "left", "the process ends")
    }

    // MARK: effects

    mutating func carryOut(_ effect: SimPeer.Node.Effect, _ i: Int) {
        switch effect {
        case .transport(let order): carryOut(order, i)
        case .needEntropy(let count):
            var rng = peers[i].rng
            let seeds = (0..<count).map { _ in Cast.digest(&rng).raw }
            peers[i].rng = rng
            answer(.transport(.entropy(seeds)))
        case .resolve(let name, let ticket):
            // Names are texts of addresses here; nobody asks a name server.
            var found = SocketAddress(name.contains(":") ? "[\(name)]:7717" : "\(name):7717").map { [$0] } ?? []
            if plant == .seedsDoNotResolve, i == peers.count - 1 { found = [] }
            queue.push(
                .input(peer: i, boot: peers[i].boot, .resolved(ticket, found), .answer), at: now + .milliseconds(5))
        case .persist(let batch, let ticket): write(batch, ticket, i)
        case .readBlocks(let request, let peer):
            let reader = PeerBlocks(disk: peers[i].disk)
            let height = peers[i].node?.log?.ledger.height ?? 0
            answer(
                .blocks(
                    BlockAnswer.answer(to: request, executedHeight: height, store: reader, hashing: peers[i].key),
                    to: peer))
        case .membership(let event):
            observations.append(.membership(i, event))
            if case .left = event { leave(i) }
            if tellsAll { tell(i, "membership", "\(event)") }
        case .genesisFetched(let bytes):
            guard peers[i].genesis == nil, let fetched = try? Genesis(decoding: bytes) else { return }
            peers[i].genesis = fetched
            if peers[i].plan.role != .member, let log = loadLog(i) { answer(.adopt(log, desks(i))) }
        case .genesisUnavailable: break
        case .log(let effect): carryOut(effect, i)
        case .exchange(let effect): carryOut(effect, i)
        case .desk(let effect): carryOut(effect, i)
        case .book(let effect): carryOut(effect, i)
        case .document, .progressed: break
        }
    }

    mutating func carryOut(_ effect: LogNode.Effect, _ i: Int) {
        switch effect {
        case .persist, .send, .serveBlocks: break
        case .misbehaved(let peer, let fault):
            let other = byID[peer] ?? -1
            observations.append(.blamed(i, other, "\(fault)"))
            tell(i, "blames", "peer \(other): \(fault)")
        case .accepted(let ticket, let id): accepted(ticket, id, i)
        case .refused(let ticket, let why): refused(ticket, why, i)
        case .progressed(let id, let progress): progressed(id, progress, i)
        case .executed(let block):
            peers[i].executedHeight = block.execution.height
            trace.state(i, block.execution.digest.raw.w0)
            observations.append(.executed(i, block))
            if peers[i].isByzantine { learn(block, by: i) }
            if tellsAll {
                let execution = block.execution
                tell(
                    i, "executed",
                    "height \(execution.height), \(execution.outcomes.count) entries, \(execution.digest)")
            }
            noteExecuted(block, by: i)
        case .certified(let certificate):
            peers[i].certifiedHeight = certificate.state.height
            observations.append(.certified(i, certificate))
        case .alarm(let alert):
            observations.append(.alarm(i, "\(alert)"))
            tell(i, "alarm", "\(alert)")
        case .statusChanged(let status):
            tell(i, "status", "\(status.kind)")
        case .conservationBroken(let height, let text):
            observations.append(.conservationBroken(i, height: height, text))
        }
    }
}

/// Blocks out of a simulated disk.
struct PeerBlocks: BlockStoreReading {
    let disk: SimDisk

    func stored(_ height: UInt64) -> StoredBlock? {
        disk.get(.blocks, JournalKey.height(height)).flatMap { try? StoredBlock(decoding: $0) }
    }
    func block(at height: UInt64) -> Block? { stored(height)?.block }
    func finalizeCertificate(at height: UInt64) -> Certificate? { stored(height)?.finalizeCertificate }
    func stateCertificate(at height: UInt64) -> StateCertificate? {
        disk.get(.proofs, JournalKey.height(height)).flatMap { try? StateCertificate(decoding: $0) }
    }
}
