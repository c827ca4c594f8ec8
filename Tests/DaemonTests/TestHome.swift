import Loop
import API
import Basis
import Consensus
import Credits
import Daemon
import Foundation
import Gossip
import Logging
import Records
import Sodium
import Storage
import Trust

/// A home in a temporary folder, and nodes on it.
final class TestHome {
    let folder: URL
    let layout: HomeLayout

    init() throws {
        try sodiumReady()
        var random = SystemRandomNumberGenerator()
        folder = URL(fileURLWithPath: "/tmp/peernode-test-\(String(random.next(), radix: 36))")
        layout = HomeLayout(folder: folder)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Makes the home the only seat of a new network.
    ///
    /// - Parameter others: accounts that get 1 credit each; its own gets 1,000.
    @discardableResult
    func found(others: [PublicKey] = [], isOpen: Bool = false, fee: UInt64 = 0) throws -> Genesis {
        let home = try Home.create(layout)
        let store = try Store(path: layout.store.path)
        defer { store.close() }
        let secret = try SeatSecret.pending(in: store)
        let account = home.identity.publicKey
        var genesis = Genesis(
            name: "lab", createdAt: NodeActor.wallMillis() - 1_000, seats: [secret.seat(of: account)],
            inviteKey: account,
            allocations: [.init(account: account, amount: CreditAmount(micro: 1_000_000_000))]
                + others.map { .init(account: $0, amount: CreditAmount(micro: 1_000_000)) })
        genesis.isOpen = isOpen
        genesis.entryFee = CreditAmount(micro: fee)
        if let problem = genesis.problem(wall: NodeActor.wallMillis()) { throw TestFailure(problem) }
        try home.adopt(GenesisFile(genesis: genesis))
        return genesis
    }

    var account: PublicKey { get throws { try Home.open(layout).identity.publicKey } }

    func options(targets: [JoinTarget] = [], invite: InviteToken? = nil) -> NodeOptions {
        // PEERNODE_TEST_LOG=1 shows what the nodes of a test write down.
        let isShown = ProcessInfo.processInfo.environment["PEERNODE_TEST_LOG"] != nil
        let logger = Logger(label: "test") { _ in
            isShown ? LineLogHandler(level: .debug, form: .text) as any LogHandler : SwiftLogNoOpLogHandler()
        }
        return NodeOptions(
            layout: layout, configuration: Configuration(), targets: targets, invite: invite,
            listen: "127.0.0.1:0", apiListen: "127.0.0.1:0", version: "0.1.0", logger: logger)
    }

    func start(targets: [JoinTarget] = [], invite: InviteToken? = nil) async throws -> RunningNode {
        try await RunningNode.start(options(targets: targets, invite: invite))
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension TestHome {
    /// A token of this home's account, for `uses` newcomers.
    func invite(uses: UInt16 = 5) throws -> InviteToken {
        let home = try Home.open(layout)
        guard let network = home.genesis?.network else { throw TestFailure("no network") }
        return InviteToken(
            serial: Array(repeating: 7, count: 16), validUntil: NodeActor.wallMillis() + 3_600_000, uses: uses,
            network: network, signer: home.identity)
    }
}

extension RunningNode {
    var client: APIClient { APIClient(endpoint: .unix(path: socketPath)) }

    func get<D: Document>(_ type: D.Type, _ path: String, _ query: [(String, String)] = []) async throws -> D {
        try await client.document(type, ClientRequest("GET", path, query: query.map { (name: $0.0, value: $0.1) }))
    }

    func pay(_ account: PublicKey, _ micro: UInt64, key: String) async throws -> TransactionDocument {
        let body = TransferRequest(
            to: [.init(account: TextID.account(account, hashing: SodiumHashing()), amountMicro: Micro(micro))])
        return try await client.create(
            TransactionDocument.self,
            ClientRequest("POST", "/v1/transfers", body: .bytes(JSONText.encode(body), mediaType: "application/json")),
            key: key)
    }

    /// The transaction once it is final, or whatever it ended as.
    func settled(_ id: String) async throws -> TransactionDocument {
        try await get(TransactionDocument.self, "/v1/transactions/\(id)", [("wait", "10s"), ("until", "end")])
    }

    /// Waits until ready, or says what is missing.
    func expectReady() async throws {
        let document = await ready(until: loop.now + .seconds(20))
        if !document.ready {
            throw TestFailure("not ready: \(document.checks.filter { !$0.ok })")
        }
    }
}
