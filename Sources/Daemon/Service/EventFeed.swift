import Logging
import Credits
import API
import Basis
import Compute
import Consensus
import Gossip
import NodeCore
import Records
import Storage
import Trust

/// Turns what the node reports into events of the API, and into lines of the log.
///
/// The problem: the loop reports far more than readers want, in its own words. The idea: one switch from reports to
/// events, called on the loop, that never waits; heights are thinned out to four a second (`surfaces.md` 4.6).
///
/// A class since it remembers what it told last; only the loop calls it.
final class EventFeed: @unchecked Sendable {
    let hub: EventHub
    let log: NodeLog
    let store: Store
    let own: PublicKey
    let earned: Shared<UInt64>
    var lastHeight: UInt64 = 0
    var lastHeightAt: UInt64 = 0
    var lastState: NodeStatus.Kind?
    /// Own entries under way: what an expired one was.
    let underWay: Shared<[TransactionID: [UInt8]]>
    static let heightMillis: UInt64 = 250

    init(
        hub: EventHub, log: NodeLog, store: Store, own: PublicKey, earned: Shared<UInt64>,
        underWay: Shared<[TransactionID: [UInt8]]>
    ) {
        self.hub = hub
        self.log = log
        self.store = store
        self.own = own
        self.earned = earned
        self.underWay = underWay
    }

    /// The first id of this run: above every id of earlier ones, of which 2³² are set aside for each.
    static func firstID(_ store: Store) -> Int64 {
        let row = (try? store.get(.local, LocalRows.eventsKey)).flatMap { $0 } ?? []
        let last = row.count == 8 ? row.reduce(Int64(0)) { $0 << 8 | Int64($1) } : 0
        let reserved = last + 1 << 32
        var batch = StoreBatch(isSynced: true)
        batch.put(.local, LocalRows.eventsKey, (0..<8).map { UInt8(truncatingIfNeeded: reserved >> (56 - 8 * $0)) })
        try? store.writeAndWait(batch)
        return last + 1
    }

    func take(_ report: NodeActor.Report, _ node: isolated NodeActor) {
        switch report {
        case .executed(let block): executed(block, node)
        case .certified(let height):
            hub.publish(.ledgerHeight, subject: "ledger", height: height, data: ["certified": true])
        case .status(let status): changed(status)
        case .alarm(let text):
            hub.publish(.ledgerAlarm, subject: "ledger", data: ["text": .string(text)])
            log(.error, text.contains("disk") ? "store.write_failed" : "ledger.conflict", text, subject: text)
        case .fault(let peer, let text):
            let id = IDs.peer(peer)
            log(.warning, "peer.banned", "a peer broke a rule and is barred for a while", subject: id,
                ["peer": id, "reason": "\(text)"])
        case .progressed(let id, let progress): progressed(id, progress, node)
        case .membership(let event): member(event, node)
        case .genesis: break
        case .job(let event): job(event)
        case .work(let event): work(event)
        case .failed(let text):
            hub.publish(
                .nodeState, subject: IDs.peer(node.core.ownPeer), data: ["state": "halted", "reason": .string(text)])
            log(.critical, "node.invariant", text)
        }
    }

    // MARK: the ledger

    private func executed(_ block: LogNode.ExecutedBlock, _ node: isolated NodeActor) {
        let execution = block.execution
        let now = NodeActor.wallMillis()
        if now - min(now, lastHeightAt) >= EventFeed.heightMillis {
            lastHeightAt = now
            hub.publish(
                .ledgerHeight, subject: "ledger", height: execution.height,
                data: ["height": .integer(Int64(clamping: execution.height))])
        }
        lastHeight = execution.height
        var accounts: [PublicKey] = []
        for event in execution.events {
            switch event {
            case .transferred(let from, let to, _): accounts += [from, to]
            case .admitted(let account, _, _, _):
                accounts.append(account)
                if account == own { log(.info, "account.admitted", "this account was admitted") }
            case .jobOpened(_, let submitter, _, _): accounts.append(submitter)
            case .settled(let settled): accounts += earn(settled, node)
            default: break
            }
        }
        var told: Set<PublicKey> = []
        for account in accounts where told.insert(account).inserted {
            hub.publish(.accountChanged, subject: IDs.account(account), height: execution.height)
        }
    }

    /// The accounts that a settlement pays; what is ours is added up.
    private func earn(_ settled: LedgerEvent.Settled, _ node: isolated NodeActor) -> [PublicKey] {
        guard let ledger = node.core.log?.ledger else { return [] }
        var accounts = ledger.job(settled.job).map { [$0.submitter] } ?? []
        for winner in settled.winners {
            guard let lease = ledger.lease(.init(job: settled.job, index: winner.lease)) else { continue }
            accounts.append(lease.account)
            if lease.account == own { earned.change { $0 += winner.pay.micro } }
        }
        return accounts
    }

    private func changed(_ status: NodeStatus) {
        defer { lastState = status.kind }
        switch status.kind {
        case .live where lastState != .live:
            log(.info, "ledger.caught_up", status.words, ["height": "\(status.facts.executedHeight)"])
        case .noQuorum: log(.warning, "ledger.no_quorum", status.words)
        case .stalled: log(.warning, "ledger.slow", status.words)
        case .clockOff: log(.warning, "clock.offset", status.words)
        default: break
        }
        hub.publish(
            .seatsChanged, subject: "seats", height: status.facts.executedHeight,
            data: ["text": .string(status.words)])
    }

