import Runner
import Logging
import Consensus
public import API
import Basis
import Compute
import Credits
import Foundation
import Gossip
import Loop
import NodeCore
import Records
import Sodium
import Storage
import Transport
import Trust
import Wire

extension RunningNode {
    /// Default ports move on this often before that is an error.
    static let portTries: UInt16 = 20

    /// Brings a node up. It answers on its socket when this returns; whether it is ready says `ready(until:)`.
    ///
    /// - Throws: E341, E702 to E707. Nothing runs then, and nothing was changed but folders and keys of a new home.
    public static func start(_ options: NodeOptions) async throws(Problem) -> RunningNode {
        let log = NodeLog(options.logger)
        let target = try JoinTarget.merged(options.targets)
        let opened = try OpenedHome.open(options)
        let running: RunningNode
        do throws(Problem) {
            running = try await start(options, opened, log)
        } catch {
            opened.close()
            throw error
        }
        running.watch()
        if let target { await running.node.join(target) }
        log(
            .info, "node.start", "started", subject: "",
            [
                "peer": IDs.peer(SodiumHashing().peerID(of: opened.home.identity.publicKey)),
                "version": options.version,
            ])
        return running
    }

    private static func start(
        _ options: NodeOptions, _ opened: OpenedHome, _ log: NodeLog
    ) async throws(Problem) -> RunningNode {
        let loop: UVLoop
        do throws(UVError) {
            loop = try UVLoop()
        } catch {
            throw Problem(.bug, "the event loop cannot be made: \(error)")
        }
        let hub = EventHub(firstID: EventFeed.firstID(opened.store)) { IDs.time(NodeActor.wallMillis()) }
        let earned = Shared(UInt64(0))
        let underWay = Shared(opened.entriesUnderWay())
        let feed = EventFeed(
            hub: hub, log: log, store: opened.store, own: opened.home.identity.publicKey, earned: earned,
            underWay: underWay)
        let reports = Reports(feed: feed)
        let node = NodeActor(
            loop: loop,
            parts: .init(
                identity: opened.home.identity, store: opened.store, blobs: opened.blobs,
                genesis: opened.home.genesis?.genesis, invite: options.invite, advertise: options.advertise)
        ) { report in
            reports.take(report)
        }
        reports.attach(node)
        func giveUp() async {
            await node.stop()
            await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
                Thread.detachNewThread {
                    loop.stop()
                    loop.join()
                    done.resume()
                }
            }
        }
        let ended = Shared<Ending?>(nil)
        do throws(Problem) {
            let lending = await probe(options, opened, node, log)
            let stored = try opened.loadLog(now: loop.now)
            let listening = try await listen(node, options, stored, opened, lending, log)
            let leaving = Shared(false)
            let service = DaemonService(
                node: node,
                parts: .init(
                    layout: options.layout, store: opened.store, blobs: opened.blobs,
                    configuration: options.configuration, version: options.version, earned: earned,
                    underWay: underWay, isLeaving: { leaving.value },
                    leave: { now in
                        leaving.change { $0 = true }
                        Task {
                            let grace = Int64(clamping: options.configuration.shutdownGraceMillis)
                            _ = await node.drain(until: loop.now + .milliseconds(now ? 0 : grace))
                            await node.leave(.now)
                            await node.settle(.milliseconds(500))
                            ended.change { $0 = $0 ?? .left }
                        }
                    }), events: hub)
            if let lending { service.sandbox.change { $0 = lending.document } }
            if let lending { service.lent.change { $0 = lending.lentDocument } }
            await publishHardware(options, opened, node, lending)
            if stored != nil { await node.lend(lending) }
            let answers = DurableAnswers(store: opened.store)
            let token = AccessToken.makeSecret()
            let server = try await serve(options, service, answers, token, log)
            do throws(Home.Failure) {
                try Home.write(token + "\n", to: options.layout.tokenFile, mode: 0o600)
            } catch {
                await server.stop()
                throw StartProblems.home(error)
            }
            let running = RunningNode(
                opened, options: options, log: log, loop: loop, node: node, service: service, listening: listening,
                server: server, answers: answers, socketPath: options.layout.socket.path, lending: lending,
                ended: ended)
            reports.attach(running)
            return running
        } catch {
            await giveUp()
            throw error
        }
    }

    // MARK: lending

    /// Tells peers what this machine has, and what of it is lent.
    private static func publishHardware(
        _ options: NodeOptions, _ opened: OpenedHome, _ node: NodeActor, _ lending: Lending?
    ) async {
        let hardware = Hardware.read(data: options.layout.data.path)
        let capability = lending?.capability
        let document = hardware.document(
            of: opened.home.identity.publicKey, lent: capability == nil ? nil : lending?.settings,
            runtimes: capability?.runtimes ?? [])
        if let document { await node.publish(document) }
    }

    /// Tries sandbox and runtimes where the owner lends and agreed to; nil where nothing is lent.
    private static func probe(
        _ options: NodeOptions, _ opened: OpenedHome, _ node: NodeActor, _ log: NodeLog
    ) async -> Lending? {
        let wish = options.configuration.lending
        guard wish.isEnabled, wish.consent != nil else { return nil }
        let lending = await Lending.probe(
            options.layout, options.configuration, isOpenNetwork: opened.home.genesis?.genesis.isOpen ?? false,
            loop: node.loop)
        guard let runner = lending.runner else {
            log(.warning, "sandbox.tier", "nothing is lent: \(lending.reason ?? "no sandbox")")
            return lending
        }
        do {
            try await node.openWorkshop(runner)
            let runtimes = lending.capability?.runtimes.map(\.runtime).joined(separator: " ") ?? ""
            log(.notice, "sandbox.tier", "the sandbox is full", ["runtimes": runtimes])
        } catch {
            log(.warning, "sandbox.tier", "nothing is lent: \(error)")
        }
        return lending
    }

    // MARK: addresses

    /// Binds the peer port; a default port that is taken moves to the next one.
    private static func listen(
        _ node: NodeActor, _ options: NodeOptions, _ log: LogNode?, _ opened: OpenedHome, _ lending: Lending?,
        _ lines: NodeLog
    ) async throws(Problem) -> [SocketAddress] {
        let text = options.listen ?? options.configuration.network.listen
        guard var address = SocketAddress(text) else {
            throw Problem(
                .bind, "\(VisibleText.escape(text, limit: 80)) is not an address to listen on",
                fix: "give HOST:PORT, such as [::]:7717 or 192.0.2.7:7717")
        }
        let movesOn = options.listen == nil && options.configuration.network.isListenDefault
        let first = address.port
        while true {
            do {
                let bound = try await node.start(
                    listen: [address], log: log, desks: opened.desks(options, lending, log))
                if address.port != first {
                    lines(.notice, "port.moved", "port \(first) is in use", ["address": "\(address)"])
                }
                return bound
            } catch let error as ListenError {
                if case .inUse = error, movesOn, address.port - first < portTries {
                    address = address.with(port: address.port + 1)
                } else if case .notLocal = error, movesOn, address.family == .v6 {
                    // A machine without IPv6.
                    address = SocketAddress(v4: 0, port: first)
                } else {
                    throw StartProblems.listen(error)
                }
            } catch let error as StoreError {
                throw StartProblems.store(error, options.layout)
            } catch {
                throw Problem(.bug, "the node cannot start: \(error)")
            }
        }
    }

    /// Serves the API on its socket and, unless told otherwise, on loopback TCP.
    private static func serve(
        _ options: NodeOptions, _ service: DaemonService, _ answers: DurableAnswers, _ token: String,
        _ lines: NodeLog
    ) async throws(Problem) -> APIServer {
        let settings = options.configuration.service
        let text = options.apiListen ?? settings.listen
        var configuration = APIServer.Configuration(socketPath: options.layout.socket.path, version: options.version)
        configuration.hosts = settings.hosts
        configuration.origins = settings.origins
        configuration.metricsAreOpen = settings.areMetricsOpen
        configuration.limits.readsPerSecond = Int(clamping: settings.ratePerSecond)
        configuration.limits.readsBurst = Int(clamping: settings.ratePerSecond * 2)
        configuration.tokens = [AccessToken(name: "api.token", scope: .admin, secret: token)]
        let address = try loopback(text)
        let movesOn = options.apiListen == nil && settings.isListenDefault
        var port = address?.port ?? 0
        while true {
            configuration.http = address.map { ($0.hostText, Int(port)) }
            do throws(Problem) {
                let server = try await APIServer.start(
                    configuration, node: service, idempotency: answers, hashing: SodiumHashing(),
                    logger: options.logger)
                if let address, port != address.port {
                    lines(
                        .notice, "port.moved", "API port \(address.port) is in use", ["address": "127.0.0.1:\(port)"])
                }
                return server
            } catch {
                guard let address, error.code == ProblemCode.bind.rawValue, error.detail.hasSuffix("in use") else {
                    throw error
                }
                if !movesOn || port - address.port >= portTries {
                    throw StartProblems.inUse("\(address.hostText):\(port)", port: port)
                }
                port += 1
            }
        }
    }

    /// The address of the API's TCP side; nil for `none`. Beyond loopback there is no encryption yet, so that is E702.
    private static func loopback(_ text: String) throws(Problem) -> SocketAddress? {
        if text == "none" { return nil }
        let named = text.hasPrefix("localhost:") ? "127.0.0.1:" + text.dropFirst(10) : text
        guard let address = SocketAddress(named) else {
            throw Problem(
                .bind, "\(VisibleText.escape(text, limit: 80)) is not an address for the API",
                fix: "give HOST:PORT, such as 127.0.0.1:7718, or none")
        }
        guard address.scope == .host else {
            throw Problem(
                .bind, "the API would listen on \(address), which other machines reach",
                why: "tokens would travel unencrypted; api.tls is not available in this version",
                fix: "listen on 127.0.0.1 and reach it over ssh -L")
        }
        return address
    }
}

