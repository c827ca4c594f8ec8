import Basis
import Records
import Trust

extension Membership {
    mutating func restoreJoin(_ restored: RestoredMembership) {
        join.network = restored.network
        join.hasGenesis = restored.hasGenesis || restored.ownsGenesis
        join.ownsGenesis = restored.ownsGenesis
        join.seeds = Array(restored.seeds.prefix(limits.seedsMax))
        if let network = restored.network { emit(.adoptNetwork(network)) }
        if !restored.joinsAutomatically { join.phase = .left }
    }

    /// A start without a command: dials who was there before (10.4).
    mutating func startRestoredJoin() {
        guard join.phase == .idle, join.network != nil else { return }
        if book.count == 0 && join.seeds.isEmpty {
            // The founder, or a node whose genesis file was given: there is nobody to dial.
            if join.ownsGenesis { becomeJoined() }
            return
        }
        join.phase = .dialling
        if book.count == 0 {
            beginRound()
        } else if !join.seeds.isEmpty || join.ownsGenesis {
            deadlines.set(.storedSeeds, at: now + limits.seedsWait)
        }
    }

    mutating func startJoin(_ target: JoinTarget) {
        guard owner.hasStarted else { return }
        if let network = join.network, let prefix = target.networkPrefix,
            !Self.text(of: network).hasPrefix(prefix)
        {
            raise(.joinRefused(.boundToOtherNetwork(network)))
            return
        }
        if join.phase == .left {
            owner.leaving = nil
            own.published = nil
            own.isForced = true
        }
        join.target = target
        join.seeds = Array(target.seeds.prefix(limits.seedsMax))
        join.isUnstored = true
        join.failedRounds = 0
        join.contacts = []
        join.phase = .dialling
        evaluateAvailability()
        // A whole id makes first contact needless: only that network is accepted.
        if join.network == nil, let prefix = target.networkPrefix, prefix.utf8.count == 52,
            let raw = TextID.bytes(base32: prefix).flatMap({ Bytes32($0) })
        {
            join.network = NetworkID(raw)
            emit(.adoptNetwork(NetworkID(raw)))
        }
        refreshOwnRecord()
        beginRound()
        needsPlan = true
    }

    /// The 52 characters of a network's id, without its kind.
    static func text(of network: NetworkID) -> String { TextID.base32(network.bytes) }

    /// Asks for the addresses of every seed (10.2, dialling).
    mutating func beginRound() {
        if join.tries.contains(where: \.isOpen) { return }
        deadlines.cancel(.joinRound)
        if join.phase == .waiting { join.phase = .dialling }
        join.tries = join.seeds.map { JoinState.SeedTry(seed: $0) }
        for i in join.tries.indices {
            let ticket = ticket()
            join.tries[i].ticket = ticket
            deadlines.set(.resolve(ticket), at: now + limits.resolveMax)
            emit(.resolve(join.tries[i].seed.host, ticket))
        }
        if join.tries.isEmpty { seedsSettled() }
    }

    mutating func resolved(_ ticket: Ticket, _ addresses: [SocketAddress]) {
        deadlines.cancel(.resolve(ticket))
        guard let i = join.tries.firstIndex(where: { $0.ticket == ticket }) else {
            if !addresses.isEmpty { counters.raise(.ticketUnknown) }
            return
        }
        join.tries[i].ticket = nil
        let port = join.tries[i].seed.port
        let known = addresses.prefix(limits.addressesPerNameMax).map { $0.with(port: port) }
            .filter { $0.scope > .invalid && $0.port != 0 }
        if known.isEmpty {
            join.tries[i].result = .nameNotFound
            seedsSettled()
            return
        }
        join.tries[i].addresses = known
        dialSeeds()
    }

    /// Dials seeds whose addresses are known, once the own record may leave; at first contact there is none yet.
    mutating func dialSeeds() {
        guard join.network == nil || own.published != nil, join.phase != .refused, join.phase != .left else {
            return
        }
        for i in join.tries.indices where !join.tries[i].addresses.isEmpty {
            let targets = join.tries[i].addresses.map {
                Attempt.Target(address: $0, transports: .both)
            }
            join.tries[i].addresses = []
            // One id can answer at one address only: these are tried in turn.
            let pinned = i == 0 ? join.target?.peer : nil
            let attempts = pinned == nil ? targets.map { [$0] } : [targets]
            for attempt in attempts {
                if dial(pinned, attempt, .seed(i)) {
                    join.tries[i].openAttempts += 1
                } else {
                    let isSelf = attempt.contains { isOwnAddress($0.address) }
                    join.tries[i].result = .failed(isSelf ? .selfDial : .policy)
                }
            }
        }
        seedsSettled()
    }

