import Basis
import Records
import Trust

extension Membership {
    /// Whether this node takes part: it has a network and a published record, and did not leave.
    var isActive: Bool {
        own.published != nil && join.network != nil && join.phase != .left && join.phase != .refused
            && owner.leaving == nil
    }

    /// Decides whom to link to and whom to dial, in the order of 7.3.
    mutating func plan() {
        updateFullMesh()
        guard isActive, !owner.isDraining else { return }
        requestWantedLinks()
        planPins()
        if links.isEmpty && join.wantsPeers { planBootstrap() }
        planOutbound()
        planMainConnections()
        closeSurplusLinks()
    }

    /// Hysteresis of the full mesh (7.2).
    mutating func updateFullMesh() {
        let live = book.liveCount
        if isFullMesh {
            if live > limits.fullMeshLeavePeersMax { isFullMesh = false }
        } else if live <= limits.fullMeshPeersMax {
            isFullMesh = true
        }
    }

    /// Links and requests that we opened.
    var outboundCount: Int { links.count { $1.isOutbound } }
    /// Attempts under way whose session is meant to become a link.
    var outboundAttempts: Int {
        dials.attempts.reduce(0) {
            switch $1.value.purpose {
            case .outbound, .bootstrap: $0 + 1
            default: $0
            }
        }
    }
    /// Links that are up.
    var upCount: Int { links.count { $1.isUp } }

    /// Whether one more link that we open has a place.
    var hasOutboundRoom: Bool {
        isFullMesh
            ? links.count < limits.fullMeshPeersMax : outboundCount < limits.outboundLinksTarget
    }

    /// Asks peers with a session for a link, where one is wanted.
    mutating func requestWantedLinks() {
        for peer in sessions.keys(where: { peer, _ in !links.contains(peer) }) {
            guard hasOutboundRoom else { return }
            guard let session = sessions[peer], isFullMesh || session.isOutbound else { continue }
            if isLinkCandidate(peer, session) { requestLink(peer) }
        }
    }

    func isLinkCandidate(_ peer: PeerIndex, _ session: PeerSession) -> Bool {
        guard session.hasPath, let entry = book[session.id], !entry.isLeft else { return false }
        return !requestBars.bars(session.id, now: now) && !isBarred(session.id)
            && !owner.denies(session.id)
    }

    func isBarred(_ peer: PeerID) -> Bool { bans.bars(peer, now: now) }

    /// Whether a row may be dialled now by an ordinary dial.
    func isDialable(_ entry: BookEntry) -> Bool {
        !entry.isLeft && entry.id != id && entry.nextDial <= now && !isBarred(entry.id)
            && !owner.denies(entry.id) && !sessions.contains(entry.index)
            && !dials.byPeer.contains(entry.id)
    }

    func targets(of entry: BookEntry) -> [Attempt.Target] {
        entry.usableEndpoints.filter { owner.families.isEmpty || owner.families.contains($0.address.family) }
            .map { Attempt.Target(address: $0.address, transports: $0.transports) }
    }

    /// With zero links: anchors, then verified by newest verification (7.3, 2). Seeds are the join machine's.
    mutating func planBootstrap() {
        let free = limits.dialsInFlightMax - dials.inFlight
        guard free > 0 else { return }
        let candidates = book.entries.compactMap { $0.value }
            .filter { isDialable($0) && ($0.isVerified || $0.verifiedAt > 0) && !isRequestBarred($0) }
            .sorted { a, b in
                if a.isAnchor != b.isAnchor { return a.isAnchor }
                return a.verifiedAt != b.verifiedAt ? a.verifiedAt > b.verifiedAt : a.id < b.id
            }
        for entry in candidates.prefix(free) { dial(entry.id, targets(of: entry), .bootstrap) }
    }

    func isRequestBarred(_ entry: BookEntry) -> Bool { requestBars.bars(entry.id, now: now) }

    /// Below the outbound target: verified rows at random, then heard ones (7.3, 3).
    mutating func planOutbound() {
        let most = isFullMesh ? limits.fullMeshPeersMax : limits.outboundLinksTarget
        let have = isFullMesh ? links.count : outboundCount
        var missing = min(most - have - outboundAttempts, limits.dialsInFlightMax - dials.inFlight)
        guard missing > 0 else { return }
        var verified: [PeerID] = []
        var heard: [PeerID] = []
        var soonest: Instant?
        book.visit { entry in
            guard entry.isLive, !sessions.contains(entry.index) else { return }
            let barEnd = requestBars.end(of: entry.id, now: now)
            if barEnd == nil, isDialable(entry) {
                if entry.isVerified { verified.append(entry.id) } else { heard.append(entry.id) }
            } else if !dials.byPeer.contains(entry.id) {
                let ready = max(entry.nextDial, barEnd ?? entry.nextDial)
                if ready > now { soonest = min(soonest ?? ready, ready) }
            }
        }
        verified.shuffle(using: &rng)
        heard.shuffle(using: &rng)
        for peer in verified + heard {
            if missing == 0 { return }
            guard let entry = book[peer] else { continue }
            let endpoints = targets(of: entry)
            if endpoints.isEmpty { continue }
            if dial(entry.id, endpoints, .outbound) {
                missing -= 1
            } else {
                // Damped: looked at again when the window has moved on.
                let next = now + limits.verifyWalk
                book.update(entry.id) { $0.nextDial = next }
            }
        }
        if let soonest { deadlines.setNoLater(.plan, than: soonest) }
    }

