import Basis
import Records
import Trust

/// One try to reach a peer or a seed: its endpoints in turn, each by datagram first, by stream a second later
/// (`gossip.md` 7.3).
struct Attempt: Sendable {
    enum Purpose: Sendable, Hashable {
        case pin, bootstrap, outbound, heal, walk, revive, find
        /// An address of this seed of the current round.
        case seed(Int)
    }

    struct Target: Sendable, Hashable {
        let address: SocketAddress
        let transports: Endpoint.Transports
    }

    let number: UInt64
    /// The id that must answer; nil at a seed without a pinned id.
    let peer: PeerID?
    let purpose: Purpose
    let targets: [Target]
    /// Position of the target being tried.
    var position = 0
    var datagram: Ticket?
    var main: Ticket?
    /// Whether the stream of this target is still to be dialled.
    var awaitsStream = false
    var failure: DialFailure?
}

/// Dials that are open, and what bounds them.
struct DialState: Sendable {
    var attempts = SortedMap<UInt64, Attempt>()
    var byPeer = SortedMap<PeerID, UInt64>()
    var byTicket = SortedMap<Ticket, UInt64>()
    var lastNumber: UInt64 = 0
    /// Dials of main connections to peers with a session, by ticket.
    var mainDials = SortedMap<Ticket, PeerIndex>()
    var damping: DialDamping
    /// When pinned and linked peers may be dialled again for their main connection, and their last wait.
    var mainBackoff = SortedMap<PeerIndex, MainBackoff>()

    struct MainBackoff: Sendable {
        var failures = 0
        var next: Instant
    }

    init(limits: GossipLimits) { damping = DialDamping(limits: limits) }

    /// Tries to peers of the book under way, which `dialsInFlightMax` bounds.
    var inFlight: Int { attempts.count }
}

extension Membership {
    /// Starts a try to reach `targets`; false if nothing may be dialled now.
    @discardableResult
    mutating func dial(_ peer: PeerID?, _ targets: [Attempt.Target], _ purpose: Attempt.Purpose) -> Bool {
        if let peer, dials.byPeer.contains(peer) || peer == id { return false }
        let isVerified = peer.flatMap { book[$0]?.verifiedAt } ?? 0 > 0
        let fit = targets.filter { target in
            if owner.denies(target.address) || isOwnAddress(target.address) {
                counters.raise(.denied)
                return false
            }
            // Seeds are named by the owner: damping is about what records of others name.
            if case .seed = purpose { return true }
            if isVerified || target.address.scope < .global { return true }
            if dials.damping.admit(target.address, now: now) { return true }
            counters.raise(.dialDamped)
            return false
        }
        if fit.isEmpty { return false }
        dials.lastNumber += 1
        let number = dials.lastNumber
        dials.attempts.insert(
            Attempt(number: number, peer: peer, purpose: purpose, targets: fit), for: number)
        if let peer {
            dials.byPeer.insert(number, for: peer)
            book.update(peer) { $0.lastAttempt = clock.unix(now) }
        }
        tryTarget(number)
        return true
    }

    /// Dials the current target of an attempt.
    mutating func tryTarget(_ number: UInt64) {
        guard var attempt = dials.attempts[number] else { return }
        let target = attempt.targets[attempt.position]
        if target.transports.contains(.datagram) {
            attempt.datagram = openDial(target, .datagram, attempt)
            attempt.awaitsStream = target.transports.contains(.stream)
            if attempt.awaitsStream {
                deadlines.set(.attemptStream(number), at: now + limits.streamDialDelay)
            }
        } else {
            attempt.main = openDial(target, .main, attempt)
        }
        deadlines.set(.attempt(number), at: now + limits.dialMax)
        dials.attempts.insert(attempt, for: number)
    }

    mutating func openDial(_ target: Attempt.Target, _ path: Path, _ attempt: Attempt) -> Ticket {
        let ticket = ticket()
        dials.byTicket.insert(attempt.number, for: ticket)
        emit(
            .dial(
                ticket, to: target.address, path: path, expecting: attempt.peer,
                network: join.network))
        return ticket
    }

    mutating func attemptStreamDue(_ number: UInt64) {
        guard var attempt = dials.attempts[number], attempt.awaitsStream else { return }
        attempt.awaitsStream = false
        attempt.main = openDial(attempt.targets[attempt.position], .main, attempt)
        dials.attempts.insert(attempt, for: number)
    }

    /// A dial that never reported (a lost input) is given up like one that timed out.
    mutating func attemptDue(_ number: UInt64) {
        guard let attempt = dials.attempts[number] else { return }
        mark("dial without report")
        for ticket in [attempt.datagram, attempt.main].compactMap({ $0 }) {
            emit(.cancelDial(ticket))
            dialFailed(ticket, .timeout)
        }
    }

    mutating func dialFailed(_ ticket: Ticket, _ failure: DialFailure) {
        if let peer = dials.mainDials.remove(ticket) {
            mainDialFailed(peer)
            return
        }
        guard let number = dials.byTicket.remove(ticket), var attempt = dials.attempts[number] else {
            if failure != .cancelled { counters.raise(.ticketUnknown) }
            return
        }
        if attempt.datagram == ticket { attempt.datagram = nil }
        if attempt.main == ticket { attempt.main = nil }
        attempt.failure = Attempt.weightier(attempt.failure, failure)
        dials.attempts.insert(attempt, for: number)
        if failure.isDecisive {
            closeTickets(of: number)
        } else if attempt.awaitsStream {
            attemptStreamDue(number)
            return
        }
        guard let open = dials.attempts[number], open.datagram == nil, open.main == nil else { return }
        deadlines.cancel(.attemptStream(number))
        if open.position + 1 < open.targets.count {
            dials.attempts.update(number) {
                $0.position += 1
                $0.awaitsStream = false
            }
            tryTarget(number)
        } else {
            finish(number)
            attemptFailed(open, open.failure ?? failure)
        }
    }