    mutating func seedFailed(_ seed: Int, _ failure: DialFailure) {
        guard join.tries.indices.contains(seed) else { return }
        join.tries[seed].openAttempts = max(0, join.tries[seed].openAttempts - 1)
        var worst = failure
        if case .failed(let before) = join.tries[seed].result {
            worst = Attempt.weightier(before, failure)
        }
        join.tries[seed].result = .failed(worst)
        seedsSettled()
    }

    /// All seeds of the round answered or failed.
    mutating func seedsSettled() {
        guard !join.tries.contains(where: \.isOpen) else { return }
        if join.phase == .comparing {
            compareContacts()
            return
        }
        guard join.phase == .dialling, join.contacts.isEmpty else { return }
        if dials.attempts.contains(where: { $0.value.purpose == .bootstrap }) {
            // Saved peers are still being tried; the next look is at the usual pace.
            deadlines.setNoLater(.joinRound, than: now + limits.joinWaits[0])
            return
        }
        if let refusal = refusalOfAll() {
            refuse(refusal)
            return
        }
        waitForNextRound()
    }

    /// Every seed answered, and said that it is of another network or version.
    func refusalOfAll() -> JoinRefusal? {
        var refusal: JoinRefusal?
        for entry in join.tries {
            guard case .failed(let failure) = entry.result else { return nil }
            switch failure {
            case .wrongNetwork(let found):
                refusal = refusal ?? .wrongNetwork(expected: expectedNetwork, found: found)
            case .wrongVersion(let min, let max):
                refusal = refusal ?? .wrongVersion(min: min, max: max)
            default: return nil
            }
        }
        return refusal
    }

    /// The network that was asked for; of a prefix the rest is zero.
    var expectedNetwork: NetworkID {
        if let network = join.network { return network }
        let prefix = join.target?.networkPrefix ?? ""
        let padded = prefix + String(repeating: "a", count: max(0, 52 - prefix.utf8.count))
        return TextID.bytes(base32: padded).flatMap { NetworkID($0) } ?? .zero
    }

    mutating func waitForNextRound() {
        let step = min(join.failedRounds, limits.joinWaits.count - 1)
        join.failedRounds += 1
        let retry = now + limits.joinWaits[step].jittered(percent: 20, using: &rng)
        join.phase = .waiting
        deadlines.set(.joinRound, at: retry)
        // Nobody refused us: who is restarted while it waits goes on with the same seeds.
        storeJoin()
        let outcomes = join.tries.compactMap { entry in
            entry.result.map { SeedOutcome(seed: entry.seed, result: $0) }
        }
        raise(.seedsUnreachable(outcomes, retryAt: retry))
    }

    mutating func joinRoundDue() {
        guard join.phase == .waiting || join.phase == .dialling else { return }
        beginRound()
        needsPlan = true
    }

    mutating func storedSeedsDue() {
        if upCount == 0, join.wantsPeers { beginRound() }
    }

    mutating func refuse(_ refusal: JoinRefusal) {
        for contact in join.contacts { emit(.hangUp(contact.peer, .policy)) }
        for (number, _) in dials.attempts { finish(number) }
        // Nothing of a refused join stays: at first contact the book was empty before.
        if join.network == nil { for (peer, _) in book.entries { removeRow(peer) } }
        join.phase = .refused
        join.contacts = []
        join.comparedNetwork = nil
        join.tries = []
        join.isUnstored = false
        deadlines.cancel(.joinRound)
        deadlines.cancel(.compare)
        raise(.joinRefused(refusal))
    }

    // MARK: contacts

    /// A session came up while joining (10.2).
    mutating func contact(_ peer: PeerIndex, _ facts: SessionFacts, _ attempt: Attempt?) {
        var seed: Int?
        if case .seed(let i) = attempt?.purpose {
            seed = i
            if join.tries.indices.contains(i) {
                join.tries[i].openAttempts = max(0, join.tries[i].openAttempts - 1)
            }
        }
        switch join.phase {
        case .dialling, .waiting, .comparing: break
        case .contacted, .joined, .isolated:
            if seed != nil || upCount == 0 && own.published != nil { pull(from: peer, want: limits.pullWantMax) }
            return
        case .idle:
            // A founder's first visitor.
            if join.network != nil { join.phase = .contacted }
            return
        case .refused, .left: return
        }
        if let median = clock.median, abs(median) > limits.clockOffsetMax.milliseconds {
            join.contacts.append(JoinState.Contact(peer: peer, network: facts.network))
            refuse(.clockOutOfRange(milliseconds: median))
            return
        }
        guard join.network == nil else {
            join.contacts.append(JoinState.Contact(peer: peer, network: facts.network))
            contacted()
            return
        }
        if let prefix = join.target?.networkPrefix, !Self.text(of: facts.network).hasPrefix(prefix) {
            emit(.hangUp(peer, .policy))
            sessions.remove(peer)
            if let seed {
                join.tries[seed].openAttempts += 1
                seedFailed(seed, .wrongNetwork(facts.network))
            }
            return
        }
        join.contacts.append(JoinState.Contact(peer: peer, network: facts.network))
        if join.comparedNetwork == nil {
            join.comparedNetwork = facts.network
            if let record = facts.record?.value { judgeHandshakeRecord(record, from: peer) }
            markProven(peerID(of: facts.key))
        }
        join.phase = .comparing
        deadlines.setNoLater(.compare, than: now + limits.compareWait)
        seedsSettled()
    }

