import Sodium
import Loop
import Compute
public import API
import Basis
import Consensus
import Credits
import Glibc
import Gossip
import NodeCore
import Records
import Session
import Trust

extension DaemonService {
    public func node() async throws(Problem) -> NodeDocument {
        let readiness = await node.readinessDocument()
        return await node.document(of: self, isReady: readiness.ready)
    }

    public func readiness() async throws(Problem) -> ReadinessDocument { await node.readinessDocument() }

    public func network() async throws(Problem) -> NetworkDocument {
        let alarms = await node.alarmDocuments()
        return await node.networkDocument(alarms: alarms)
    }

    public func leave(now: Bool) async throws(Problem) -> NodeDocument {
        if !parts.isLeaving() { parts.leave(now) }
        return try await node()
    }
}

extension NodeActor {
    /// Whether links are needed at all: a single seat orders alone.
    var isAlone: Bool { core.log.map { $0.isSeat && $0.seats.count == 1 } ?? false }

    func readinessDocument() -> ReadinessDocument {
        var checks: [ReadinessDocument.Check] = []
        func check(_ name: String, _ isOK: Bool, _ detail: @autoclosure () -> String) {
            checks.append(.init(name: name, ok: isOK, detail: isOK ? nil : detail()))
        }
        check("work", failure == nil, failure ?? "")
        let links = core.linked.count
        let tried = seedsTried.map { "; \($0)" } ?? ""
        check("links", links > 0 || isAlone, "no peer is linked yet; \(core.members.count) are known\(tried)")
        guard let log = core.log else {
            check("network", false, "the network's genesis is not here yet")
            return ReadinessDocument(ready: false, checks: checks)
        }
        check("network", true, "")
        let status = log.replica.status
        check("ledger", status.isUsable, status.words)
        let isAdmitted = log.ledger.account(log.account)?.isAdmitted == true
        check(
            "admission", isAdmitted,
            log.ledger.genesis.isOpen || core.invite != nil
                ? "this account is being admitted" : "this network admits by invite, and this node has none")
        return ReadinessDocument(ready: checks.allSatisfy(\.ok), checks: checks)
    }

    func document(of service: DaemonService, isReady: Bool) -> NodeDocument {
        let configuration = service.parts.configuration
        let outbound = core.linked.values.filter { $0 }.count
        var network = NodeDocument.Network(id: core.network.map { IDs.network($0) } ?? "", name: "")
        var ledger = NodeDocument.Ledger(height: 0, certifiedHeight: 0, epoch: 0, seats: 0, halted: false)
        var credit: NodeDocument.Credit?
        if let log = core.log {
            let scene = LedgerScene(log: log, store: parts.store)
            network.name = log.ledger.genesis.name
            ledger = NodeDocument.Ledger(
                height: scene.height, certifiedHeight: scene.certifiedHeight, epoch: log.ledger.clock.epoch,
                seats: log.seats.count, behindMs: LedgerTexts.behind(scene), halted: scene.status.isStalled)
            let own = log.ledger.account(log.account)
            credit = NodeDocument.Credit(
                availableMicro: Micro(own?.available ?? .zero), heldMicro: Micro(own?.held ?? .zero),
                earnedMicro: Digits(service.earned.value))
        }
        let (state, reason) = nodeState(isLeaving: service.parts.isLeaving(), isReady: isReady)
        let busy = work.values.filter { $0.isBusy }.count
        var lent =
            service.lent.value
            ?? .init(
                enabled: false, consented: configuration.lending.consent != nil, slots: .init(total: 0, busy: 0))
        lent.slots.busy = busy
        if core.log?.ledger.genesis.isOpen == true {
            lent.runtimes.removeAll { !configuration.lending.strangers.contains($0) }
        }
        let uptime = (loop.now - startedAt).milliseconds
        return NodeDocument(
            peer: IDs.peer(core.ownPeer), account: IDs.account(parts.identity.publicKey),
            owner: IDs.account(parts.identity.publicKey), name: Known(configuration.node.name), network: network,
            version: service.parts.version, state: state, reason: Known(reason),
            links: .init(total: core.linked.count, inbound: core.linked.count - outbound, outbound: outbound),
            lending: lent,
            sandbox: service.sandbox.value, ledger: ledger, credit: credit, uptimeMs: uptime,
            dashboard: .null, peerAddresses: listening.map(\.description))
    }

    func nodeState(isLeaving: Bool, isReady: Bool) -> (NodeState, String?) {
        if let failure { return (.halted, failure) }
        if isLeaving { return (.draining, "the node leaves") }
        guard let log = core.log else { return (.starting, "the network's genesis is not here yet") }
        if case .syncing = log.replica.status.kind { return (.catchingUp, log.replica.status.words) }
        if case .clockOff = log.replica.status.kind { return (.halted, log.replica.status.words) }
        if log.replica.status.isStalled { return (.halted, log.replica.status.words) }
        if !isReady {
            let missing = readinessDocument().checks.filter { !$0.ok }.map { $0.detail ?? $0.name }
            return (.starting, missing.isEmpty ? nil : missing.joined(separator: "; "))
        }
        return (work.values.contains { $0.isBusy } ? .working : .idle, clockProblem)
    }

    func networkDocument(alarms: [AlarmDocument]) -> NetworkDocument {
        var counts = NetworkDocument.Counts(linked: 0, known: 0, stale: 0, left: 0)
        for view in core.members.values where view.id != core.ownPeer {
            switch PeerTexts.state(view, isLinked: core.linked[view.id] != nil) {
            case .linked: counts.linked += 1
            case .stale: counts.stale += 1
            case .left: counts.left += 1
            default: counts.known += 1
            }
        }
        let rates = trafficRates
        let head = core.log.map {
            NetworkDocument.View(height: $0.ledger.height, hash: $0.ledger.blockHash.raw.hex, peers: 1)
        }
        return NetworkDocument(
            peers: counts, traffic: .init(inBytesPerS: rates.inward, outBytesPerS: rates.outward),
            views: head.map { [$0] } ?? [],
            alarms: alarms)
    }
}

extension NodeStatus {
    /// Whether the ledger can be read as up to date and written.
    var isUsable: Bool {
        if case .live = kind { return true }
        return false
    }

    /// Where ordering stands, for people.
    var words: String {
        switch kind {
        case .syncing(let behind): "the ledger is \(behind) blocks behind"
        case .live: "the ledger is up to date"
        case .stalled(.noFinality): "the seats answer, but no block becomes final"
        case .stalled(.uncertified): "too many blocks are not certified"
        case .noQuorum: "\(facts.heard.count) of \(facts.seats) seats answer, \(facts.quorum) are needed"
        case .clockOff(let ahead):
            "this machine's clock is \(Quantity.text(milliseconds: UInt64(ahead))) behind the network's; set it"
        case .quarantined: "this seat lost its voting key and only watches"
        case .stopped: "the ledger stopped: this node's state differs from what the seats certified"
        }
    }
}

extension WorkView {
    /// Whether it takes a slot.
    var isBusy: Bool {
        switch state {
        case .ended: false
        default: true
        }
    }
}
