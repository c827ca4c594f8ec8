/// A body that we receive: read strictly, unknown fields are refused with a "did you mean".
public protocol RequestBody: Codable, Sendable, Equatable {}

/// POST `/v1/transfers`: at most 256 payees, in one entry.
public struct TransferRequest: RequestBody {
    public var to: [Payment]

    public init(to: [Payment]) { self.to = to }

    /// One payee.
    public struct Payment: Codable, Sendable, Equatable {
        public var account: String
        public var amountMicro: Micro

        public init(account: String, amountMicro: Micro) {
            self.account = account
            self.amountMicro = amountMicro
        }
    }
}

/// POST `/v1/node/leave`.
public struct LeaveRequest: RequestBody {
    /// Hand running replicas back instead of finishing them; default false.
    public var now: Bool?

    public init(now: Bool? = nil) { self.now = now }
}

/// POST `/v1/peers`: a peer to link to.
public struct AddPeerRequest: RequestBody {
    /// `host:port` or a `peernode://` seed string.
    public var seed: String

    public init(seed: String) { self.seed = seed }
}
