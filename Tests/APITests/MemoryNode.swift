import NIOConcurrencyHelpers
import TestKit
import Trust

@testable import API

/// A node in memory: it keeps the jobs, blobs, accounts and entries that it is given and answers from them. Its jobs
/// run nothing: a test moves them on.
final class MemoryNode: NodeService {
    struct Job {
        var document: JobDocument
        var manifest: [UInt8]
        var output: [UInt8]
        var replicas: [ReplicaDocument]
        var logs: [LogLineDocument]
    }

    struct State {
        var jobs: [String: Job] = [:]
        var order: [String] = []
        var keys: [String: String] = [:]
        var blobs: [String: [UInt8]] = [:]
        var balances: [String: UInt64] = ["acct_self": 10_000_000]
        var history: [String: [HistoryEntryDocument]] = [:]
        var entries: [String: TransactionDocument] = [:]
        var seeds: [String] = []
        var height: UInt64 = 7
        var isLeaving = false
        var submitDelay = Duration.zero
    }

    let state = NIOLockedValueBox(State())
    let events: EventHub
    let hashing = MixHashing()

    init() {
        events = EventHub(firstID: 1) { Timestamp(unixMilliseconds: 1_795_169_702_123) }
    }

    private func id(_ kind: TextID.Kind, _ bytes: [UInt8]) -> String {
        TextID.text(kind, hashing.digest(bytes).raw)
    }

    private var height: UInt64 { state.withLockedValue { $0.height } }

    private func sliced<Item>(_ items: [(key: String, item: Item)], _ slice: Slice) -> Sliced<Item>
    {
        var start = 0
        if let after = slice.after, let index = items.firstIndex(where: { $0.key == after }) {
            start = index + 1
        }
        let end = min(items.count, start + slice.limit)
        return Sliced(
            items[start..<end].map(\.item), next: end < items.count ? items[end - 1].key : nil)
    }

    // MARK: Node

    func node() async throws(Problem) -> NodeDocument {
        let (height, isLeaving) = state.withLockedValue { ($0.height, $0.isLeaving) }
        return NodeDocument(
            peer: "peer_self", account: "acct_self", network: .init(id: "net_test", name: "test"),
            version: "0.1.0",
            state: isLeaving ? .draining : .idle, links: .init(total: 1, inbound: 0, outbound: 1),
            lending: .init(enabled: false, consented: false, slots: .init(total: 0, busy: 0)),
            sandbox: .init(tier: .none, meter: "none"),
            ledger: .init(
                height: height, certifiedHeight: height, epoch: 0, seats: 1, halted: false),
            uptimeMs: 5)
    }

    func readiness() async throws(Problem) -> ReadinessDocument {
        let isLeaving = state.withLockedValue { $0.isLeaving }
        return ReadinessDocument(ready: !isLeaving, checks: [.init(name: "store", ok: true)])
    }

    func metrics() async throws(Problem) -> [MetricFamily] {
        [
            MetricFamily(
                name: "peernode_ledger_height", kind: .gauge, help: "Executed height.",
                samples: [.init(Double(height))])
        ]
    }

    func network() async throws(Problem) -> NetworkDocument {
        NetworkDocument(
            peers: .init(linked: 1, known: 0, stale: 0, left: 0),
            traffic: .init(inBytesPerS: 0, outBytesPerS: 0))
    }

    func graph() async throws(Problem) -> GraphDocument { GraphDocument(truncated: false) }

    private var allPeers: [PeerDocument] {
        [
            PeerDocument(id: "peer_self", name: Known("a"), labels: ["room": "1"], state: .own),
            PeerDocument(id: "peer_other", name: .null, state: .linked),
        ]
    }

    func peers(_ filter: PeerFilter, _ slice: Slice) async throws(Problem) -> Sliced<PeerDocument> {
        let fitting = allPeers.filter { peer in
            (filter.state.map { $0 == peer.state } ?? true)
                && filter.labels.allSatisfy { peer.labels[$0.key] == $0.value }
        }
        return sliced(fitting.map { ($0.id, $0) }, slice)
    }

