import Basis
import Gossip
import NodeCore
import Records
import Trust
import Wire

extension CheckerSet {
    /// Group M, as far as the parts exist that its rows judge: there is no sampler and no topic lookup, the book has no
    /// groups or quotas, and nobody relays.
    static let membership: [any Checker.Type] = [
        SequencesRise.self, RecordsSigned.self, NobodyDeclaresOthers.self, LinksAgree.self, OutboundLinksBounded.self,
        AnswersVerified.self, NoAmplification.self, DatagramsFit.self, RecordsInTime.self, ExchangesEnd.self,
        NoHonestBans.self, CrashesNoticed.self, PartsRejoin.self, NoFalseEvictions.self, NobodyEclipsed.self,
        JoinsQuick.self, IdleQuiet.self,
    ]
}

/// M1: the record that a table has of a peer only gets newer.
struct SequencesRise: Checker {
    static let id = "M1"
    static let statement = "a table's record of a peer never moves to a lower sequence while its row stays"
    static let watches: [Observation.Kind] = [.bookChanged]
    private(set) var judged: UInt64 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .bookChanged(let i, let old?, let new?, _) = observation, !world.peers[i].isByzantine
        else { return nil }
        // A full table may let a row go and take it again in one input.
        if old.heardAt != new.heardAt { return nil }
        judged += 1
        if new.record.sequence >= old.record.sequence { return nil }
        return Finding(
            peers: [i, world.byID[new.id] ?? -1], expected: "a sequence from \(old.record.sequence) on",
            found: "\(new.record.sequence)")
    }
}

/// M2: whatever a table holds was signed by whom it is about.
struct RecordsSigned: Checker {
    static let id = "M2"
    static let statement = "every record or leave accepted anywhere was signed by its subject"
    static let watches: [Observation.Kind] = [.signed, .bookChanged]
    private(set) var judged: UInt64 = 0
    /// Of all messages that were signed as records, by SipHash of key and message.
    private var signed: Set<UInt64> = []
    private static let prefix = Array("peernode/sign-".utf8)
    private static let kind = Array("peernode/sign-\(SignatureKind.record.rawValue)/v1".utf8) + [0]

    init(_ plan: Plan) {}

    private static func name(_ key: PublicKey, _ message: [UInt8]) -> UInt64 {
        var sip = SipHash(key.raw.w0, key.raw.w1)
        sip.add(message)
        return sip.finished()
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .signed(_, let key, let message):
            guard message.starts(with: RecordsSigned.kind) else { return nil }
            signed.insert(RecordsSigned.name(key, message))
        case .bookChanged(let i, let old, let new?, _):
            guard !world.peers[i].isByzantine, old?.record != new.record else { return nil }
            judged += 1
            let message = SignatureKind.record.message(network: world.networkID, body: new.record.content.encoded)
            if signed.contains(RecordsSigned.name(new.record.key, message)) { return nil }
            // What a coalition signs between the inputs of its nodes, or with keys of its own making, is not observed.
            let isObserved = world.byID[new.id].map { !world.peers[$0].isByzantine } ?? false
            if !isObserved, new.record.isAuthentic(network: world.networkID, by: world.peers[i].key) { return nil }
            return Finding(
                peers: [i, world.byID[new.id] ?? -1], expected: "a record that its subject signed",
                found: "sequence \(new.record.sequence), which it never did")
        default: break
        }
        return nil
    }
}

/// M3: nobody declares another dead.
struct NobodyDeclaresOthers: Checker {
    static let id = "M3"
    static let statement = "a peer's entry changes only by its own record, expiry, own probes or own eviction rules"
    static let watches: [Observation.Kind] = [.membership, .bookChanged]
    private(set) var judged: UInt64 = 0
    private let rowsMax: Int
    /// The link that a peer gave up last because only helpers reach its other end: an own rule, though a helper's word
    /// is when it is looked at.
    private var oneWay: (peer: Int, other: Int, event: UInt64)?

    init(_ plan: Plan) { rowsMax = plan.nodeLimits.gossip.bookEntriesMax }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        if case .membership(let i, .linkDown(let index, .oneWay)) = observation, let j = world.peer(i, index) {
            oneWay = (i, j, world.events)
        }
        guard case .bookChanged(let i, let old?, let new, let cause) = observation, !world.peers[i].isByzantine,
            let subject = world.byID[old.id]
        else { return nil }
        judged += 1
        // Its own words, our own timers and our own sockets may change everything.
        if cause < 0 || cause == subject { return nil }
        guard let new else {
            // A full book makes room for whom another peer told about.
            if world.peers[i].bookRows.count >= rowsMax { return nil }
            return Finding(
                peers: [i, subject, cause], expected: "a row that stays", found: "removed by peer \(cause)'s word")
        }
        if new.state == .left, old.state != .left, !new.record.content.isLeave {
            return Finding(peers: [i, subject, cause], expected: "a leave that the subject signed", found: "none")
        }
        if let oneWay, oneWay.peer == i, oneWay.other == subject, oneWay.event == world.events { return nil }
        if new.state == .unreachable, old.state != .unreachable {
            return Finding(
                peers: [i, subject, cause], expected: "a row that only own probes make unreachable",
                found: "changed by peer \(cause)'s word")
        }
        return nil
    }
}

