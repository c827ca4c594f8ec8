public import API
import Basis
import Records
public import Storage
public import Trust
import Wire

/// Idempotency keys in the store: a repetition after a restart gets the first answer (`surfaces.md` 4.3).
///
/// A key in progress is held in memory only; after a crash the service recognises the entry by the key that lies with
/// it. A class because all requests share it.
public final class DurableAnswers: IdempotencyStore {
    static let dayMillis: Int64 = 86_400_000
    /// Answers above it are not kept: they can be had again by reading.
    static let bodyMax = 1 << 20

    let store: Store
    let memory = MemoryIdempotencyStore()

    public init(store: Store) { self.store = store }

    struct Row: WireCodable {
        var body: Digest
        var at: UInt64
        var answer: StoredAnswer

        func encode(to w: inout WireWriter) {
            w.u16(1)
            w.value(body)
            w.u64(at)
            w.u16(UInt16(clamping: answer.status))
            w.text(answer.mediaType ?? "")
            w.list(answer.headers.sorted { $0.key < $1.key }) {
                $0.text($1.key)
                $0.text($1.value)
            }
            w.bytes(answer.body)
        }

        init(body: Digest, at: UInt64, answer: StoredAnswer) {
            self.body = body
            self.at = at
            self.answer = answer
        }

        init(from r: inout WireReader) throws(WireError) {
            if try r.u16() != 1 { throw .outOfRange }
            body = try r.value()
            at = try r.u64()
            let status = Int(try r.u16())
            let media = try r.text(max: 256)
            let headers = try r.list(max: 64, itemBytesMin: 2) { (r) throws(WireError) in
                (try r.text(max: 256), try r.text(max: 4_096))
            }
            answer = StoredAnswer(
                status: status, mediaType: media.isEmpty ? nil : media,
                headers: Dictionary(headers, uniquingKeysWith: { $1 }), body: try r.bytes(max: DurableAnswers.bodyMax))
        }
    }

    static func rowKey(_ key: String, _ account: String) -> [UInt8] {
        [LocalRows.answerPrefix] + Array((account + "\n" + key).utf8)
    }

    public func begin(_ key: String, account: String, body: Digest, now: Timestamp) async -> IdempotencyVerdict {
        let row = (try? store.get(.local, DurableAnswers.rowKey(key, account))).flatMap { $0 }
        if let row, let kept = try? Row(decoding: row),
            now.unixMilliseconds - Int64(clamping: kept.at) < DurableAnswers.dayMillis
        {
            return kept.body == body ? .answered(kept.answer) : .otherBody
        }
        bodies.change { $0[account + "\n" + key] = body }
        return await memory.begin(key, account: account, body: body, now: now)
    }

    public func finish(_ key: String, account: String, answer: StoredAnswer, now: Timestamp) async {
        let name = account + "\n" + key
        if let body = bodies.value[name], answer.body.count <= DurableAnswers.bodyMax {
            let row = Row(body: body, at: UInt64(max(0, now.unixMilliseconds)), answer: answer)
            var batch = StoreBatch(isSynced: false)
            batch.put(.local, DurableAnswers.rowKey(key, account), row.encoded)
            store.write(batch) { _ in }
        }
        bodies.change { $0[name] = nil }
        await memory.finish(key, account: account, answer: answer, now: now)
    }

    public func abandon(_ key: String, account: String) async {
        bodies.change { $0[account + "\n" + key] = nil }
        await memory.abandon(key, account: account)
    }

    /// Removes answers that are older than a day.
    func sweep(now: UInt64) {
        var batch = StoreBatch(isSynced: false)
        let rows = (try? store.scan(.local, prefix: [LocalRows.answerPrefix])) ?? []
        for row in rows {
            guard let kept = try? Row(decoding: row.value) else { continue }
            if kept.at + UInt64(DurableAnswers.dayMillis) < now { batch.delete(.local, row.key) }
        }
        if !batch.isEmpty { store.write(batch) { _ in } }
    }

    let bodies = Shared<[String: Digest]>([:])
}