    func peer(_ id: String) async throws(Problem) -> PeerDocument {
        guard let peer = allPeers.first(where: { $0.id == (id == "self" ? "peer_self" : id) })
        else {
            throw Problem(.notFound, "no peer \(VisibleText.escape(id, limit: 70))")
        }
        return peer
    }

    func addPeer(seed: String) async throws(Problem) {
        state.withLockedValue { $0.seeds.append(seed) }
    }

    func leave(now: Bool) async throws(Problem) -> NodeDocument {
        state.withLockedValue { $0.isLeaving = true }
        return try await node()
    }

    func offers(
        runtime: String?, account: String?, _ slice: Slice
    ) async throws(Problem) -> Stated<Sliced<OfferDocument>> { Stated(Sliced([]), height: height) }

    func seats(epoch: UInt64?) async throws(Problem) -> Stated<SeatListDocument> {
        if let epoch, epoch > 0 { throw Problem(.notFound, "no epoch \(epoch)") }
        let seat = SeatListDocument.Seat(
            index: 0, account: "acct_self", peer: Known("peer_self"), state: .live)
        return Stated(
            SeatListDocument(
                epoch: 0, mode: .admitted, quorum: 1, tolerates: 0, seats: [seat], halted: false),
            height: height)
    }

    // MARK: Jobs

    func submitJob(_ submission: Submission) async throws(Problem) -> JobDocument {
        try? await Task.sleep(for: state.withLockedValue { $0.submitDelay })
        let text = String(decoding: submission.manifest, as: UTF8.self)
        if text.contains("replica:") {
            throw Problem.manifest([
                .init(
                    pointer: "/verify/replica", line: 2, column: 3, code: "E101",
                    message: "unknown field \"replica\"", fix: "did you mean \"replicas\"?"),
                .init(
                    pointer: "/run", line: 1, column: 1, code: "E107",
                    message: "required field \"run\" is missing"),
            ])!
        }
        if text.contains("1TiB") && !submission.allowsWait {
            throw Problem(.unsatisfiable, "no standing offer fits: 0 offers")
        }
        let key = submission.idempotencyKey
        let job = state.withLockedValue { state -> JobDocument in
            if let key, let known = state.keys[key], let job = state.jobs[known] {
                return job.document
            }
            let id = id(.job, submission.manifest + Array("\(state.order.count)".utf8))
            let document = JobDocument(
                id: id, name: Known(submission.form == .yaml ? "yaml" : "json"), owner: "acct_self",
                state: .waiting,
                certified: false, code: .null, cost: .init(heldMicro: 5), times: .init(),
                receipt: .null,
                assurance: .replayed)
            state.jobs[id] = Job(
                document: document, manifest: submission.manifest, output: [], replicas: [],
                logs: [])
            state.order.append(id)
            if let key { state.keys[key] = id }
            return document
        }
        events.publish(.jobState, subject: job.id, data: ["state": "waiting"])
        return job
    }

    /// Ends a job with this output, as the network would.
    func complete(_ id: String, output: [UInt8], logs: [LogLineDocument] = []) {
        state.withLockedValue { state in
            state.height += 1
            state.jobs[id]?.document.state = .completed
            state.jobs[id]?.document.certified = true
            state.jobs[id]?.document.code = .value("ok")
            state.jobs[id]?.output = output
            state.jobs[id]?.logs = logs
            state.jobs[id]?.replicas = [
                ReplicaDocument(index: 0, round: 1, owner: "acct_self", state: .won)
            ]
        }
        events.publish(.jobState, subject: id, data: ["state": "completed"])
    }

    func validateJob(
        _ manifest: [UInt8], _ form: ManifestForm
    ) async throws(Problem) -> ValidationDocument {
        ValidationDocument(valid: true, spec: .value(["bytes": .integer(Int64(manifest.count))]))
    }

    func jobs(_ filter: JobFilter, _ slice: Slice) async throws(Problem) -> Stated<
        Sliced<JobDocument>
    > {
        let all = state.withLockedValue { state in
            state.order.reversed().compactMap { state.jobs[$0]?.document }
        }
        let fitting = all.filter { filter.states.isEmpty || filter.states.contains($0.state) }
        return Stated(sliced(fitting.map { ($0.id, $0) }, slice), height: height)
    }