    /// Ends an attempt: its open dials are cancelled, its timers removed.
    mutating func finish(_ number: UInt64) {
        closeTickets(of: number)
        guard let attempt = dials.attempts.remove(number) else { return }
        if let peer = attempt.peer { dials.byPeer.remove(peer) }
        deadlines.cancel(.attempt(number))
        needsPlan = true
    }

    mutating func closeTickets(of number: UInt64, except kept: Ticket? = nil) {
        guard var attempt = dials.attempts[number] else { return }
        for ticket in [attempt.datagram, attempt.main].compactMap({ $0 }) where ticket != kept {
            dials.byTicket.remove(ticket)
            emit(.cancelDial(ticket))
        }
        attempt.datagram = nil
        attempt.main = nil
        attempt.awaitsStream = false
        deadlines.cancel(.attemptStream(number))
        dials.attempts.insert(attempt, for: number)
    }

    /// No endpoint answered.
    mutating func attemptFailed(_ attempt: Attempt, _ failure: DialFailure) {
        if case .seed(let seed) = attempt.purpose {
            seedFailed(seed, failure)
            return
        }
        guard let peer = attempt.peer else { return }
        entryDialFailed(peer, failure)
        if attempt.purpose == .revive { reviveFailed(peer) }
        needsPlan = true
    }

    /// Changes of the book after a failed dial (7.1).
    mutating func entryDialFailed(_ peer: PeerID, _ failure: DialFailure) {
        guard let entry = book[peer] else { return }
        if failure.isOwnTrouble {
            // Our own socket failed: says nothing about the peer, but is no reason to spin either.
            raiseHealth()
            let next = now + limits.backoffBase
            book.update(peer) { $0.nextDial = next }
            return
        }
        if case .busy(let seconds) = failure {
            book.update(peer) { $0.nextDial = now + .seconds(Int64(max(1, seconds))) }
            return
        }
        let failures = entry.failures + 1
        let wait = backoff(failures)
        book.update(peer) {
            $0.failures = failures
            $0.nextDial = now + wait
            $0.isDirty = true
        }
        switch entry.state {
        case .heard:
            if failures >= limits.heardFailuresMax { dropHeard(peer) }
        case .verified:
            setUnreachable(peer, 1)
        case .unreachable(let n):
            book.update(peer) { $0.state = .unreachable(n + 1) }
        case .left:
            break
        }
    }

    /// `min(5 s × 2^(failures−1), 24 h)` ± 20 %.
    mutating func backoff(_ failures: Int) -> Interval {
        doubling(limits.backoffBase, failures, limits.backoffMax)
    }

    mutating func doubling(_ base: Interval, _ failures: Int, _ most: Interval) -> Interval {
        let exponent = min(max(failures - 1, 0), 30)
        let wait = min(Interval(nanoseconds: base.nanoseconds << Int64(exponent)), most)
        return wait.jittered(percent: 20, using: &rng)
    }

    mutating func setUnreachable(_ peer: PeerID, _ failures: Int) {
        guard let entry = book[peer], !entry.isLeft, !entry.isUnreachable else { return }
        book.update(peer) {
            $0.state = .unreachable(failures)
            $0.isDirty = true
        }
        raise(.memberLost(entry.index))
        deadlines.setNoLater(.heal, than: now + limits.healDial)
        needsPlan = true
    }

    /// A heard row that nobody could verify: remembered, so that it does not return unless newer.
    mutating func dropHeard(_ peer: PeerID) {
        guard let entry = removeRow(peer) else { return }
        unanswered.note(peer, sequence: entry.sequence, until: now + limits.unansweredAge)
    }

    /// Removes a row; its index stays valid as long as the directory has room.
    @discardableResult
    mutating func removeRow(_ peer: PeerID) -> BookEntry? {
        guard let entry = book.remove(peer) else { return nil }
        walk.remove(peer)
        if entry.verifiedAt > 0 { spreading.deletions.append(peer) }
        return entry
    }
}

extension Attempt {
    /// Which of two failures says more about why a peer was not reached.
    static func weightier(_ a: DialFailure?, _ b: DialFailure) -> DialFailure {
        guard let a else { return b }
        // What our own socket could not do says nothing; whatever a peer or its silence said does.
        if a.isOwnTrouble != b.isOwnTrouble { return a.isOwnTrouble ? b : a }
        return a.isDecisive || (b == .timeout || b == .cancelled) ? a : b
    }
}

extension DialFailure {
    /// The other end spoke: another transport to the same address would say the same.
    var isDecisive: Bool {
        switch self {
        case .wrongPeer, .badSignature, .selfDial, .policy, .busy, .wrongNetwork, .wrongVersion: true
        case .timeout, .unreachable, .connectionRefused, .cancelled, .noEntropy, .tooManySessions:
            false
        }
    }

    /// We could not even ask (7.3): no failure of the peer.
    var isOwnTrouble: Bool {
        switch self {
        case .unreachable, .noEntropy, .tooManySessions, .cancelled: true
        default: false
        }
    }
}
