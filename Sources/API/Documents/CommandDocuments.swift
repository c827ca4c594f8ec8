/// A home was made, or found as asked.
public struct InitDocument: Document {
    public static let documentType = "init"

    public private(set) var schema = SchemaTag<InitDocument>()
    public var home: String
    public var peer: String
    public var account: String
    public var seatKey: String
    public var network: Known<String>?
    public var genesisFile: Known<String>?
    public var seed: Known<String>?

    public init(
        home: String, peer: String, account: String, seatKey: String, network: Known<String>? = nil,
        genesisFile: Known<String>? = nil, seed: Known<String>? = nil
    ) {
        self.home = home
        self.peer = peer
        self.account = account
        self.seatKey = seatKey
        self.network = network
        self.genesisFile = genesisFile
        self.seed = seed
    }
}

/// The node is ready; printed once.
public struct ReadyDocument: Document {
    public static let documentType = "ready"

    public private(set) var schema = SchemaTag<ReadyDocument>()
    public var peer: String
    public var account: String
    public var network: String
    public var peerAddresses: [String]
    public var api: Endpoints
    public var pid: Int
    public var links: Int
    public var height: UInt64
    public var lending: NodeDocument.Lending

    public init(
        peer: String, account: String, network: String, peerAddresses: [String] = [],
        api: Endpoints,
        pid: Int, links: Int, height: UInt64, lending: NodeDocument.Lending
    ) {
        self.peer = peer
        self.account = account
        self.network = network
        self.peerAddresses = peerAddresses
        self.api = api
        self.pid = pid
        self.links = links
        self.height = height
        self.lending = lending
    }

    /// Where programs reach it.
    public struct Endpoints: Codable, Sendable, Equatable {
        public var socket: String
        public var http: Known<String>?

        public init(
            socket: String, http: Known<String>? = nil
        ) {
            self.socket = socket
            self.http = http
        }
    }
}

/// How programs find a node: the content of `node.json`.
public struct NodeFileDocument: Document {
    public static let documentType = "nodeFile"

    public private(set) var schema = SchemaTag<NodeFileDocument>()
    public var pid: Int
    public var socket: String
    public var http: Known<String>?
    public var tokenFile: String
    public var version: String
    public var network: String
    public var peer: String

    public init(
        pid: Int, socket: String, http: Known<String>? = nil, tokenFile: String, version: String,
        network: String, peer: String
    ) {
        self.pid = pid
        self.socket = socket
        self.http = http
        self.tokenFile = tokenFile
        self.version = version
        self.network = network
        self.peer = peer
    }
}

/// The keys of a home; secrets only where they were asked for.
public struct KeysDocument: Document {
    public static let documentType = "keys"

    public private(set) var schema = SchemaTag<KeysDocument>()
    public var keys: [Key]

    public init(
        keys: [Key] = []
    ) {
        self.keys = keys
    }

    /// One key.
    public struct Key: Codable, Sendable, Equatable {
        public var name: String
        public var role: String
        public var account: String?
        public var peer: String?
        public var file: String
        public var secret: String?

        public init(
            name: String, role: String, account: String? = nil, peer: String? = nil, file: String,
            secret: String? = nil
        ) {
            self.name = name
            self.role = role
            self.account = account
            self.peer = peer
            self.file = file
            self.secret = secret
        }
    }
}

/// What the examination of the machine found.
public struct DoctorDocument: Document {
    public static let documentType = "doctor"

    public private(set) var schema = SchemaTag<DoctorDocument>()
    public var checks: [Check]

    public init(
        checks: [Check] = []
    ) {
        self.checks = checks
    }

    /// One line.
    public struct Check: Codable, Sendable, Equatable {
        public var id: String
        public var verdict: DoctorVerdict
        public var found: String
        public var effect: String?
        public var fix: String?

        public init(
            id: String, verdict: DoctorVerdict, found: String, effect: String? = nil,
            fix: String? = nil
        ) {
            self.id = id
            self.verdict = verdict
            self.found = found
            self.effect = effect
            self.fix = fix
        }
    }
}

/// How a check ended.
public enum DoctorVerdict: String, Choice {
    case ok, warn, fail, skip
}

/// An invite.
public struct InviteDocument: Document {
    public static let documentType = "invite"

    public private(set) var schema = SchemaTag<InviteDocument>()
    public var seed: String
    public var token: String
    public var uses: Int
    public var validUntilAt: Timestamp

    public init(
        seed: String, token: String, uses: Int, validUntilAt: Timestamp
    ) {
        self.seed = seed
        self.token = token
        self.uses = uses
        self.validUntilAt = validUntilAt
    }
}

/// What this program is.
public struct VersionDocument: Document {
    public static let documentType = "version"

    public private(set) var schema = SchemaTag<VersionDocument>()
    public var version: String
    public var commit: Known<String>?
    public var swift: String
    public var `protocol`: ProtocolRange
    public var ledgerRules: Int
    public var libraries: [String: String]

    public init(
        version: String, commit: Known<String>? = nil, swift: String, protocol: ProtocolRange,
        ledgerRules: Int, libraries: [String: String] = [:]
    ) {
        self.version = version
        self.commit = commit
        self.swift = swift
        self.protocol = `protocol`
        self.ledgerRules = ledgerRules
        self.libraries = libraries
    }

    /// The protocol versions that it speaks.
    public struct ProtocolRange: Codable, Sendable, Equatable {
        public var low: Int
        public var high: Int

        public init(
            low: Int, high: Int
        ) {
            self.low = low
            self.high = high
        }
    }
}

/// Which stream of a program.
public enum LogStream: String, Choice {
    case stdout, stderr
}

/// A piece of a replica's output: `text`, or `base64` if it is not UTF-8.
public struct LogLineDocument: Document {
    public static let documentType = "logLine"

    public private(set) var schema = SchemaTag<LogLineDocument>()
    public var replica: Int
    public var stream: LogStream
    public var offsetBytes: Int64
    public var at: Timestamp?
    public var text: String?
    public var base64: String?

    public init(
        replica: Int, stream: LogStream, offsetBytes: Int64, at: Timestamp? = nil,
        text: String? = nil,
        base64: String? = nil
    ) {
        self.replica = replica
        self.stream = stream
        self.offsetBytes = offsetBytes
        self.at = at
        self.text = text
        self.base64 = base64
    }
}
