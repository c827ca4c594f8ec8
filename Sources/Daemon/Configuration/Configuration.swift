public import Basis

/// What an operator can set (`surfaces.md` 3.2), with every default.
public struct Configuration: Sendable, Equatable {
    public struct Node: Sendable, Equatable {
        /// nil: the host's name.
        public var name: String?
        public var labels: [String: String] = [:]
        public var region: String?
    }
    public struct Network: Sendable, Equatable {
        /// UDP and TCP. A port that was asked for is an error when taken; the default one moves on.
        public var listen = "[::]:7717"
        public var isListenDefault = true
        public var advertise: [String] = []
        public var seeds: [String] = []
    }
    public struct Service: Sendable, Equatable {
        public var listen = "127.0.0.1:7718"
        public var isListenDefault = true
        public var hosts: [String] = []
        public var origins: [String] = []
        public var ratePerSecond: UInt64 = 50
        public var areMetricsOpen = false
    }
    public struct Lending: Sendable, Equatable {
        public var isEnabled = false
        /// `lend.consent`, as the first `join` stored it.
        public var consent: String?
        /// Cores lent, in thousandths; nil: half of the machine's.
        public var milliCores: UInt64?
        /// Bytes; nil: half of the machine's memory.
        public var memoryBytes: UInt64?
        public var diskBytes: UInt64 = 10 << 30
        /// nil: one per core lent.
        public var slots: Int?
        /// nil: all that pass their probe.
        public var runtimes: [String]?
        /// Runtimes for owners who are not trusted: in an open network, everybody (`compute.md` 7).
        public var strangers = ["builtin", "wasm", "javascript"]
        public var maxRunMillis: UInt64 = 7_200_000
        /// Per CPU-second; nil: the network's median, or 100 micro-credits where there is none.
        public var price: CreditAmount?
        public var priceMemory = CreditAmount.zero
        public var nice = 19
    }
    public struct Policy: Sendable, Equatable {
        public var allowOwners: [String]?
        public var denyOwners: [String] = []
        public var trusted: [String] = []
    }
    public struct Storage: Sendable, Equatable {
        public var blobBytesMax: UInt64 = 20 << 30
        public var freeBytesMin: UInt64 = 64 << 20
        public var keepResultsMillis: UInt64 = 30 * 86_400_000
        public var keepLogsMillis: UInt64 = 7 * 86_400_000
    }
    public struct Submitting: Sendable, Equatable {
        public var maxCost = CreditAmount.credits(10)
        /// 0: `auto`.
        public var replicas = 0
    }
    public struct Log: Sendable, Equatable {
        public enum Format: String, Sendable, CaseIterable { case auto, text, json }
        public var level = "info"
        public var format = Format.auto
        public var file: String?
    }
    public struct Sandbox: Sendable, Equatable {
        public var uidBase: UInt32 = 61_000
    }

    public var node = Node()
    public var network = Network()
    public var service = Service()
    public var lending = Lending()
    public var policy = Policy()
    public var storage = Storage()
    public var submitting = Submitting()
    public var log = Log()
    public var sandbox = Sandbox()
    public var ownerKey: String?
    public var earnTo: String?
    public var shutdownGraceMillis: UInt64 = 20_000

    public init() {}
}

/// One mistake in the configuration, with its place.
public struct ConfigurationIssue: Error, Sendable, Equatable {
    /// A file's path, or the environment variable.
    public let source: String
    public let line: Int?
    public let column: Int?
    public let field: String
    public let message: String
    public let fix: String

    public var text: String {
        let place = line.map { "\(source):\($0):\(column ?? 1)" } ?? source
        return "\(place)  \(field): \(message)\n  fix: \(fix)"
    }
}

public struct ConfigurationIssues: Error, Sendable, Equatable {
    public let all: [ConfigurationIssue]
}
