/// A fact of the ledger and the height at which it was read; sent as `Peernode-Height`.
public struct Stated<Value: Sendable>: Sendable {
    public var value: Value
    public var height: UInt64

    public init(_ value: Value, height: UInt64) {
        self.value = value
        self.height = height
    }
}

/// Which part of a list is asked for.
public struct Slice: Sendable, Equatable {
    /// 1 … 500.
    public var limit: Int
    /// The key of the last item that the reader has, as the service made it; nil at the beginning.
    public var after: String?

    public init(limit: Int = 100, after: String? = nil) {
        self.limit = limit
        self.after = after
    }
}

/// A part of a list in a stable order.
public struct Sliced<Item: Sendable>: Sendable {
    public var items: [Item]
    /// The key after which the list goes on: opaque to the API, at most 256 bytes, never renumbered by inserts. Nil at
    /// the end.
    public var next: String?

    public init(_ items: [Item], next: String? = nil) {
        self.items = items
        self.next = next
    }
}

/// How long to wait for which state.
public struct Wait: Sendable, Equatable {
    /// 0 … 60,000.
    public var milliseconds: Int64
    /// A state of the document, or `end`: any state that does not change again.
    public var until: String

    public init(milliseconds: Int64, until: String = "end") {
        self.milliseconds = milliseconds
        self.until = until
    }
}

/// Which peers.
public struct PeerFilter: Sendable, Equatable {
    public var state: PeerState?
    public var runtime: String?
    /// All of these labels must be there.
    public var labels: [String: String]

    public init(state: PeerState? = nil, runtime: String? = nil, labels: [String: String] = [:]) {
        self.state = state
        self.runtime = runtime
        self.labels = labels
    }
}

/// Which jobs.
public struct JobFilter: Sendable, Equatable {
    /// Any of these; empty means every state.
    public var states: [JobState]
    public var labels: [String: String]
    /// Nil: every owner. The API turns an absent parameter into `self`.
    public var owner: String?
    public var worker: String?
    public var name: String?
    public var since: Timestamp?

    public init(
        states: [JobState] = [], labels: [String: String] = [:], owner: String? = "self",
        worker: String? = nil,
        name: String? = nil, since: Timestamp? = nil
    ) {
        self.states = states
        self.labels = labels
        self.owner = owner
        self.worker = worker
        self.name = name
        self.since = since
    }
}

/// What to count jobs by.
public enum JobStatsKey: Sendable, Equatable {
    case state
    case worker
    /// The values of this label.
    case label(String)
}

/// How a manifest is written.
public enum ManifestForm: Sendable, Equatable {
    case json
    case yaml
}

/// A job to submit.
public struct Submission: Sendable, Equatable {
    public var manifest: [UInt8]
    public var form: ManifestForm
    /// Wait even if no standing offer could serve it; else that is E140.
    public var allowsWait: Bool
    public var idempotencyKey: String?

    public init(
        manifest: [UInt8], form: ManifestForm, allowsWait: Bool = false,
        idempotencyKey: String? = nil
    ) {
        self.manifest = manifest
        self.form = form
        self.allowsWait = allowsWait
        self.idempotencyKey = idempotencyKey
    }
}

/// Which bytes that a job wrote.
public enum OutputName: Sendable, Equatable {
    /// The certified result or a named output file.
    case named(String)
    case standardOutput
    /// Standard error is per replica and not compared; nil: the winner with the lowest index.
    case standardError(replica: Int?)
}

/// Which log lines.
public struct LogFilter: Sendable, Equatable {
    public var replica: Int?
    /// Nil: both.
    public var stream: LogStream?
    /// Only the last lines.
    public var tail: Int?
    public var since: Timestamp?

    public init(
        replica: Int? = nil, stream: LogStream? = nil, tail: Int? = nil, since: Timestamp? = nil
    ) {
        self.replica = replica
        self.stream = stream
        self.tail = tail
        self.since = since
    }
}

/// Which changes of an account.
public struct HistoryFilter: Sendable, Equatable {
    /// Any of these; empty means every kind.
    public var kinds: [HistoryKind]
    public var since: Timestamp?

    public init(kinds: [HistoryKind] = [], since: Timestamp? = nil) {
        self.kinds = kinds
        self.since = since
    }
}

/// A receipt as its file, which is what counts, and as a document.
public struct ReceiptFile: Sendable, Equatable {
    public var bytes: [UInt8]
    public var document: ReceiptDocument

    public init(bytes: [UInt8], document: ReceiptDocument) {
        self.bytes = bytes
        self.document = document
    }
}

/// Content that is read in pieces, so that a gigabyte never lies in memory.
public protocol ByteSource: Sendable {
    /// The content's id, which is its ETag; nil if it has none.
    var id: String? { get }
    /// The length in bytes.
    var count: UInt64 { get }
    /// At most `length` bytes from `offset`; fewer only at the end.
    func read(offset: UInt64, length: Int) async throws(Problem) -> [UInt8]
}

/// Content that is in memory.
public struct MemorySource: ByteSource {
    public var id: String?
    public var bytes: [UInt8]
    public var count: UInt64 { UInt64(bytes.count) }

    public init(id: String?, bytes: [UInt8]) {
        self.id = id
        self.bytes = bytes
    }

    public func read(offset: UInt64, length: Int) async throws(Problem) -> [UInt8] {
        guard offset < count else { return [] }
        let start = Int(offset)
        return Array(bytes[start..<min(bytes.count, start + max(0, length))])
    }
}

/// The body of an upload: an asynchronous sequence of pieces, read once. A body that is too large or breaks off
/// throws ``Problem``.
public struct UploadBody: AsyncSequence, Sendable {
    /// The length if the client said it.
    public let declaredBytes: UInt64?
    private let next: @Sendable () async throws -> [UInt8]?

    /// - Parameter next: gives the pieces in order, then nil.
    public init(declaredBytes: UInt64?, next: @escaping @Sendable () async throws -> [UInt8]?) {
        self.declaredBytes = declaredBytes
        self.next = next
    }

    public func makeAsyncIterator() -> Iterator { Iterator(nextPiece: next) }

    public struct Iterator: AsyncIteratorProtocol {
        let nextPiece: @Sendable () async throws -> [UInt8]?
        public mutating func next() async throws -> [UInt8]? { try await nextPiece() }
    }
}

/// A metric and its samples, in the model of Prometheus text.
public struct MetricFamily: Sendable, Equatable {
    public enum Kind: String, Sendable { case counter, gauge, histogram }

    /// `peernode_…`.
    public var name: String
    public var kind: Kind
    public var help: String
    public var samples: [Sample]

    /// One value. A histogram's samples carry the suffix `_bucket`, `_sum` or `_count`.
    public struct Sample: Sendable, Equatable {
        public var suffix: String
        public var labels: [(String, String)]
        public var value: Double

        public init(_ value: Double, labels: [(String, String)] = [], suffix: String = "") {
            self.value = value
            self.labels = labels
            self.suffix = suffix
        }

        public static func == (a: Sample, b: Sample) -> Bool {
            a.suffix == b.suffix && a.value == b.value && a.labels.count == b.labels.count
                && zip(a.labels, b.labels).allSatisfy { $0 == $1 }
        }
    }

    public init(name: String, kind: Kind, help: String, samples: [Sample]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }
}