extension OpenedHome {
    /// The log as the store holds it; nil without a genesis. Blocking.
    func loadLog(now: Basis.Instant) throws(Problem) -> LogNode? {
        guard let file = home.genesis else { return nil }
        return try loadLog(file.genesis, now: now)
    }

    func loadLog(_ genesis: Genesis, now: Basis.Instant) throws(Problem) -> LogNode {
        let secret: SeatSecret?
        do throws(StoreError) {
            secret = try SeatSecret.seated(home.identity.publicKey, in: genesis, store)
        } catch {
            throw StartProblems.store(error, home.layout)
        }
        do throws(LogKeeper.Failure) {
            return try LogKeeper(store: store).load(
                identity: .init(
                    genesis: genesis, signer: home.identity, voting: secret?.votingKey,
                    beacon: secret?.beacons), now: now)
        } catch {
            throw StartProblems.log(error, home.layout)
        }
    }

    /// Own entries that an earlier run left, not executed.
    func entriesUnderWay() -> [TransactionID: [UInt8]] {
        var entries: [TransactionID: [UInt8]] = [:]
        for row in (try? store.scan(.local, prefix: LogImage.outboxPrefix)) ?? [] {
            guard let item = try? Outbox.Item(decoding: row.value), item.executed == nil else { continue }
            entries[item.id] = item.entry
        }
        return entries
    }

