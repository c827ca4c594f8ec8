import Wire
import Sodium
import Loop
import Credits
public import API
import Basis
import Gossip
import NodeCore
import Records
import Trust

extension DaemonService {
    public func peers(_ filter: PeerFilter, _ slice: Slice) async throws(Problem) -> Sliced<PeerDocument> {
        await node.peerDocuments(filter, slice, self)
    }

    public func peer(_ id: String) async throws(Problem) -> PeerDocument {
        var document = try await node.peerDocument(id, self)
        if let capabilities = await node.capabilities(of: document.id) { document.capabilities = capabilities }
        return document
    }

    public func graph() async throws(Problem) -> GraphDocument { await node.graphDocument() }

    public func addPeer(seed: String) async throws(Problem) {
        let seed = try SeedText(seed)
        try await node.addPeer(seed)
    }
}

extension NodeActor {
    /// Most peers and links in one picture.
    static let graphMax = 5_000

    func addPeer(_ seed: SeedText) throws(Problem) {
        if let prefix = seed.target.networkPrefix, let network = core.network,
            !TextID.base32(network.raw.bytes).hasPrefix(prefix)
        {
            throw Problem(
                .wrongNetwork, "the seed belongs to net_\(prefix)…, this node to \(IDs.network(network))")
        }
        join(seed.target)
    }

    func peerDocuments(_ filter: PeerFilter, _ slice: Slice, _ service: DaemonService) -> Sliced<PeerDocument> {
        var items: [PeerDocument] = []
        let from = slice.after.flatMap { TextID.parse(.peer, $0) }
        if from == nil, filter.state == nil || filter.state == .own { items.append(ownDocument(service)) }
        for view in core.members.values where view.id != core.ownPeer {
            if let from, view.id.raw <= from { continue }
            let document = document(of: view)
            if let state = filter.state, document.state != state { continue }
            if let runtime = filter.runtime, document.capabilities?.runtimes.contains(runtime) != true { continue }
            if items.count == slice.limit { return Sliced(items, next: items.last?.id) }
            items.append(document)
        }
        items.removeAll { item in filter.labels.contains { item.labels[$0.key] != $0.value } }
        return Sliced(items)
    }

    func peerDocument(_ text: String, _ service: DaemonService) throws(Problem) -> PeerDocument {
        if text == "self" { return ownDocument(service) }
        let ids = Array(core.members.keys.map(\.raw)) + [core.ownPeer.raw]
        let raw = try IDs.resolve(.peer, text, what: "peer") { low in ids.filter { $0 >= low }.min() }
        if raw == core.ownPeer.raw { return ownDocument(service) }
        guard let view = core.members[PeerID(raw)] else { throw IDs.notFound("peer", text) }
        return document(of: view)
    }

    /// What a peer's own document claims; nil if it cannot be had now. At most some seconds.
    func capabilities(of text: String) async -> API.Capabilities? {
        guard timer != nil, let raw = TextID.parse(.peer, text) else { return nil }
        let bytes: [UInt8]?
        if PeerID(raw) == core.ownPeer {
            bytes = core.ownDocument
        } else {
            lastTicket += 1
            let ticket = Ticket(lastTicket)
            bytes = await withCheckedContinuation { continuation in
                documents[ticket] = continuation
                give(.document(PeerID(raw), ticket))
            }
        }
        guard let bytes, let document = try? CapabilityDocument(decoding: bytes) else { return nil }
        return API.Capabilities(
            cores: Int(document.coresLogical), memoryBytes: Int64(clamping: document.memoryMiB << 20),
            diskBytes: Int64(clamping: document.diskMiB << 20), gpus: document.gpus.map(\.model),
            runtimes: document.runtimes.map { "\($0.name) \($0.version)" }, models: document.models.map(\.name),
            tags: document.tags)
    }

    func ownDocument(_ service: DaemonService) -> PeerDocument {
        let configuration = service.parts.configuration
        let owner = core.log?.ledger.account(parts.identity.publicKey)?.owner ?? parts.identity.publicKey
        return PeerDocument(
            id: IDs.peer(core.ownPeer), owner: .value(IDs.account(owner)), name: Known(configuration.node.name),
            labels: configuration.node.labels, state: .own, endpoints: listening.map(\.description),
            tier: service.sandbox.value.tier, seat: Known(seat(of: core.ownPeer)), protocol: 1)
    }

    func document(of view: MemberView) -> PeerDocument {
        let owner = core.log?.ledger.account(view.key)?.owner ?? view.key
        let offers = offerTexts(of: view.key)
        let heard = view.lastEvidence.map { at in
            Int64(clamping: NodeActor.wallMillis()) - (loop.now - at).milliseconds
        }
        return PeerDocument(
            id: IDs.peer(view.id), owner: .value(IDs.account(owner)), name: .null,
            state: PeerTexts.state(view, isLinked: core.linked[view.id] != nil),
            endpoints: view.endpoints.map { "\($0.address)" }, reach: "\(view.reach)",
            rttMs: view.roundTrip.map { Int($0.milliseconds) },
            lastHeardAt: heard.map { Timestamp(unixMilliseconds: $0) }, capabilities: offers?.capabilities,
            tier: offers?.tier,
            slots: offers.map { .init(total: $0.slots.total, busy: $0.slots.total - $0.slots.free) },
            seat: Known(seat(of: view.id)), protocol: 1)
    }

    /// The first standing offer of an account: what the ledger says that its machine has.
    func offerTexts(of account: PublicKey) -> OfferDocument? {
        guard let log = core.log else { return nil }
        let scene = LedgerScene(log: log, store: parts.store)
        let page = log.ledger.offerPage(after: .init(account: account, slotClass: 0), limit: 1)
        if let first = log.ledger.offer(.init(account: account, slotClass: 0)), first.isLive {
            let view = OfferTexts.view(first, account, log)
            return LedgerTexts.offer(view, scene, RuntimeNames.shared)
        }
        guard let next = page.items.first, next.key.account == account else { return nil }
        return LedgerTexts.offer(next, scene, RuntimeNames.shared)
    }

    func seat(of peer: PeerID) -> Int? {
        core.log?.seats.seats.firstIndex { IDs.hashing.peerID(of: $0.account) == peer }
    }

    func graphDocument() -> GraphDocument {
        let own = IDs.peer(core.ownPeer)
        var peers = [GraphDocument.Peer(id: own, name: .null, state: .own, seat: Known(seat(of: core.ownPeer)))]
        var links: [GraphDocument.Link] = []
        for view in core.members.values where view.id != core.ownPeer {
            if peers.count == NodeActor.graphMax { return .init(peers: peers, links: links, truncated: true) }
            let isLinked = core.linked[view.id] != nil
            peers.append(
                .init(
                    id: IDs.peer(view.id), name: .null, state: PeerTexts.state(view, isLinked: isLinked),
                    seat: Known(seat(of: view.id))))
            if isLinked {
                links.append(
                    .init(from: own, to: IDs.peer(view.id), rttMs: view.roundTrip.map { Int($0.milliseconds) }))
            }
        }
        return GraphDocument(peers: peers, links: links, truncated: false)
    }
}

/// Members as documents.
enum PeerTexts {
    static func state(_ view: MemberView, isLinked: Bool) -> PeerState {
        if isLinked || view.link != nil { return .linked }
        switch view.state {
        case .left: return .left
        case .unreachable, .banned: return .stale
        case .heard, .verified: return .known
        }
    }
}
