public import API
import Basis
import Credits
import Foundation
import NodeCore
import Records
import Sodium
import Storage
import Trust
import Verdict
import Wire

extension DaemonService {
    public func receipt(job id: String) async throws(Problem) -> ReceiptFile {
        let job = try await jobID(id)
        return try await receipt(of: job)
    }

    public func receipt(_ id: String) async throws(Problem) -> ReceiptFile {
        if let raw = TextID.parse(.rcpt, id) {
            guard let bytes = keptReceipt(raw) else { throw IDs.notFound("receipt", id) }
            return try ReceiptTexts.file(bytes)
        }
        return try await receipt(job: id)
    }

    public func receipts(
        job: String?, since: Timestamp?, _ slice: Slice
    ) async throws(Problem) -> Sliced<ReceiptDocument> {
        var only: JobID?
        if let job { only = try await jobID(job) }
        var from = [LocalRows.receiptPrefix]
        if let after = slice.after, let key = TextID.bytes(base32: after) { from += key + [0] }
        if let only { from = [LocalRows.receiptPrefix] + only.bytes }
        var items: [ReceiptDocument] = []
        let rows = StoreView(store: parts.store)
        while items.count < slice.limit {
            let found = rows.rows(
                .local, prefix: [LocalRows.receiptPrefix], from: from, limit: 100, descending: false)
            for row in found {
                let key = Array(row.key.dropFirst())
                if let only, key != only.bytes { return Sliced(items) }
                from = row.key + [0]
                guard row.value.count == 40, let raw = Bytes32(Array(row.value.prefix(32))) else { continue }
                let at = row.value.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                if let since, IDs.time(at) < since { continue }
                guard let bytes = keptReceipt(raw), let file = try? ReceiptTexts.file(bytes) else { continue }
                items.append(file.document)
                if items.count == slice.limit { return Sliced(items, next: TextID.base32(key)) }
            }
            if found.count < 100 { return Sliced(items) }
        }
        return Sliced(items)
    }

    public func verifyReceipt(_ file: [UInt8]) async throws(Problem) -> ReceiptVerdictDocument {
        guard file.starts(with: Receipt.magic) else {
            throw Problem(
                .receiptInvalid, "the bytes are no receipt: they do not begin with \"peernode-receipt\"",
                fix: "a receipt comes from peernode result JOB --receipt FILE")
        }
        return ReceiptTexts.verdict(file)
    }

    // MARK: below their use

    /// The receipt of a settled job: the file that was kept, or one made and kept now.
    func receipt(of job: JobID) async throws(Problem) -> ReceiptFile {
        let row = (try? parts.store.get(.local, LocalRows.receipt(job))).flatMap { $0 }
        if let row, let raw = Bytes32(Array(row.prefix(32))), let bytes = keptReceipt(raw) {
            return try ReceiptTexts.file(bytes)
        }
        let genesis = try await node.withLedger { (scene) throws(Problem) in scene.ledger.genesis }
        let builder = ReceiptBuilder(
            genesis: genesis, store: StoreView(store: parts.store), hashing: SodiumHashing())
        let receipt: Receipt
        do throws(ReceiptBuilder<StoreView>.Failure) {
            receipt = try builder.job(job)
        } catch {
            throw ReceiptTexts.problem(error, job)
        }
        let file = try ReceiptTexts.file(receipt.encoded)
        keep(file, of: job)
        return file
    }

    private func path(_ id: Bytes32) -> URL {
        parts.layout.receipts.appendingPathComponent(TextID.text(.rcpt, id) + ".receipt")
    }

    private func keptReceipt(_ id: Bytes32) -> [UInt8]? {
        guard let data = try? Data(contentsOf: path(id)), data.count <= Receipt.bytesMax else { return nil }
        let bytes = Array(data)
        return ReceiptTexts.id(bytes) == id ? bytes : nil
    }

    /// Keeps a receipt for good (`keep.receipts`). One that cannot be kept is made again when it is asked for.
    private func keep(_ file: ReceiptFile, of job: JobID) {
        let id = ReceiptTexts.id(file.bytes)
        try? FileManager.default.createDirectory(
            at: parts.layout.receipts, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        guard (try? Data(file.bytes).write(to: path(id), options: .atomic)) != nil else { return }
        let now = NodeActor.wallMillis()
        var batch = StoreBatch(isSynced: false)
        batch.put(
            .local, LocalRows.receipt(job),
            id.bytes + (0..<8).map { UInt8(truncatingIfNeeded: now >> (56 - 8 * $0)) })
        parts.store.write(batch) { _ in }
    }
}

extension LocalRows {
    static let receiptPrefix: UInt8 = 8

