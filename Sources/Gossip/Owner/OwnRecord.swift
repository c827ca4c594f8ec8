import Basis
import Records
import Trust

/// The own record on its way: wanted, signed, durable, told (`gossip.md` 3.1, 3.4).
struct OwnRecordState: Sendable {
    enum Stage: Sendable {
        case idle
        case signing(Ticket, UnsignedRecord)
        case persisting(Ticket, PeerRecord)
    }

    var stage = Stage.idle
    /// The highest sequence ever used.
    var last: UInt64 = 0
    /// The record that others may have; its sequence is durable.
    var published: PeerRecord?
    var publishedAt: Instant?
    var exemptChanges = 0
    /// A new record is needed whatever the interval: ours is void for others.
    var isForced = false
    /// What changed while a record was on its way.
    var isWantedAgain = false

    var endpoints: [Endpoint] { published?.content.endpoints ?? [] }
}

extension Membership {
    /// Signs a new record if its content changed, or it gets old, as often as 3.4 allows.
    mutating func refreshOwnRecord() {
        guard owner.hasStarted, let network = join.network, clock.told != nil,
            owner.interfaces != nil || !owner.policy.advertised.isEmpty, join.phase != .left
        else { return }
        guard case .idle = own.stage else {
            own.isWantedAgain = true
            return
        }
        var wanted = ownContent(network)
        if let published = own.published, let at = own.publishedAt, owner.leaving != .now {
            wanted.sequence = published.sequence
            let isChanged = wanted != published.content
            guard isChanged || own.isForced || now - at >= limits.recordRefresh else {
                deadlines.set(.refresh, at: at + limits.recordRefresh)
                return
            }
            if isChanged, !own.isForced, now - at < limits.ownRecordIntervalMin {
                guard own.exemptChanges > 0 else {
                    deadlines.setNoLater(.refresh, than: at + limits.ownRecordIntervalMin)
                    return
                }
                own.exemptChanges -= 1
            }
        }
        own.isForced = false
        issueRecord(wanted)
    }

    mutating func issueRecord(_ content: UnsignedRecord) {
        let unix = clock.unix(now)
        // Our clock was fast once: nobody admitted such a record, so the sequence may go back (3.4).
        let future = UInt64(limits.recordFutureMax.milliseconds)
        if own.published == nil, own.last > unix, own.last - unix > future { own.last = unix }
        var content = content
        content.sequence = max(own.last &+ 1, unix)
        own.last = content.sequence
        let ticket = ticket()
        own.stage = .signing(ticket, content)
        emit(.signRecord(content, ticket))
    }

    func ownContent(_ network: NetworkID) -> UnsignedRecord {
        let isLeave = owner.leaving == .now
        let endpoints = isLeave ? [] : chosenEndpoints()
        var status: UnsignedRecord.Status = []
        switch owner.availability {
        case .accepting: status = .acceptingWork
        case .draining: status = .draining
        case .left: status = .left
        case .silent, .offSchedule: break
        }
        if isLeave { status = .left }
        return UnsignedRecord(
            networkTag: NetworkTag(network), key: key, sequence: 0,
            lifetimeMinutes: limits.recordLifetimeMinutes, status: status,
            reach: endpoints.isEmpty ? .client : .unknown, protocolMin: owner.protocolMin,
            protocolMax: owner.protocolMax, classes: owner.capabilities.classes.rawValue,
            capabilityDigest: owner.capabilities.digest,
            capabilityBytes: owner.capabilities.bytes, endpoints: endpoints)
    }

    /// At most 3 of our addresses, one per family first (3.4): the configured ones, else those of the interfaces,
    /// global before site, host only where there is nothing else, then those that others see.
    func chosenEndpoints() -> [Endpoint] {
        var pool = owner.policy.advertised
        if pool.isEmpty {
            let all = (owner.interfaces ?? []) + owner.observed
            let wide = all.filter { $0.scope > .host }
            let ranked = (wide.isEmpty ? all : wide).enumerated().sorted { a, b in
                if a.element.scope != b.element.scope { return a.element.scope > b.element.scope }
                return a.offset < b.offset
            }
            pool = ranked.map(\.element)
        }
        var chosen: [SocketAddress] = []
        for family in [SocketAddress.Family.v4, .v6] {
            if let first = pool.first(where: { $0.family == family }) { chosen.append(first) }
        }
        for address in pool where chosen.count < 3 && !chosen.contains(address) {
            chosen.append(address)
        }
        return chosen.map { Endpoint($0, .both) }
    }

    mutating func recordSigned(_ record: PeerRecord, _ ticket: Ticket) {
        guard case .signing(let expected, let content) = own.stage, expected == ticket,
            record.content == content
        else {
            counters.raise(.ticketUnknown)
            return
        }
        var batch = MembershipBatch()
        batch.ownSequence = record.sequence
        if record.content.isLeave { batch.joinsAutomatically = false }
        let next = self.ticket()
        own.stage = .persisting(next, record)
        emit(.persist(batch, next))
    }

    /// The sequence is durable: only now may the record leave (3.1).
    mutating func persisted(_ ticket: Ticket) {
        if leavePersisted(ticket) { return }
        if spreading.unconfirmed?.ticket == ticket { spreading.unconfirmed = nil }
        guard case .persisting(let expected, let record) = own.stage, expected == ticket else { return }
        own.stage = .idle
        let isFirst = own.published == nil
        own.published = record
        own.publishedAt = now
        emit(.ownRecord(record))
        deadlines.set(.refresh, at: now + limits.recordRefresh)
        pushOwnRecord()
        if record.content.isLeave {
            leaveRecordTold()
            return
        }
        if isFirst { ownRecordReady() }
        needsPlan = true
        if own.isWantedAgain {
            own.isWantedAgain = false
            refreshOwnRecord()
        }
    }

    /// A full or failing disk: without a durable sequence no record may leave, and without a record nobody links to us,
    /// so it is tried again until it succeeds. The same holds for what a restart needs.
    mutating func persistFailed(_ ticket: Ticket) {
        counters.raise(.persistFailed)
        if leavePersisted(ticket) { return }
        if join.storeTicket == ticket {
            join.isUnstored = true
            return
        }
        if spreading.unconfirmed?.ticket == ticket {
            keepUnsaved()
            return
        }
        guard case .persisting(let expected, _) = own.stage, expected == ticket else { return }
        mark("own record not stored")
        own.stage = .idle
        own.isForced = true
        deadlines.setNoLater(.refresh, than: now + limits.persistRetry)
    }

    /// Somebody holds a newer record of ours than we do: we lost state (3.4).
    mutating func learnOwnSequence(_ sequence: UInt64) {
        guard sequence > own.last || sequence > (own.published?.sequence ?? 0) else { return }
        mark("own sequence lost")
        own.last = max(own.last, sequence)
        own.isForced = true
        refreshOwnRecord()
    }
}
