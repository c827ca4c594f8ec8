import Loop
import API
import Basis
import Consensus
import Credits
import NodeCore
import Records
import Storage
import Trust

/// What a query of the ledger may look at: the executed state of one moment, and the store beside it.
struct LedgerScene {
    let log: LogNode
    let reader: LedgerReader<StoreView>
    let rows: StoreView
    let keeper: LogKeeper

    var ledger: Ledger { log.ledger }
    var height: UInt64 { log.ledger.height }
    var certifiedHeight: UInt64 { log.replica.certifiedHeight }
    var status: NodeStatus { log.replica.status }

    init(log: LogNode, store: Store) {
        self.log = log
        rows = StoreView(store: store)
        reader = LedgerReader(ledger: log.ledger, store: rows)
        keeper = LogKeeper(store: store)
    }
}

extension NodeActor {
    /// Reads on the loop, in one go: what `body` sees belongs to one height. It must be short, since the node waits.
    ///
    /// - Throws: E511 before the ledger of the network is here, and what `body` throws.
    func withLedger<T: Sendable>(_ body: @Sendable (LedgerScene) throws(Problem) -> T) throws(Problem) -> T {
        guard let log = core.log else { throw ServiceProblems.noLedger }
        return try body(LedgerScene(log: log, store: parts.store))
    }

    /// As `withLedger`, with the height that was read.
    func stated<T: Sendable>(
        _ body: @Sendable (LedgerScene) throws(Problem) -> T
    ) throws(Problem) -> Stated<T> {
        guard let log = core.log else { throw ServiceProblems.noLedger }
        let scene = LedgerScene(log: log, store: parts.store)
        return Stated(try body(scene), height: scene.height)
    }

    /// How often something changed so far.
    var changeCount: UInt64 { changes.count }

    /// As `change(until:)`, but returns at once if something changed since `seen` was read.
    func change(since seen: UInt64, until deadline: Basis.Instant) async {
        if changes.count == seen { await change(until: deadline) }
    }

    /// Waits until `answer` gives something, at most until `deadline`; then gives what it says last.
    ///
    /// - Parameter isReached: whether to stop waiting.
    nonisolated func wait<T: Sendable>(
        until deadline: Basis.Instant, _ answer: @Sendable () async throws(Problem) -> T,
        isReached: @Sendable (T) -> Bool
    ) async throws(Problem) -> T {
        while true {
            // Read before the answer, so that a change right after it is not slept through.
            let seen = await changeCount
            let now = try await answer()
            if isReached(now) || loop.now >= deadline || Task.isCancelled { return now }
            await change(since: seen, until: deadline)
        }
    }
}

/// Problems that several routes share.
enum ServiceProblems {
    static var noLedger: Problem {
        Problem(
            .behind, "this node does not have the ledger of its network yet",
            why: "it is still looking for a peer that gives the network's genesis",
            fix: "peernode status shows what it waits for", retryAfterSeconds: 2)
    }

    static var stopping: Problem {
        Problem(
            .overload, "this node is stopping or has stopped its work", fix: "peernode status shows why",
            retryAfterSeconds: 5)
    }

    static func store(_ error: StoreError) -> Problem {
        Problem(code: error.code ?? "E902", error.description)
    }
}