    func jobStats(by: JobStatsKey) async throws(Problem) -> JobStatsDocument {
        let count = state.withLockedValue { $0.order.count }
        return JobStatsDocument(by: "\(by)", counts: [.init(key: "waiting", count: count)])
    }

    private func known(_ id: String) throws(Problem) -> Job {
        let job = state.withLockedValue { state in
            state.jobs[id]
                ?? state.order.first { $0.hasPrefix(id) && id.count >= 10 }.flatMap {
                    state.jobs[$0]
                }
        }
        guard let job else {
            throw Problem(.notFound, "no job \(VisibleText.escape(id, limit: 70))")
        }
        return job
    }

    private func ended(_ id: String) throws(Problem) -> Job {
        let job = try known(id)
        guard job.document.certified else {
            throw Problem(.noResultYet, "\(id) is \(job.document.state.rawValue)")
        }
        return job
    }

    func job(_ id: String, wait: Wait?) async throws(Problem) -> Stated<JobDocument> {
        let end = ContinuousClock.now + .milliseconds(wait?.milliseconds ?? 0)
        while true {
            let document = try known(id).document
            let isThere =
                wait?.until == "end" ? document.certified : wait?.until == document.state.rawValue
            if wait == nil || isThere || ContinuousClock.now >= end {
                return Stated(document, height: height)
            }
            try? await Task.sleep(for: .milliseconds(2))
        }
    }

    func cancelJob(_ id: String) async throws(Problem) -> JobDocument {
        if try known(id).document.certified { throw Problem(.tooLate, "\(id) has ended") }
        return state.withLockedValue { state in
            state.jobs[id]?.document.state = .cancelled
            return state.jobs[id]!.document
        }
    }

    func manifest(_ id: String) async throws(Problem) -> JSONValue {
        .string(String(decoding: try known(id).manifest, as: UTF8.self))
    }

    func replicas(_ id: String) async throws(Problem) -> Stated<[ReplicaDocument]> {
        Stated(try known(id).replicas, height: height)
    }

    func result(_ id: String) async throws(Problem) -> Stated<ResultDocument> {
        let job = try ended(id)
        let content = ResultDocument.Content(
            blob: self.id(.blob, job.output), bytes: Int64(job.output.count))
        return Stated(
            ResultDocument(
                job: id, state: .completed, certified: true, verification: .value(.verified),
                code: "ok",
                exitCode: .value(0), signal: .null, stdout: .value(content),
                cost: job.document.cost, cached: false),
            height: height)
    }

    func output(_ id: String, _ output: OutputName) async throws(Problem) -> any ByteSource {
        let job = try ended(id)
        if case .named(let name) = output, name != "stdout" {
            throw Problem(.notFound, "no output \(name)")
        }
        return MemorySource(id: self.id(.blob, job.output), bytes: job.output)
    }

    func logs(_ id: String, _ filter: LogFilter) async throws(Problem) -> [LogLineDocument] {
        let lines = try known(id).logs.filter { line in
            (filter.replica.map { $0 == line.replica } ?? true)
                && (filter.stream.map { $0 == line.stream } ?? true)
        }
        return filter.tail.map { Array(lines.suffix($0)) } ?? lines
    }

    func followLogs(
        _ id: String, _ filter: LogFilter
    ) async throws(Problem) -> AsyncThrowingStream<LogLineDocument, any Error> {
        let lines = try await logs(id, filter)
        return AsyncThrowingStream { continuation in
            for line in lines { continuation.yield(line) }
            continuation.finish()
        }
    }

    private func file(_ job: Job) -> ReceiptFile {
        let document = ReceiptDocument(
            id: "rcpt_" + job.document.id.dropFirst(4), network: "net_test", job: job.document.id,
            manifestHash: id(.blob, job.manifest), verdict: .init(code: "ok", compare: "exact"),
            height: height,
            epoch: 0, seats: .init(of: 1, signed: 1), eligibleOwners: 1, restrictedSet: false,
            fingerprint: "f")
        return ReceiptFile(bytes: Array("receipt of \(job.document.id)".utf8), document: document)
    }

