import Basis
import Records
import Trust

/// Peers that upper layers want connected, and ids that are sought (`gossip.md` 7.3, 9.5, 12.1).
struct PinState: Sendable {
    struct Pin: Sendable {
        /// Ascending, without duplicates.
        var purposes: [PinPurpose]
        var failures = 0
        var nextDial: Instant
    }

    struct Find: Sendable {
        /// Answered once, when found or after the first repeats.
        var tickets: [Ticket]
        var tries = 0
        var next: Instant
    }

    var byPeer = SortedMap<PeerID, Pin>()
    var finds = SortedMap<PeerID, Find>()
    var seats: [PeerID] = []
    /// Seats of the list before, until `.previousSeats`.
    var previousSeats: [PeerID] = []
    /// Seats pinned while somebody is sought.
    var asked: [PeerID] = []
    /// When Finds last went out.
    var lastFinds: Instant?

    func contains(_ peer: PeerID) -> Bool { byPeer.contains(peer) }
    func purposes(of peer: PeerID) -> [PinPurpose] { byPeer[peer]?.purposes ?? [] }
}

extension Membership {
    mutating func pin(_ peer: PeerID, _ purpose: PinPurpose) {
        guard peer != id else { return }
        if let old = pins.byPeer[peer] {
            guard !old.purposes.contains(purpose) else { return }
            pins.byPeer.update(peer) { $0.purposes = ($0.purposes + [purpose]).sorted() }
            return
        }
        guard pins.byPeer.count < limits.pinsMax else {
            counters.raise(.pinRefused)
            return
        }
        // The larger id of two seats leaves the dial to the smaller for a moment (12.1).
        let wait = purpose == .seat && id > peer ? limits.seatDialWait : .zero
        pins.byPeer.insert(
            PinState.Pin(purposes: [purpose], nextDial: now + wait), for: peer)
        if let index = directory.index(of: peer), let session = sessions[index] {
            if session.datagram != nil { emit(.keep(index, .datagram)) }
            if session.main != nil { emit(.keep(index, .main)) }
        }
        if book[peer] == nil { seek(peer, nil) }
        needsPlan = true
    }

    mutating func unpin(_ peer: PeerID, _ purpose: PinPurpose) {
        guard var pin = pins.byPeer[peer] else { return }
        pin.purposes.removeAll { $0 == purpose }
        if !pin.purposes.isEmpty {
            pins.byPeer.insert(pin, for: peer)
            return
        }
        pins.byPeer.remove(peer)
        // Its link may be one too many now.
        needsPlan = true
        if let find = pins.finds[peer], find.tickets.isEmpty {
            pins.finds.remove(peer)
            releaseSeats()
        }
        guard let index = directory.index(of: peer), let session = sessions[index],
            links[index] == nil
        else { return }
        if session.datagram != nil { emit(.release(index, .datagram)) }
        if session.main != nil { emit(.release(index, .main)) }
    }

    /// Pinned peers without a session are dialled first of all (7.3, 1).
    mutating func planPins() {
        // Seats first: nothing else may keep a seat from the others.
        for isSeat in [true, false] {
            for (peer, pin) in pins.byPeer where pin.purposes.contains(.seat) == isSeat {
                guard planPin(peer, pin) else { return }
            }
        }
    }

    /// False if no more dials may be under way.
    private mutating func planPin(_ peer: PeerID, _ pin: PinState.Pin) -> Bool {
        if let index = directory.index(of: peer), sessions[index]?.hasPath ?? false { return true }
        guard !dials.byPeer.contains(peer), !isBarred(peer), !owner.denies(peer) else { return true }
        guard let entry = book[peer], !entry.isLeft else {
            // Of seats that are asked there are others.
            if pin.purposes != [.find] { seek(peer, nil) }
            return true
        }
        if pin.nextDial > now {
            deadlines.setNoLater(.plan, than: pin.nextDial)
            return true
        }
        guard dials.inFlight < limits.dialsInFlightMax else { return false }
        let isSeat = pin.purposes.contains(.seat)
        let failures = pin.failures + 1
        let wait = doubling(
            isSeat ? limits.seatBackoffBase : limits.mainBackoffBase, failures,
            isSeat ? limits.seatBackoffMax : limits.mainBackoffMax)
        pins.byPeer.update(peer) {
            $0.failures = failures
            $0.nextDial = now + wait
        }
        if !dial(peer, targets(of: entry), .pin) {
            deadlines.setNoLater(.plan, than: now + wait)
        }
        return true
    }

    /// The seat lists (12.1): a seat pins every other seat; the list before stays for a while.
    mutating func setSeats(_ epoch: UInt64, _ current: [PublicKey], _ next: [PublicKey]) {
        let now = now
        var seats: [PeerID] = []
        for key in current + next {
            let seat = peerID(of: key)
            if !seats.contains(seat) { seats.append(seat) }
        }
        let gone = pins.seats.filter { !seats.contains($0) }
        pins.seats = seats
        if !gone.isEmpty {
            pins.previousSeats = gone
            deadlines.set(.previousSeats, at: now + limits.previousSeatsKept)
        }
        guard seats.contains(id) else {
            for seat in seats { unpin(seat, .seat) }
            return
        }
        for seat in seats { pin(seat, .seat) }
        for (_, session) in sessions where session.hasPath {
            if let record = book[session.id]?.record { seatDirectory.note(record, of: session.id) }
        }
    }