    /// The receipt kept of a job: its id, and when it was made (ms since 1970, big-endian).
    static func receipt(_ job: JobID) -> [UInt8] { [receiptPrefix] + job.bytes }
}

/// Receipts as documents.
public enum ReceiptTexts {
    /// A receipt's id is the hash of its file.
    static func id(_ bytes: [UInt8]) -> Bytes32 { SodiumHashing().hash("peernode/receipt/v1", bytes).raw }

    static func verify(_ bytes: [UInt8]) -> ReceiptVerdict {
        ReceiptVerifier(hashing: SodiumHashing(), verifying: SodiumVerifier()).verify(bytes)
    }

    static func file(_ bytes: [UInt8]) throws(Problem) -> ReceiptFile {
        let verdict = verify(bytes)
        guard verdict.isSound, let document = document(bytes, verdict) else {
            let first = verdict.firstFailure
            throw Problem(
                .receiptInvalid,
                "the check \(first?.check.rawValue ?? "encoding") failed: \(first?.detail ?? "not a receipt of a job")")
        }
        return ReceiptFile(bytes: bytes, document: document)
    }

    /// What checking the bytes of a receipt found, with the receipt rendered if it can be read.
    public static func verdict(_ bytes: [UInt8]) -> ReceiptVerdictDocument {
        let verdict = verify(bytes)
        return ReceiptVerdictDocument(
            valid: verdict.isSound,
            checks: verdict.lines.map { .init(name: $0.check.rawValue, ok: $0.isOK, detail: $0.detail) },
            receipt: Known(document(bytes, verdict)))
    }

    static func problem(_ failure: ReceiptBuilder<StoreView>.Failure, _ job: JobID) -> Problem {
        switch failure {
        case .unknown: IDs.notFound("job", IDs.job(job))
        case .notSettled:
            Problem(.noResultYet, "job \(IDs.job(job)) has no receipt: it has not settled with an answer")
        case .notCertified(let height):
            Problem(
                .noResultYet, "job \(IDs.job(job)) settled at height \(height), which is not certified yet",
                retryAfterSeconds: 1)
        case .missing(let what):
            Problem(.gone, "this node no longer holds what the receipt needs: \(what)", fix: "ask another peer")
        }
    }

    static func document(_ bytes: [UInt8], _ verdict: ReceiptVerdict) -> ReceiptDocument? {
        guard let job = verdict.job, let network = verdict.network, let genesis = verdict.genesis else { return nil }
        let settled = job.settled
        let first = job.replicas.first { $0.isWinner }?.result
        let outputs = settled.winners.prefix(1).map { winner in
            ReceiptDocument.Item(
                name: "result", blob: IDs.blob(winner.bodyHash), bytes: Int64(clamping: first?.bodyBytes ?? 0))
        }
        let seatCount = genesis.seats.count
        return ReceiptDocument(
            id: TextID.text(.rcpt, id(bytes)), network: IDs.network(network), job: IDs.job(job.job),
            manifestHash: IDs.blob(job.spec.manifest), outputs: Array(outputs),
            leases: job.replicas.map {
                .init(
                    index: Int($0.lease), round: Int($0.round), account: IDs.account($0.account),
                    owner: IDs.account($0.owner), peer: .value(IDs.peer(IDs.hashing.peerID(of: $0.account))))
            },
            reveals: job.replicas.compactMap { replica in
                replica.result.map {
                    .init(
                        index: Int(replica.lease), resultHash: $0.compareHash.raw.hex,
                        blob: .value(IDs.blob($0.bodyHash)), height: job.height)
                }
            }, verdict: verdictDocument(job, first), payments: payments(job), height: job.height, epoch: 0,
            seats: .init(of: seatCount, signed: genesis.seatList.quorum), eligibleOwners: Int(job.eligibleOwners),
            restrictedSet: settled.flags & 1 != 0, fingerprint: String(id(bytes).hex.prefix(16)))
    }

    static func verdictDocument(
        _ job: ReceiptVerdict.JobSummary, _ first: ReplicaResult?
    ) -> ReceiptDocument.Verdict {
        let settled = job.settled
        return .init(
            code: first.map { "\($0.status)" } ?? "unknown", exitCode: Known(first.map { Int($0.exitCode) }),
            compare: JobTexts.compare(job.spec.comparator), winners: settled.winners.map { Int($0.lease) },
            minority: settled.losers.map { Int($0) }, agreementPermille: Int(settled.agreement),
            credibilityPermille: Int(settled.credibility))
    }

    static func payments(_ job: ReceiptVerdict.JobSummary) -> [ReceiptDocument.Payment] {
        var all = job.replicas.filter { $0.pay != .zero }.map {
            ReceiptDocument.Payment(account: IDs.account($0.account), kind: "earned", amountMicro: Micro($0.pay))
        }
        if job.settled.refund != .zero {
            all.append(
                .init(account: IDs.account(job.submitter), kind: "refund", amountMicro: Micro(job.settled.refund)))
        }
        return all
    }
}
