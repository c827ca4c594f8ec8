import NIOConcurrencyHelpers
public import Trust

/// What was answered to a request, kept so that a repetition gets the same.
public struct StoredAnswer: Sendable, Equatable {
    public var status: Int
    public var mediaType: String?
    public var headers: [String: String]
    public var body: [UInt8]

    public init(status: Int, mediaType: String?, headers: [String: String], body: [UInt8]) {
        self.status = status
        self.mediaType = mediaType
        self.headers = headers
        self.body = body
    }
}

/// What an idempotency key means for a request that just came.
public enum IdempotencyVerdict: Sendable, Equatable {
    /// Not seen: carry it out, then `finish` or `abandon`.
    case new
    /// Carried out before with the same body.
    case answered(StoredAnswer)
    /// The first request with this key is not finished.
    case inProgress
    /// Seen with another body.
    case otherBody
}

/// Remembers idempotency keys for 24 h, across restarts where the implementation is durable (`surfaces.md` 4.3).
///
/// Keys that were begun and neither finished nor abandoned when the process ended count as not seen: the service then
/// recognises the repetition by the key that it keeps with the entry.
public protocol IdempotencyStore: Sendable {
    /// Decides about a key and, if it is new, marks it as in progress: in one step, so that of two concurrent
    /// requests one wins.
    func begin(_ key: String, account: String, body: Digest, now: Timestamp) async
        -> IdempotencyVerdict
    /// Keeps the answer for 24 h.
    func finish(_ key: String, account: String, answer: StoredAnswer, now: Timestamp) async
    /// Forgets a key whose request changed nothing.
    func abandon(_ key: String, account: String) async
}

/// A store that forgets at the end of the process; at most 10,000 keys, the oldest go first.
///
/// A class because all requests share it; a lock guards its state.
public final class MemoryIdempotencyStore: IdempotencyStore {
    private struct Record {
        var body: Digest
        var answer: StoredAnswer?
        var begun: Timestamp
    }

    private let recordsMax: Int
    private let records = NIOLockedValueBox<[String: Record]>([:])

    public init(recordsMax: Int = 10_000) { self.recordsMax = recordsMax }

    public func begin(
        _ key: String, account: String, body: Digest, now: Timestamp
    ) async -> IdempotencyVerdict {
        records.withLockedValue { records in
            let name = account + "\n" + key
            let oldest = now.unixMilliseconds - 24 * 3_600_000
            if let record = records[name], record.begun.unixMilliseconds >= oldest {
                if record.body != body { return .otherBody }
                return record.answer.map { .answered($0) } ?? .inProgress
            }
            if records.count >= recordsMax {
                records = records.filter { $0.value.begun.unixMilliseconds >= oldest }
                if records.count >= recordsMax,
                    let first = records.min(by: { $0.value.begun < $1.value.begun })
                {
                    records[first.key] = nil
                }
            }
            records[name] = Record(body: body, begun: now)
            return .new
        }
    }

    public func finish(_ key: String, account: String, answer: StoredAnswer, now: Timestamp) async {
        records.withLockedValue { $0[account + "\n" + key]?.answer = answer }
    }

    public func abandon(_ key: String, account: String) async {
        records.withLockedValue { $0[account + "\n" + key] = nil }
    }
}