    var isSeat: Bool { pins.seats.contains(id) }

    mutating func dropPreviousSeats() {
        for seat in pins.previousSeats where !pins.seats.contains(seat) { unpin(seat, .seat) }
        pins.previousSeats = []
    }

    // MARK: find (9.5)

    mutating func find(_ peer: PeerID, _ ticket: Ticket) {
        if let entry = book[peer], !entry.isLeft {
            emit(.found(ticket, entry.index))
        } else if peer == id {
            emit(.found(ticket, nil))
        } else {
            seek(peer, ticket)
        }
    }

    mutating func seek(_ peer: PeerID, _ ticket: Ticket?) {
        if pins.finds.contains(peer) {
            if let ticket { pins.finds.update(peer) { $0.tickets.append(ticket) } }
            return
        }
        guard pins.finds.count < limits.findsMax else {
            counters.raise(.findRefused)
            if let ticket { emit(.found(ticket, nil)) }
            return
        }
        pins.finds.insert(
            PinState.Find(tickets: ticket.map { [$0] } ?? [], next: now), for: peer)
        askSeats()
        repeatFinds()
    }

    /// Whether anybody is sought for the sake of others than the search itself.
    private var isSeeking: Bool {
        pins.finds.contains { peer, find in
            !find.tickets.isEmpty || pins.purposes(of: peer).contains { $0 != .find }
        }
    }

    /// f + 1 seats know every member that they met; while somebody is sought we keep a session with so many (9.5).
    mutating func askSeats() {
        guard pins.asked.isEmpty, !isSeat, isSeeking else { return }
        let known = pins.seats.filter { book[$0].map { !$0.isLeft } ?? false }
        pins.asked = Array(known.shuffled(using: &rng).prefix((pins.seats.count + 2) / 3))
        for seat in pins.asked { pin(seat, .find) }
    }

    mutating func releaseSeats() {
        guard !isSeeking, !pins.asked.isEmpty else { return }
        dropAsked()
    }

    private mutating func dropAsked() {
        let asked = pins.asked
        pins.asked = []
        for seat in asked { unpin(seat, .find) }
    }

    private mutating func sendFinds(_ ids: [PeerID]) {
        var asked = links.filter { $0.value.isUp }.map(\.key)
        for seat in pins.seats {
            guard let peer = directory.index(of: seat), sessions[peer]?.hasPath == true, links[peer]?.isUp != true
            else { continue }
            asked.append(peer)
        }
        for peer in asked {
            let request = spreading.request(to: peer, now: now)
            send(peer, [.find(request: request, ids: ids)], via: .best)
        }
    }

    /// Every 5 s, later every 30 s; who asked is told nil when the pace slows. One message of those that wait longest
    /// goes at a time, because peers answer one a second.
    mutating func repeatFinds() {
        if let last = pins.lastFinds, now - last < limits.findSpacing {
            return deadlines.setNoLater(.finds, than: last + limits.findSpacing)
        }
        let waiting = pins.finds.filter { $0.value.next <= now }
            .sorted { ($0.value.next, $0.key) < ($1.value.next, $1.key) }.prefix(limits.findIDsMax)
        var due: [PeerID] = []
        for (peer, find) in waiting {
            let tries = find.tries + 1
            let isSlow = tries > limits.findFirstRepeatsMax
            if isSlow {
                for ticket in find.tickets { emit(.found(ticket, nil)) }
                if !pins.contains(peer) {
                    pins.finds.remove(peer)
                    continue
                }
            }
            let next = now + (isSlow ? limits.findLater : limits.findFirst)
            pins.finds.insert(
                PinState.Find(tickets: isSlow ? [] : find.tickets, tries: tries, next: next), for: peer)
            due.append(peer)
        }
        // Other seats than last time: those asked may not have met whom we seek, or be away.
        if waiting.contains(where: { $0.value.tries > 0 }) { dropAsked() }
        releaseSeats()
        askSeats()
        if !due.isEmpty {
            pins.lastFinds = now
            sendFinds(due)
        }
        let soonest = pins.finds.map(\.value.next).min()
        if let soonest { deadlines.set(.finds, at: max(soonest, now + limits.findSpacing)) }
    }

    mutating func satisfyFinds(_ peer: PeerID) {
        guard let find = pins.finds.remove(peer), let entry = book[peer] else { return }
        for ticket in find.tickets { emit(.found(ticket, entry.index)) }
        releaseSeats()
        needsPlan = true
    }

    /// Only linked and verified rows are given, by seats also what their directory keeps; the subject itself always
    /// answers (7.1, 9.5).
    mutating func receiveFind(_ request: UInt16, _ ids: [PeerID], _ peer: PeerIndex) {
        guard let session = sessions[peer] else { return }
        if let last = session.lastFind, now - last < limits.findAnswerMin {
            counters.raise(.findTooSoon)
            return
        }
        sessions.update(peer) { $0.lastFind = now }
        var records: [PeerRecord] = []
        for wanted in ids.prefix(limits.findIDsMax) where wanted != session.id {
            if wanted == id {
                if let published = own.published { records.append(published) }
            } else if let entry = book[wanted], entry.isVerified || entry.isLeft, !entry.isExpired,
                maySend(entry.record, over: session)
            {
                records.append(entry.record)
            } else if let record = seatDirectory[wanted], isInTime(record), maySend(record, over: session) {
                records.append(record)
            }
        }
        answer(peer, request, records, ask: [])
    }
}