/// M11: what is out of time is not stored and not told.
struct RecordsInTime: Checker {
    static let id = "M11"
    static let statement = "expired records, and those over 2 h ahead, are never stored or relayed"
    static let watches: [Observation.Kind] = [.bookChanged, .sent]
    /// Clocks of peers and the network's median differ by less, where no fault meets them.
    static let slack: UInt64 = 60_000
    private(set) var judged: UInt64 = 0
    private let future: UInt64
    private let isReadable: Bool
    private let isJudged: Bool

    init(_ plan: Plan) {
        future = UInt64(plan.nodeLimits.gossip.recordFutureMax.milliseconds)
        isReadable = plan.crypto == .sim
        // Where a wall clock leaps by an hour, what its peer took in good faith before is out of time after.
        isJudged = !plan.faults.contains { fault in
            switch fault.kind {
            case .clockJump(_, let by), .clockSkew(_, let by): max(by, by * -1) >= .seconds(1_800)
            default: false
            }
        }
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        if !isJudged { return nil }
        switch observation {
        case .bookChanged(let i, let old, let new?, _):
            guard !world.peers[i].isByzantine, new.record.sequence != old?.record.sequence else { return nil }
            judged += 1
            return judge(new.record.sequence, new.record.content.lifetimeMinutes, at: i, "stored", world)
        case .sent(let i, let bytes, _):
            guard isReadable, !world.peers[i].isByzantine else { return nil }
            for part in SealedText.records(bytes) {
                for bytes in part.records {
                    guard let record = SeenRecord(bytes), record.key != world.peers[i].account else { continue }
                    judged += 1
                    if let finding = judge(record.sequence, record.lifetimeMinutes, at: i, "told", world) {
                        return finding
                    }
                }
            }
        default: break
        }
        return nil
    }

    private func judge(
        _ sequence: UInt64, _ lifetimeMinutes: UInt16, at i: Int, _ what: String, _ world: borrowing World
    ) -> Finding? {
        let (own, true_) = (world.peers[i].clock.wall(world.now), world.trueTime)
        if sequence > max(own, true_) + future + RecordsInTime.slack {
            return Finding(
                peers: [i], expected: "no record \(what) that is over \(future) ms ahead of \(max(own, true_))",
                found: "sequence \(sequence)")
        }
        let end = sequence + UInt64(lifetimeMinutes) * 60_000
        if end + RecordsInTime.slack < min(own, true_) {
            return Finding(peers: [i], expected: "no record \(what) that is expired", found: "one that ended at \(end)")
        }
        return nil
    }
}

/// M13: penalties only for what the sender answers for.
struct NoHonestBans: Checker {
    static let id = "M13"
    static let statement = "no honest peer is banned or blamed by an honest peer"
    static let watches: [Observation.Kind] = [.blamed, .membership]
    private(set) var judged: UInt64 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .blamed(let i, let j, let why):
            guard j >= 0, !world.peers[i].isByzantine, !world.peers[j].isByzantine else { return nil }
            judged += 1
            return Finding(peers: [i, j], expected: "no blame for an honest peer", found: why)
        case .membership(let i, .linkDown(let index, let reason)):
            guard !world.peers[i].isByzantine, let j = world.peer(i, index), !world.peers[j].isByzantine
            else { return nil }
            judged += 1
            if reason == .banned || reason == .protocolError {
                return Finding(peers: [i, j], expected: "no link of honest peers that a fault ends", found: "\(reason)")
            }
        default: break
        }
        return nil
    }

    mutating func look(at world: borrowing World) -> Finding? {
        for i in world.peers.indices where world.peers[i].isLive {
            judged += 1
            for id in world.peers[i].inPlace({ $0.membership.barredPeers }) ?? [] {
                guard let j = world.byID[id], !world.peers[j].isByzantine else { continue }
                return Finding(peers: [i, j], expected: "no ban of an honest peer", found: "one")
            }
        }
        return nil
    }

    mutating func end(of world: borrowing World) -> Finding? { look(at: world) }
}