    /// Outside a full mesh, links that we dialled beyond the target are closed, a random one each time (7.2).
    mutating func closeSurplusLinks() {
        guard !isFullMesh else { return }
        var surplus = links.keys { $1.isUp && $1.isOutbound && !pins.contains($1.id) }
        while surplus.count > limits.outboundLinksTarget {
            let i = Int.random(in: 0..<surplus.count, using: &rng)
            let peer = surplus.remove(at: i)
            mark("surplus link")
            closeLink(peer, .surplus, retry: limits.linkBackoffMin, bars: false)
        }
        // Requests that cross count as inbound at one end whether it has room or not, and so does a pin that ends.
        while links.count(where: { !$1.isOutbound && !pins.contains($1.id) }) > limits.inboundLinksKept,
            let worst = worstInbound()
        {
            mark("surplus inbound link")
            closeLink(worst, .surplus, retry: limits.linkBackoffMin, bars: true)
        }
    }

    /// One dial per `healDialSeconds` to a lost peer, whatever its backoff (7.4): what rejoins a partition.
    mutating func healDial() {
        var lost: BookEntry?
        let oldest = clock.unix(now).subtractingOrZero(limits.healAgeMax)
        for (_, entry) in book.entries
        where entry.isUnreachable && entry.verifiedAt >= oldest && sessions[entry.index] == nil {
            if isBarred(entry.id) || owner.denies(entry.id) || dials.byPeer.contains(entry.id) { continue }
            if let best = lost, (best.lastAttempt, best.id) <= (entry.lastAttempt, entry.id) { continue }
            lost = entry
        }
        guard let lost else { return }
        deadlines.set(.heal, at: now + limits.healDial)
        if isActive, dials.inFlight < limits.dialsInFlightMax {
            dial(lost.id, targets(of: lost), .heal)
        }
    }

    /// One dial per `verifyWalkSeconds` (7.4), so that the book stays true.
    mutating func walkDial() {
        deadlines.set(.walk, at: now + limits.verifyWalk)
        guard isActive, dials.inFlight < limits.dialsInFlightMax else { return }
        var eligible: [(id: PeerID, verifiedAt: UInt64)] = []
        book.visit { entry in
            guard !entry.isLeft, !entry.isUnreachable, !sessions.contains(entry.index) else { return }
            if isBarred(entry.id) || owner.denies(entry.id) || entry.usableEndpoints.isEmpty { return }
            eligible.append((entry.id, entry.verifiedAt))
        }
        guard let peer = walk.next(eligible: eligible, using: &rng), let entry = book[peer] else {
            return
        }
        dial(peer, targets(of: entry), .walk)
    }

    /// Main connections of links and pins that should have one and have none.
    mutating func planMainConnections() {
        if pins.byPeer.isEmpty { return }
        for peer in sessions.keys(where: { $1.main == nil && pins.contains($1.id) }) {
            if let session = sessions[peer] { dialMain(peer, session) }
        }
    }

    /// Dials the main connection of a peer with a session, unless its backoff stands.
    mutating func dialMain(_ peer: PeerIndex, _ session: PeerSession) {
        if dials.mainDials.contains(where: { $0.value == peer }) { return }
        if let backoff = dials.mainBackoff[peer], backoff.next > now {
            deadlines.setNoLater(.plan, than: backoff.next)
            return
        }
        guard let address = mainAddress(of: session), let network = join.network else { return }
        let ticket = ticket()
        dials.mainDials.insert(peer, for: ticket)
        emit(.dial(ticket, to: address, path: .main, expecting: session.id, network: network))
    }

    /// Where the stream of a peer is: the address that we dialled ourselves, else an endpoint of its record.
    func mainAddress(of session: PeerSession) -> SocketAddress? {
        if let datagram = session.datagram, datagram.isOutbound { return datagram.remote }
        guard let entry = book[session.id] else { return nil }
        return entry.usableEndpoints.first { $0.transports.contains(.stream) }?.address
    }

    mutating func mainDialFailed(_ peer: PeerIndex) {
        guard let session = sessions[peer] else { return }
        let isSeat = pins.purposes(of: session.id).contains(.seat)
        let base = isSeat ? limits.seatBackoffBase : limits.mainBackoffBase
        let most = isSeat ? limits.seatBackoffMax : limits.mainBackoffMax
        let failures = (dials.mainBackoff[peer]?.failures ?? 0) + 1
        let wait = doubling(base, failures, most)
        dials.mainBackoff.insert(DialState.MainBackoff(failures: failures, next: now + wait), for: peer)
        if pins.contains(session.id) {
            deadlines.setNoLater(.plan, than: now + wait)
        } else if let link = links[peer], link.isUp, link.isOutbound {
            deadlines.set(.mainDial(peer), at: now + wait)
        }
    }
}

extension UInt64 {
    /// This Unix time in milliseconds, `interval` earlier; not below 0.
    func subtractingOrZero(_ interval: Interval) -> UInt64 {
        let span = UInt64(clamping: interval.milliseconds)
        return self > span ? self - span : 0
    }
}
