/// What `peernode demo` did and found.
public struct DemoDocument: Document {
    public static let documentType = "demo"

    public private(set) var schema = SchemaTag<DemoDocument>()
    /// Every step that ran held what it asserts, and none was left out.
    public var ok: Bool
    /// Rounded to the nearest; `ms` is exact.
    public var seconds: Int
    public var ms: Int64
    public var peers: [Peer]
    public var job: Known<String>?
    /// The peer whose process was killed, and the one that was drawn instead.
    public var killed: Known<String>?
    public var replacedBy: Known<String>?
    public var topWords: [Word]
    public var receipt: Known<String>?
    /// What checking the receipt said: whole, and with one byte changed.
    public var verdict: Known<String>?
    public var tampered: Known<String>?
    public var balances: [Balance]
    public var supply: Supply?
    public var steps: [Step]
    /// The step that failed, and why; null if none did.
    public var failure: Known<String>?

    public init(
        ok: Bool = false, seconds: Int = 0, ms: Int64 = 0, peers: [Peer] = [], job: Known<String>? = nil,
        killed: Known<String>? = nil, replacedBy: Known<String>? = nil, topWords: [Word] = [],
        receipt: Known<String>? = nil, verdict: Known<String>? = nil, tampered: Known<String>? = nil,
        balances: [Balance] = [], supply: Supply? = nil, steps: [Step] = [], failure: Known<String>? = nil
    ) {
        self.ok = ok
        self.seconds = seconds
        self.ms = ms
        self.peers = peers
        self.job = job
        self.killed = killed
        self.replacedBy = replacedBy
        self.topWords = topWords
        self.receipt = receipt
        self.verdict = verdict
        self.tampered = tampered
        self.balances = balances
        self.supply = supply
        self.steps = steps
        self.failure = failure
    }

    /// One of the processes.
    public struct Peer: Codable, Sendable, Equatable {
        /// 1 to 5.
        public var number: Int
        public var peer: String
        public var account: String
        public var pid: Int
        public var address: String
        public var isSeat: Bool

        public init(number: Int, peer: String, account: String, pid: Int, address: String, isSeat: Bool) {
            self.number = number
            self.peer = peer
            self.account = account
            self.pid = pid
            self.address = address
            self.isSeat = isSeat
        }
    }

    /// A word and how often it occurs.
    public struct Word: Codable, Sendable, Equatable {
        public var word: String
        public var count: Int

        public init(word: String, count: Int) {
            self.word = word
            self.count = count
        }
    }

    /// An account before the job and after it.
    public struct Balance: Codable, Sendable, Equatable {
        public var number: Int
        public var beforeMicro: Micro
        public var afterMicro: Micro

        public init(number: Int, beforeMicro: Micro, afterMicro: Micro) {
            self.number = number
            self.beforeMicro = beforeMicro
            self.afterMicro = afterMicro
        }
    }

    /// All credit there is.
    public struct Supply: Codable, Sendable, Equatable {
        public var genesisMicro: Micro
        public var burnedMicro: Micro
        public var nowMicro: Micro

        public init(genesisMicro: Micro, burnedMicro: Micro, nowMicro: Micro) {
            self.genesisMicro = genesisMicro
            self.burnedMicro = burnedMicro
            self.nowMicro = nowMicro
        }
    }

    /// One of the eight steps.
    public struct Step: Codable, Sendable, Equatable {
        public var n: Int
        public var name: String
        public var ok: Bool
        public var seconds: Int
        public var ms: Int64
        public var detail: String

        public init(n: Int, name: String, ok: Bool, seconds: Int, ms: Int64, detail: String) {
            self.n = n
            self.name = name
            self.ok = ok
            self.seconds = seconds
            self.ms = ms
            self.detail = detail
        }
    }
}