    func receipt(job id: String) async throws(Problem) -> ReceiptFile { file(try ended(id)) }

    func decision(_ id: String) async throws(Problem) -> Stated<DecisionDocument> {
        Stated(DecisionDocument(job: try known(id).document.id), height: height)
    }

    func evidence(_ id: String) async throws(Problem) -> [UInt8] { try ended(id).manifest }

    // MARK: Blobs

    func putBlob(
        expected: String?, _ body: UploadBody
    ) async throws(Problem) -> (blob: BlobDocument, isNew: Bool) {
        var bytes: [UInt8] = []
        do {
            for try await piece in body { bytes += piece }
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(.badParameter, "the body broke off")
        }
        let id = id(.blob, bytes)
        if let expected, expected != id {
            throw Problem(.hashMismatch, "wanted \(expected), found \(id)")
        }
        let stored = bytes
        let isNew = state.withLockedValue { $0.blobs.updateValue(stored, forKey: id) == nil }
        return (
            BlobDocument(id: id, bytes: Int64(bytes.count), pinned: true, expiresAt: .null), isNew
        )
    }

    func blob(_ id: String) async throws(Problem) -> any ByteSource {
        guard let bytes = state.withLockedValue({ $0.blobs[id] }) else {
            throw Problem(.notFound, "no blob \(id)")
        }
        return MemorySource(id: id, bytes: bytes)
    }

    // MARK: Ledger

    func ledger() async throws(Problem) -> LedgerDocument {
        let (height, sum) = state.withLockedValue { ($0.height, $0.balances.values.reduce(0, +)) }
        return LedgerDocument(
            network: "net_test", height: height, certifiedHeight: height, hash: "h",
            stateDigest: "s", epoch: 0,
            halted: false,
            supply: .init(
                genesisMicro: 10_000_000, mintedMicro: 0, grantsMicro: 0, burnedMicro: 0,
                availableMicro: Micro(sum),
                grantedMicro: 0, escrowMicro: 0, bondedMicro: 0, unbondingMicro: 0,
                treasuryMicro: 0,
                conserved: sum == 10_000_000))
    }

    private func made(_ height: UInt64) -> BlockDocument {
        BlockDocument(
            height: height, hash: "h\(height)", parent: "h\(height &- 1)", epoch: 0, view: height,
            proposer: 0,
            at: Timestamp(unixMilliseconds: 0), txRoot: "r", stateDigest: .null)
    }

    func blocks(from: UInt64?, _ slice: Slice) async throws(Problem) -> Stated<
        Sliced<BlockDocument>
    > {
        let blocks = ((from ?? 1)...max(height, from ?? 1)).map { ("\($0)", made($0)) }
        return Stated(sliced(blocks, slice), height: height)
    }

    func block(_ height: UInt64) async throws(Problem) -> Stated<BlockDocument> {
        guard (1...self.height).contains(height) else {
            throw Problem(.notFound, "no block \(height)")
        }
        return Stated(made(height), height: self.height)
    }

    func alarms() async throws(Problem) -> [AlarmDocument] { [] }

    func account(_ id: String) async throws(Problem) -> Stated<AccountDocument> {
        let name = id == "self" ? "acct_self" : id
        guard name.hasPrefix("acct_") else { throw Problem(.badAccount, "\(name) is no account") }
        let (balance, height) = state.withLockedValue { ($0.balances[name], $0.height) }
        return Stated(
            AccountDocument(
                id: name, exists: balance != nil, availableMicro: Micro(balance ?? 0),
                grantedMicro: 0, heldMicro: 0,
                bondedMicro: 0, unbondingMicro: 0, nonce: 0, nonceNode: 0, openJobs: 0,
                height: height,
                assurance: .replayed),
            height: height)
    }

    func holds(_ id: String, _ slice: Slice) async throws(Problem) -> Stated<Sliced<HoldDocument>> {
        let holds = state.withLockedValue { state in
            state.order.map { ($0, HoldDocument(job: $0, amountMicro: 5, sinceHeight: 1)) }
        }
        return Stated(sliced(holds, slice), height: height)
    }