    /// What the desks of jobs remember. A row that cannot be read belongs to a job that is lost; the ledger ends it.
    func desks(_ options: NodeOptions, _ lending: Lending?, _ log: LogNode?) -> DeskStart {
        func rows<T: WireDecodable>(_ prefix: UInt8, _ type: T.Type) -> [T] {
            let found = (try? store.scan(.local, prefix: [prefix])) ?? []
            return found.compactMap { try? T(decoding: $0.value) }
        }
        return DeskStart(
            settings: lending?.settings
                ?? OwnerSettings(isLending: false, cpuThousandths: 0, memoryBytes: 0, diskBytes: 0, slots: 0),
            capability: log?.isAdmitted == true ? lending?.capability : nil,
            desk: rows(JobRows.deskPrefix, DeskRecord.self),
            book: rows(JobRows.bookPrefix, BookRecord.self), costMaxDefault: options.configuration.submitting.maxCost,
            seed: LogKeeper.seed())
    }
}

/// Carries reports from the loop to the feed, and a fetched genesis to the running node.
///
/// A class since the node needs it before the node exists; the loop alone uses it after `attach`.
final class Reports: @unchecked Sendable {
    let feed: EventFeed
    weak var node: NodeActor?
    let running = Shared<RunningNode?>(nil)
    /// A genesis that came before the node was whole.
    let early = Shared<[UInt8]?>(nil)

    init(feed: EventFeed) { self.feed = feed }

    func attach(_ node: NodeActor) { self.node = node }

    func attach(_ running: RunningNode) {
        self.running.change { $0 = running }
        if let bytes = early.value { Task { await running.adopt(bytes) } }
    }

    /// On the loop.
    func take(_ report: NodeActor.Report) {
        guard let node else { return }
        node.assumeIsolated { self.feed.take(report, $0) }
        switch report {
        case .genesis(let bytes):
            guard let running = running.value else { return early.change { $0 = bytes } }
            Task { await running.adopt(bytes) }
        case .executed(let block):
            guard let running = running.value, block.execution.admits(feed.own) else { return }
            Task { await running.node.lend(running.lending) }
        case .failed(let text): running.value?.failed(text)
        case .membership(.joinRefused(let why)): running.value?.refused(why)
        default: break
        }
    }
}

extension Lending {
    /// What keeps tasks in, as a document.
    var document: NodeDocument.Sandbox {
        NodeDocument.Sandbox(
            tier: capability?.isolation.map { OfferTexts.tier($0.rawValue) } ?? .none,
            meter: report.map { $0.meter.text } ?? "unknown",
            walls: report?.results.map {
                .init(id: $0.wall.id, ok: $0.verdict != .fail, detail: $0.verdict == .fail ? $0.line : nil)
            } ?? [])
    }
}

extension NodeActor {
    /// Offers what the machine was found to have; nothing without a sandbox, or before this account is admitted: the
    /// ledger would refuse the offer, and the desk makes it once.
    func lend(_ lending: Lending?) {
        guard let lending, let capability = lending.capability, let log = core.log, log.isAdmitted else { return }
        var settings = lending.settings
        settings.isOpenNetwork = log.ledger.genesis.isOpen
        offer(capability, settings: settings)
    }
}

extension LogNode {
    /// Whether the own account may open jobs and put offers.
    var isAdmitted: Bool { ledger.account(account)?.isAdmitted == true }
}

extension BlockExecution {
    func admits(_ own: PublicKey) -> Bool {
        events.contains { event in
            if case .admitted(let account, _, _, _) = event { account == own } else { false }
        }
    }
}
