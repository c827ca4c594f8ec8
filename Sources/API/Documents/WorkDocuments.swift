/// What is wrong or doubtful at a place of a manifest.
public struct ManifestNote: Codable, Sendable, Equatable {
    public var pointer: String?
    public var line: Int?
    public var column: Int?
    public var code: String
    public var message: String
    public var found: String?
    public var allowed: [String]?
    public var fix: String?

    public init(
        pointer: String? = nil, line: Int? = nil, column: Int? = nil, code: String, message: String,
        found: String? = nil, allowed: [String]? = nil, fix: String? = nil
    ) {
        self.pointer = pointer
        self.line = line
        self.column = column
        self.code = code
        self.message = message
        self.found = found
        self.allowed = allowed
        self.fix = fix
    }
}

/// What a manifest would become.
public struct ValidationDocument: Document {
    public static let documentType = "validation"

    public private(set) var schema = SchemaTag<ValidationDocument>()
    public var valid: Bool
    public var errors: [ManifestNote]
    public var warnings: [ManifestNote]
    /// The canonical job; null if there are errors.
    public var spec: Known<JSONValue>?
    /// Offers that cannot serve it, by reason.
    public var excluded: [Excluded]
    public var priceMicro: Known<Price>?

    public init(
        valid: Bool, errors: [ManifestNote] = [], warnings: [ManifestNote] = [],
        spec: Known<JSONValue>? = nil, excluded: [Excluded] = [], priceMicro: Known<Price>? = nil
    ) {
        self.valid = valid
        self.errors = errors
        self.warnings = warnings
        self.spec = spec
        self.excluded = excluded
        self.priceMicro = priceMicro
    }

    /// How many offers one reason removes.
    public struct Excluded: Codable, Sendable, Equatable {
        public var code: String
        public var count: Int

        public init(
            code: String, count: Int
        ) {
            self.code = code
            self.count = count
        }
    }

    /// What it would cost with the offers that stand now.
    public struct Price: Codable, Sendable, Equatable {
        public var low: Micro
        public var high: Micro
        public var hold: Micro

        public init(
            low: Micro, high: Micro, hold: Micro
        ) {
            self.low = low
            self.high = high
            self.hold = hold
        }
    }
}

/// How many jobs there are of each.
public struct JobStatsDocument: Document {
    public static let documentType = "jobStats"

    public private(set) var schema = SchemaTag<JobStatsDocument>()
    public var by: String
    public var counts: [Count]

    public init(
        by: String, counts: [Count] = []
    ) {
        self.by = by
        self.counts = counts
    }

    /// A value and how many jobs have it.
    public struct Count: Codable, Sendable, Equatable {
        public var key: String
        public var count: Int

        public init(
            key: String, count: Int
        ) {
            self.key = key
            self.count = count
        }
    }
}

/// How the replicas of a job were drawn, so that anybody can draw again.
public struct DecisionDocument: Document {
    public static let documentType = "decision"

    public private(set) var schema = SchemaTag<DecisionDocument>()
    public var job: String
    public var rounds: [Round]

    public init(
        job: String, rounds: [Round] = []
    ) {
        self.job = job
        self.rounds = rounds
    }

    /// One draw.
    public struct Round: Codable, Sendable, Equatable {
        public var round: Int
        public var anchorHeight: UInt64
        /// The beacon.
        public var mix: String
        public var eligible: Int
        public var eligibleHash: String
        public var tickets: Digits<UInt64>
        public var drawn: [Drawn]

        public init(
            round: Int, anchorHeight: UInt64, mix: String, eligible: Int, eligibleHash: String,
            tickets: Digits<UInt64>, drawn: [Drawn] = []
        ) {
            self.round = round
            self.anchorHeight = anchorHeight
            self.mix = mix
            self.eligible = eligible
            self.eligibleHash = eligibleHash
            self.tickets = tickets
            self.drawn = drawn
        }
    }

    /// One drawn replica.
    public struct Drawn: Codable, Sendable, Equatable {
        public var index: Int
        public var account: String
        public var owner: String
        public var slotClass: Int
        public var tickets: Digits<UInt64>

        public init(
            index: Int, account: String, owner: String, slotClass: Int, tickets: Digits<UInt64>
        ) {
            self.index = index
            self.account = account
            self.owner = owner
            self.slotClass = slotClass
            self.tickets = tickets
        }
    }
}

/// The types of documents.
public struct SchemaListDocument: Document {
    public static let documentType = "schemaList"

    public private(set) var schema = SchemaTag<SchemaListDocument>()
    public var types: [String]

    public init(
        types: [String] = []
    ) {
        self.types = types
    }
}

/// The page of an error.
public struct ErrorPageDocument: Document {
    public static let documentType = "errorPage"

    public private(set) var schema = SchemaTag<ErrorPageDocument>()
    public var code: String
    public var name: String
    public var title: String
    public var status: Known<Int>?
    public var exit: Int
    public var cause: String
    public var example: String
    public var remedy: String

    public init(
        code: String, name: String, title: String, status: Known<Int>? = nil, exit: Int,
        cause: String,
        example: String, remedy: String
    ) {
        self.code = code
        self.name = name
        self.title = title
        self.status = status
        self.exit = exit
        self.cause = cause
        self.example = example
        self.remedy = remedy
    }
}