    /// The other seeds had their second: one network, or a refusal (10.1).
    mutating func compareContacts() {
        guard join.phase == .comparing, let first = join.contacts.first else { return }
        deadlines.cancel(.compare)
        var ids: [NetworkID] = []
        for contact in join.contacts where !ids.contains(contact.network) { ids.append(contact.network) }
        guard ids.count == 1 else {
            refuse(.seedsDisagree(ids))
            return
        }
        join.network = first.network
        join.comparedNetwork = nil
        emit(.adoptNetwork(first.network))
        raise(.firstContact(first.network))
        refreshOwnRecord()
        contacted()
    }

    /// Somebody of our network answers: store what led here, ask for records, then for links.
    mutating func contacted() {
        join.phase = .contacted
        join.contactedAt = now
        join.failedRounds = 0
        deadlines.cancel(.joinRound)
        storeJoin()
        if own.published != nil { pullContacts() }
        // A contact may be full and its answer may be lost: who has no link soon is as isolated as who lost the last.
        if upCount == 0 { deadlines.setNoLater(.isolation, than: now + limits.isolatedWait) }
        needsPlan = true
        checkJoined()
    }

    /// What a restart needs to come back by itself (10.4).
    mutating func storeJoin() {
        guard join.isUnstored, let network = join.network else { return }
        join.isUnstored = false
        var batch = MembershipBatch()
        batch.network = network
        batch.seeds = join.seeds
        batch.joinsAutomatically = true
        let ticket = ticket()
        join.storeTicket = ticket
        emit(.persist(batch, ticket))
    }

    /// Asks every contact for records, and again when a Pull is allowed: what its answer just missed comes with the
    /// second.
    mutating func pullContacts() {
        for contact in join.contacts { pull(from: contact.peer, want: limits.pullWantMax) }
        deadlines.setNoLater(.pull, than: now + limits.pullAnswerMin)
    }

    /// The first own record is durable: who waited for it may be dialled.
    mutating func ownRecordReady() {
        dialSeeds()
        // At first contact the Pull waited for the record, so that the link request goes out in the same moment:
        // whatever is admitted over there after the answer is then forwarded to us.
        if join.phase == .contacted { pullContacts() }
        needsPlan = true
    }

    mutating func linkCameUp(_ peer: PeerIndex) {
        deadlines.cancel(.isolation)
        // Each link that we opened knows others: its answer fills the book while we are new.
        if links[peer]?.isOutbound ?? false, !isFullMesh || upCount == 1 {
            pull(from: peer, want: limits.pullWantMax)
        }
        if join.phase == .isolated || join.phase == .idle || join.phase == .dialling
            || join.phase == .waiting
        {
            join.phase = .contacted
        }
        checkJoined()
        // What was kept while there was no link has done its service: seeds cannot hold a session with everybody.
        if upCount == 1 { for other in sessions.keys { closeIfUseless(other) } }
    }

    mutating func checkJoined() {
        if join.phase == .contacted, join.hasGenesis, upCount > 0 { becomeJoined() }
    }

    mutating func becomeJoined() {
        guard let network = join.network else { return }
        join.phase = .joined
        deadlines.cancel(.joinRound)
        deadlines.cancel(.storedSeeds)
        raise(.joined(network, links: upCount))
    }

    // MARK: isolation

    mutating func lastLinkLost() {
        if join.phase == .joined || join.phase == .contacted {
            deadlines.set(.isolation, at: now + limits.isolatedWait)
        }
    }

    /// No link for 10 s though others are known: all that ever answered are dialled again, and the seeds (10.2).
    mutating func isolationDue() {
        guard upCount == 0, owner.leaving == nil else { return }
        let isOthersKnown = book.entries.contains { !$0.value.isLeft } || !join.seeds.isEmpty
        guard isOthersKnown else { return }
        switch join.phase {
        case .joined, .contacted:
            join.phase = .isolated
            raise(.isolated)
        case .isolated: break
        default: return
        }
        deadlines.set(.isolation, at: now + limits.isolatedDial)
        for (peer, entry) in book.entries where entry.verifiedAt > 0 && entry.nextDial > now {
            book.update(peer) { $0.nextDial = now }
        }
        beginRound()
        needsPlan = true
    }
}
