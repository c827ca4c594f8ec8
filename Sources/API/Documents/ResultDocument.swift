/// The outcome of a job that ended.
public struct ResultDocument: Document {
    public static let documentType = "result"

    public private(set) var schema = SchemaTag<ResultDocument>()
    public var job: String
    public var state: JobState
    public var certified: Bool
    public var verification: Known<Verification>?
    public var code: String
    public var exitCode: Known<Int>?
    public var signal: Known<Int>?
    public var result: Known<Body>?
    public var stdout: Known<Content>?
    /// One replica's; not compared.
    public var stderr: Known<ReplicaContent>?
    public var files: [OutputFile]
    public var agreementPermille: Int?
    public var credibilityPermille: Int?
    /// Lease indexes.
    public var winners: [Int]
    public var minority: [Int]
    public var compare: String?
    public var usage: Known<Usage>?
    public var cost: JobDocument.Cost
    public var receipt: Known<String>?
    public var cached: Bool

    public init(
        job: String, state: JobState, certified: Bool, verification: Known<Verification>? = nil,
        code: String, exitCode: Known<Int>? = nil, signal: Known<Int>? = nil,
        result: Known<Body>? = nil, stdout: Known<Content>? = nil,
        stderr: Known<ReplicaContent>? = nil,
        files: [OutputFile] = [], agreementPermille: Int? = nil, credibilityPermille: Int? = nil,
        winners: [Int] = [], minority: [Int] = [], compare: String? = nil,
        usage: Known<Usage>? = nil,
        cost: JobDocument.Cost, receipt: Known<String>? = nil, cached: Bool
    ) {
        self.job = job
        self.state = state
        self.certified = certified
        self.verification = verification
        self.code = code
        self.exitCode = exitCode
        self.signal = signal
        self.result = result
        self.stdout = stdout
        self.stderr = stderr
        self.files = files
        self.agreementPermille = agreementPermille
        self.credibilityPermille = credibilityPermille
        self.winners = winners
        self.minority = minority
        self.compare = compare
        self.usage = usage
        self.cost = cost
        self.receipt = receipt
        self.cached = cached
    }

    /// The certified value.
    public struct Body: Codable, Sendable, Equatable {
        public var blob: String
        public var bytes: Int64
        public var media: String
        /// The value itself if it is UTF-8 of at most 64 KiB.
        public var inline: Known<String>?

        public init(
            blob: String, bytes: Int64, media: String, inline: Known<String>? = nil
        ) {
            self.blob = blob
            self.bytes = bytes
            self.media = media
            self.inline = inline
        }
    }

    /// Bytes in the store.
    public struct Content: Codable, Sendable, Equatable {
        public var blob: String
        public var bytes: Int64

        public init(
            blob: String, bytes: Int64
        ) {
            self.blob = blob
            self.bytes = bytes
        }
    }

    /// Bytes that only one replica vouches for.
    public struct ReplicaContent: Codable, Sendable, Equatable {
        public var blob: String
        public var bytes: Int64
        public var replica: Int

        public init(
            blob: String, bytes: Int64, replica: Int
        ) {
            self.blob = blob
            self.bytes = bytes
            self.replica = replica
        }
    }

    /// A named output file.
    public struct OutputFile: Codable, Sendable, Equatable {
        public var name: String
        public var path: String
        public var blob: String
        public var bytes: Int64

        public init(
            name: String, path: String, blob: String, bytes: Int64
        ) {
            self.name = name
            self.path = path
            self.blob = blob
            self.bytes = bytes
        }
    }
}
