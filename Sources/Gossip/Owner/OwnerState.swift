import Basis
import Records
import Trust

/// What the owner and the upper layers told this core.
struct OwnerState: Sendable {
    var hasStarted = false
    var policy = PeerPolicy()
    var capabilities = CapabilitySummary()
    /// nil before the first `.interfaces`.
    var interfaces: [SocketAddress]?
    /// Where others see us, if the port is ours; newest last.
    var observed: [SocketAddress] = []
    var availability = AvailabilityState.accepting
    var protocolMin: UInt8 = 1
    var protocolMax: UInt8 = 1
    var tip = ChainTip()
    var leaving: LeaveMode?

    static let observedMax = 3

    var isDraining: Bool { policy.isDraining }
    /// Families of which we have an address; empty = unknown, all are tried.
    var families: [SocketAddress.Family] { (interfaces ?? []).map(\.family) }

    func denies(_ peer: PeerID) -> Bool { policy.denies(peer) }
    func denies(_ address: SocketAddress) -> Bool { policy.denies(address) }
}

extension Membership {
    mutating func start(_ restored: RestoredMembership) {
        invariant(!owner.hasStarted, "started twice")
        owner.hasStarted = true
        owner.policy = restored.policy
        owner.protocolMin = restored.protocolMin
        owner.protocolMax = restored.protocolMax
        own.last = restored.ownSequence
        own.exemptChanges = limits.ownRecordExemptChangesMax
        restoreJoin(restored)
        for value in restored.rows { restoreRow(value) }
        deadlines.set(.housekeeping, at: now + limits.housekeeping)
        deadlines.set(.persist, at: now + limits.persist)
        deadlines.set(.pull, at: now + limits.pull.jittered(percent: 20, using: &rng))
        deadlines.set(.push, at: now + limits.push.jittered(percent: 20, using: &rng))
        deadlines.set(.walk, at: now + limits.verifyWalk.jittered(percent: 20, using: &rng))
        deadlines.set(.heal, at: now + limits.healDial)
        evaluateAvailability()
        refreshOwnRecord()
        startRestoredJoin()
        needsPlan = true
    }

    /// A row of an earlier run: its signature was checked before it was saved.
    mutating func restoreRow(_ value: [UInt8]) {
        guard let row = try? SavedRow(value: value, hashing: hashing), row.id != id,
            join.network.map({ NetworkTag($0) == row.record.content.networkTag }) ?? false,
            !book.isFull, let index = index(of: row.id)
        else {
            counters.raise(.rowUndecodable)
            return
        }
        book.insert(
            BookEntry(
                id: row.id, index: index, record: row.record, scopeFloor: row.scopeFloor,
                state: row.record.content.isLeave ? .left : .verified, firstSeen: row.firstSeen,
                verifiedAt: row.verifiedAt, lastAttempt: row.lastAttempt, heardAt: now,
                failures: 0, nextDial: now, isAnchor: row.isAnchor))
        spreading.saved[row.id] = true
        spreading.savedCount += 1
        walk.insert(row.id, using: &rng)
    }

    mutating func setInterfaces(_ addresses: [SocketAddress]) {
        owner.interfaces = addresses.filter { $0.scope > .invalid && $0.port != 0 && !$0.isLinkLocal }
        refreshOwnRecord()
        needsPlan = true
    }

    mutating func setPolicy(_ policy: PeerPolicy) {
        owner.policy = policy
        evaluateAvailability()
        refreshOwnRecord()
        // A peer that is denied now loses its session at once (10.5).
        for (peer, session) in sessions {
            let isDenied = owner.denies(session.id) || session.remote.map { owner.denies($0) } ?? false
            guard isDenied else { continue }
            counters.raise(.denied)
            if links[peer] != nil { dropLink(peer, .policy) }
            emit(.hangUp(peer, .policy))
        }
        needsPlan = true
    }

    mutating func setCapabilities(_ summary: CapabilitySummary) {
        owner.capabilities = summary
        refreshOwnRecord()
    }

    mutating func setTip(_ tip: ChainTip) {
        owner.tip = tip
        if !join.hasGenesis {
            join.hasGenesis = true
            checkJoined()
        }
    }

    /// The address of us that a peer sees, if its port is one of ours (3.4).
    mutating func noteObserved(_ address: SocketAddress) {
        guard let interfaces = owner.interfaces, !interfaces.contains(address),
            interfaces.contains(where: { $0.port == address.port }), address.scope > .host,
            !owner.observed.contains(address)
        else { return }
        owner.observed.append(address)
        if owner.observed.count > OwnerState.observedMax { owner.observed.removeFirst() }
        refreshOwnRecord()
    }

    /// Availability by precedence (10.5); looked at again when the hour ends.
    mutating func evaluateAvailability() {
        guard owner.hasStarted else { return }
        let before = owner.availability
        owner.availability = currentAvailability()
        if owner.availability != before {
            raise(.availability(owner.availability))
            refreshOwnRecord()
        }
        guard owner.policy.schedule != nil, clock.told != nil else { return }
        let hour: UInt64 = 3_600_000
        let rest = hour - clock.unix(now) % hour
        deadlines.set(.availability, at: now + .milliseconds(Int64(rest)))
    }

    func currentAvailability() -> AvailabilityState {
        if join.phase == .left || owner.leaving == .now { return .left }
        if owner.policy.isDraining { return .draining }
        if owner.policy.isSilent { return .silent }
        if let schedule = owner.policy.schedule, clock.told != nil {
            let hour = WeekHours.hour(
                unixMilliseconds: clock.unix(now), zoneOffsetMinutes: owner.policy.zoneOffsetMinutes)
            if !schedule.contains(hour: hour) { return .offSchedule }
        }
        return .accepting
    }
}