    private func progressed(_ id: TransactionID, _ progress: LogNode.EntryProgress, _ node: isolated NodeActor) {
        log(.debug, "entry", "\(progress)", subject: "\(id) \(progress)", ["tx": IDs.transaction(id)])
        var data: [String: JSONValue] = [:]
        var height: UInt64?
        switch progress {
        case .ordered(let at, let code):
            height = at
            data = [
                "state": code == .applied ? "ordered" : "rejected",
                "reason": code == .applied ? .null : .string("\(code)"),
            ]
            underWay.change { $0[id] = nil }
        case .certified(let at, let code):
            height = at
            // A rejected entry was told once already.
            if code != .applied { return }
            data = ["state": "final"]
        case .expired:
            data = ["state": "expired"]
            if let bytes = underWay.value[id] {
                underWay.change { $0[id] = nil }
                var batch = StoreBatch(isSynced: false)
                batch.put(.local, LocalRows.expired(id), bytes)
                store.write(batch) { _ in }
            }
        }
        hub.publish(.transactionState, subject: IDs.transaction(id), height: height, data: .object(data))
    }

    // MARK: peers

    private func member(_ event: MembershipEvent, _ node: isolated NodeActor) {
        func name(_ index: PeerIndex) -> String {
            node.core.membership.directory.id(of: index).map { IDs.peer($0) } ?? "peer"
        }
        switch event {
        case .linkUp(let index, let outbound):
            hub.publish(.peerUp, subject: name(index), data: ["outbound": .bool(outbound)])
            log(.info, "link.up", "linked", subject: name(index), ["peer": name(index)])
        case .linkDown(let index, let reason):
            hub.publish(.peerDown, subject: name(index), data: ["reason": .string("\(reason)")])
            log(
                .info, "link.down", "a link ended", subject: name(index),
                ["peer": name(index), "reason": "\(reason)"])
        case .member(let view): hub.publish(.peerChanged, subject: IDs.peer(view.id))
        case .memberLeft(let index):
            hub.publish(.peerChanged, subject: name(index), data: ["state": "left"])
            log(.notice, "peer.left", "a peer left", subject: name(index), ["peer": name(index)])
        case .memberLost(let index): hub.publish(.peerChanged, subject: name(index), data: ["state": "stale"])
        case .isolated: log(.warning, "net.unreachable", "no peer answers")
        case .seedsUnreachable(let outcomes, _):
            if outcomes.isEmpty { break }
            log(.warning, "net.unreachable", "no seed answered: \(outcomes.map(\.words).joined(separator: ", "))")
        case .clockSkew(let milliseconds):
            log(.warning, "clock.offset", "the network's clock differs", ["ms": "\(milliseconds)"])
        // The process says why, and ends.
        case .joinRefused: log(.error, "net.unreachable", "joining ended")
        default: break
        }
    }

    // MARK: jobs

    private func job(_ event: JobEvent) {
        switch event {
        case .state(let job, let state, let code):
            hub.publish(
                .jobState, subject: IDs.job(job), height: lastHeight,
                data: ["state": .string(state.word), "code": code.map { .string($0.word) } ?? .null])
            if state.isEnded { log(.info, "job.ended", "a job ended", subject: IDs.job(job), ["job": IDs.job(job)]) }
        case .drawn(let job, let round, let leases):
            hub.publish(
                .jobReplica, subject: IDs.job(job), height: lastHeight,
                data: [
                    "state": "leased", "round": .integer(Int64(round)),
                    "indexes": .array(leases.map { .integer(Int64($0.index)) }),
                ])
        case .waitingForOwners(let job, let eligible):
            hub.publish(
                .jobReplica, subject: IDs.job(job), height: lastHeight,
                data: ["state": "waiting", "eligible": .integer(Int64(eligible))])
        case .replica(let lease, let state):
            hub.publish(
                .jobReplica, subject: IDs.job(lease.job), height: lastHeight,
                data: ["state": .string("\(state)"), "index": .integer(Int64(lease.index))])
        case .resultReady(let job, let blob):
            hub.publish(
                .jobReceipt, subject: IDs.job(job), height: lastHeight, data: ["result": .string(IDs.blob(blob))])
        case .resultMissing(let job, let blob):
            log(
                .error, "job.lost_blob", "no winner gives the result", subject: IDs.job(job),
                ["job": IDs.job(job), "blob": IDs.blob(blob)])
        }
    }

    private func work(_ event: WorkerEvent) {
        switch event {
        case .state(let lease, let state):
            let fields: KeyValuePairs = ["job": IDs.job(lease.job), "lease": "\(lease.index)"]
            log(.debug, "lease", state.rawValue, subject: "\(lease) \(state.rawValue)", fields)
            switch state {
            case .leased: log(.info, "job.accepted", "a lease was drawn", subject: "\(lease)", fields)
            case .running: log(.info, "task.start", "a task started", subject: "\(lease)", fields)
            case .won: log(.info, "lease.won", "an answer was certified", subject: "\(lease)", fields)
            case .handedBack:
                log(.notice, "lease.handed_back", "a lease was handed back", subject: "\(lease)", fields)
            default: break
            }
        case .progress(let lease, let perMille, _):
            hub.publish(
                .jobProgress, subject: IDs.job(lease.job),
                data: ["index": .integer(Int64(lease.index)), "permille": .integer(Int64(perMille))])
        case .handedBack(let lease, let reason):
            log(.debug, "lease", "handed back: \(reason.text)", subject: "\(lease) back", ["job": IDs.job(lease.job)])
        case .ended(let lease, let end):
            log(.info, "task.end", end.text, subject: "\(lease)", ["job": IDs.job(lease.job)])
        default: break
        }
    }
}
