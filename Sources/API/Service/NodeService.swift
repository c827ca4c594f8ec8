/// What the routes need from the node: the seam between HTTP and everything else.
///
/// The problem: HTTP runs on its own thread, the node on its loop. The idea: each request crosses once, by one call
/// of this protocol, and comes back as a document. The API checks who asks, how much, and how it is written; the node
/// decides everything else. The Daemon implements it; the tests have a small one that keeps what it is given.
///
/// Every function throws ``Problem`` and then has changed nothing, unless the problem's detail says so. Ids arrive as
/// people type them: full, with or without kind, as hexadecimal digits, a unique prefix, `self`, `last` is the command
/// line's own. The implementation resolves them (E301, E302, E505).
public protocol NodeService: Sendable {
    // MARK: The node and its network

    /// This node.
    func node() async throws(Problem) -> NodeDocument
    /// What still stands between the node and being ready.
    func readiness() async throws(Problem) -> ReadinessDocument
    /// Current values of all metrics of `surfaces.md` 10.1 but those of the API itself.
    func metrics() async throws(Problem) -> [MetricFamily]
    func network() async throws(Problem) -> NetworkDocument
    /// Peers and links known here, at most 5,000 of each.
    func graph() async throws(Problem) -> GraphDocument
    func peers(_ filter: PeerFilter, _ slice: Slice) async throws(Problem) -> Sliced<PeerDocument>
    /// - Parameter id: a peer, or `self`.
    func peer(_ id: String) async throws(Problem) -> PeerDocument
    /// Dials a peer. Returns when the seed was understood (E611, E708 else), not when it answered.
    func addPeer(seed: String) async throws(Problem)
    /// Withdraws offers, finishes or hands back what runs, publishes the leave, stops: begins, and returns.
    func leave(now: Bool) async throws(Problem) -> NodeDocument
    /// Standing offers, of one account if `account` is given.
    func offers(
        runtime: String?, account: String?, _ slice: Slice
    ) async throws(Problem) -> Stated<Sliced<OfferDocument>>
    /// - Parameter epoch: nil for the one that runs.
    func seats(epoch: UInt64?) async throws(Problem) -> Stated<SeatListDocument>

    // MARK: Jobs

    /// Admits a manifest: validates, pins, signs and hands it to the seats. The key makes a repetition return the
    /// same job.
    func submitJob(_ submission: Submission) async throws(Problem) -> JobDocument
    /// What a manifest would become; its mistakes are in the document, not thrown.
    func validateJob(_ manifest: [UInt8], _ form: ManifestForm) async throws(Problem)
        -> ValidationDocument
    func jobs(_ filter: JobFilter, _ slice: Slice) async throws(Problem) -> Stated<
        Sliced<JobDocument>
    >
    func jobStats(by: JobStatsKey) async throws(Problem) -> JobStatsDocument
    /// - Parameter wait: answer when the state is reached or the time is over, whichever comes first.
    func job(_ id: String, wait: Wait?) async throws(Problem) -> Stated<JobDocument>
    func cancelJob(_ id: String) async throws(Problem) -> JobDocument
    /// The canonical manifest, as JSON.
    func manifest(_ id: String) async throws(Problem) -> JSONValue
    func replicas(_ id: String) async throws(Problem) -> Stated<[ReplicaDocument]>
    /// E311 while the job runs, E342 when no longer kept.
    func result(_ id: String) async throws(Problem) -> Stated<ResultDocument>
    /// The bytes of an output; E612 before reveal for all but the owner.
    func output(_ id: String, _ output: OutputName) async throws(Problem) -> any ByteSource
    /// Log lines that are there now, oldest first.
    func logs(_ id: String, _ filter: LogFilter) async throws(Problem) -> [LogLineDocument]
    /// Log lines as they come; ends with the job.
    func followLogs(
        _ id: String, _ filter: LogFilter
    ) async throws(Problem) -> AsyncThrowingStream<LogLineDocument, any Error>
    /// The file of the receipt and its rendering. E311 before there is one.
    func receipt(job id: String) async throws(Problem) -> ReceiptFile
    func decision(_ id: String) async throws(Problem) -> Stated<DecisionDocument>
    /// The bundle of the `audit` query of `ledger.md` 16.
    func evidence(_ id: String) async throws(Problem) -> [UInt8]

    // MARK: Blobs

    /// Stores what `body` yields. `isNew` is false if it was there already.
    ///
    /// E340 if `expected` is another content, E341 if there is no room: nothing is kept then, nor if the body ends
    /// early (it throws).
    func putBlob(expected: String?, _ body: UploadBody) async throws(Problem) -> (
        blob: BlobDocument, isNew: Bool
    )
    /// A blob of this store, or fetched from its holders.
    func blob(_ id: String) async throws(Problem) -> any ByteSource

    // MARK: Ledger and credit

    func ledger() async throws(Problem) -> LedgerDocument
    /// Blocks from `from` upwards; nil: the newest ones.
    func blocks(from: UInt64?, _ slice: Slice) async throws(Problem) -> Stated<
        Sliced<BlockDocument>
    >
    func block(_ height: UInt64) async throws(Problem) -> Stated<BlockDocument>
    func alarms() async throws(Problem) -> [AlarmDocument]
    /// - Parameter id: an account, or `self`. One that was never used is an answer, not a problem.
    func account(_ id: String) async throws(Problem) -> Stated<AccountDocument>
    func holds(_ id: String, _ slice: Slice) async throws(Problem) -> Stated<Sliced<HoldDocument>>
    /// Changes of an account, newest first.
    func history(
        _ id: String, _ filter: HistoryFilter, _ slice: Slice
    ) async throws(Problem) -> Stated<Sliced<HistoryEntryDocument>>
    /// Pays from this node's owner account, in one entry. The key makes a repetition return the same entry.
    func transfer(_ request: TransferRequest, idempotencyKey: String?) async throws(Problem)
        -> TransactionDocument
    /// - Parameter account: nil for this node's owner.
    func nextTransaction(account: String?) async throws(Problem) -> Stated<NextTransactionDocument>
    /// Takes an owner-signed entry in canonical bytes.
    func submitTransaction(_ bytes: [UInt8]) async throws(Problem) -> TransactionDocument
    func transaction(_ id: String, wait: Wait?) async throws(Problem) -> Stated<TransactionDocument>

    // MARK: Receipts

    func receipts(
        job: String?, since: Timestamp?, _ slice: Slice
    ) async throws(Problem) -> Sliced<ReceiptDocument>
    func receipt(_ id: String) async throws(Problem) -> ReceiptFile
    /// Checks a receipt's file. One that is wrong is an answer with `valid: false`; E801 is for bytes that are none.
    func verifyReceipt(_ file: [UInt8]) async throws(Problem) -> ReceiptVerdictDocument

    // MARK: Events and time

    /// Where events come from.
    var events: EventHub { get }
    /// Waits until this peer has executed `height`, at most 10 s; then E511.
    func reach(height: UInt64) async throws(Problem)
}