    func history(
        _ id: String, _ filter: HistoryFilter, _ slice: Slice
    ) async throws(Problem) -> Stated<Sliced<HistoryEntryDocument>> {
        let name = id == "self" ? "acct_self" : id
        let all = state.withLockedValue { $0.history[name] ?? [] }
        let fitting = all.filter { filter.kinds.isEmpty || filter.kinds.contains($0.kind) }
        return Stated(
            sliced(fitting.enumerated().map { ("\($0.offset)", $0.element) }, slice), height: height
        )
    }

    func transfer(
        _ request: TransferRequest, idempotencyKey: String?
    ) async throws(Problem) -> TransactionDocument {
        let sum = request.to.reduce(into: UInt64(0)) { $0 += $1.amountMicro.value }
        let result: Result<TransactionDocument, Problem> = state.withLockedValue { state in
            let available = state.balances["acct_self"] ?? 0
            guard sum <= available else {
                return .failure(
                    Problem(
                        .insufficientCredit, "the account holds \(available), this needs \(sum)"))
            }
            state.height += 1
            state.balances["acct_self"] = available - sum
            for payment in request.to {
                state.balances[payment.account, default: 0] += payment.amountMicro.value
            }
            let entry = TransactionDocument(
                id: id(.tx, Array("transfer \(state.entries.count)".utf8)), kind: "transfer",
                account: "acct_self",
                state: .final, reason: .null, height: .value(state.height), feeMicro: 0)
            state.entries[entry.id] = entry
            state.history["acct_self", default: []].insert(
                HistoryEntryDocument(
                    height: state.height, at: Timestamp(unixMilliseconds: 0), kind: .transferOut,
                    amountMicro: SignedMicro(-Int64(sum)),
                    availableAfterMicro: Micro(available - sum)),
                at: 0)
            return .success(entry)
        }
        return try result.get()
    }

    func nextTransaction(account: String?) async throws(Problem) -> Stated<NextTransactionDocument>
    {
        Stated(
            NextTransactionDocument(
                account: account ?? "acct_self", nonce: 3,
                validUntilAt: Timestamp(unixMilliseconds: 0), feeMicro: 0,
                network: "net_test", rules: 1), height: height)
    }

    func submitTransaction(_ bytes: [UInt8]) async throws(Problem) -> TransactionDocument {
        if bytes.isEmpty { throw Problem(.entryRefused, "the entry is empty") }
        let entry = TransactionDocument(
            id: id(.tx, bytes), kind: "transfer", account: "acct_self", state: .pending,
            reason: .null)
        state.withLockedValue { $0.entries[entry.id] = entry }
        return entry
    }

    func transaction(_ id: String, wait: Wait?) async throws(Problem) -> Stated<TransactionDocument>
    {
        let (entry, height) = state.withLockedValue { ($0.entries[id], $0.height) }
        guard let entry else { throw Problem(.notFound, "no entry \(id)") }
        return Stated(entry, height: height)
    }

    // MARK: Receipts

    func receipts(job: String?, since: Timestamp?, _ slice: Slice) async throws(Problem) -> Sliced<
        ReceiptDocument
    > {
        let jobs = state.withLockedValue { state in state.order.compactMap { state.jobs[$0] } }
        let files = jobs.filter(\.document.certified).map { file($0).document }
        return sliced(files.filter { job == nil || $0.job == job }.map { ($0.id, $0) }, slice)
    }

    func receipt(_ id: String) async throws(Problem) -> ReceiptFile {
        try await receipt(job: "job_" + id.dropFirst(5))
    }

    func verifyReceipt(_ file: [UInt8]) async throws(Problem) -> ReceiptVerdictDocument {
        let isOne = String(decoding: file, as: UTF8.self).hasPrefix("receipt of ")
        return ReceiptVerdictDocument(
            valid: isOne, checks: [.init(name: "encoding", ok: isOne)], receipt: .null)
    }

    func reach(height: UInt64) async throws(Problem) {
        if height > self.height {
            throw Problem(.behind, "height here \(self.height), asked for \(height)")
        }
    }
}
