public import API
import Basis
import Credits
import NodeCore
import Records
public import Storage
public import Trust

// The service behind the API: documents from the node's facts, and orders into it.
//
// The problem: HTTP runs on threads of its own, the node on its loop, and neither may wait for the other's work.
// The idea: each request crosses to the loop once, reads or orders there in one go, and leaves with values; waiting
// happens outside, by asking again whenever something changed. Nothing is decided here that the cores decide.
// It is not a cache: what it says is what the ledger, the members and the stores say now.

/// What `API.NodeService` asks, answered by the running node.
public struct DaemonService: NodeService {
    /// What does not change while the process runs.
    public struct Parts: Sendable {
        public var layout: HomeLayout
        public var store: Store
        public var blobs: BlobStore
        public var configuration: Configuration
        public var version: String
        /// Credit earned since the start.
        public var earned: Shared<UInt64>
        /// Own entries that no block holds yet, to tell later what an expired one was.
        public var underWay: Shared<[TransactionID: [UInt8]]>
        public var isLeaving: @Sendable () -> Bool
        /// Takes the node down after a leave.
        public var leave: @Sendable (_ now: Bool) -> Void

        public init(
            layout: HomeLayout, store: Store, blobs: BlobStore, configuration: Configuration, version: String,
            earned: Shared<UInt64>, underWay: Shared<[TransactionID: [UInt8]]>,
            isLeaving: @escaping @Sendable () -> Bool, leave: @escaping @Sendable (Bool) -> Void
        ) {
            self.layout = layout
            self.store = store
            self.blobs = blobs
            self.configuration = configuration
            self.version = version
            self.earned = earned
            self.underWay = underWay
            self.isLeaving = isLeaving
            self.leave = leave
        }
    }

    let node: NodeActor
    let parts: Parts
    let runtimeNames = RuntimeNames.shared
    /// What keeps tasks in, as the last probe found it.
    public let sandbox = Shared(NodeDocument.Sandbox(tier: .none, meter: "unknown"))
    /// What is lent, with shares resolved and runtimes tried; nil while nothing is.
    public let lent = Shared<NodeDocument.Lending?>(nil)
    var earned: Shared<UInt64> { parts.earned }
    public let events: EventHub

    public init(node: NodeActor, parts: Parts, events: EventHub) {
        self.node = node
        self.parts = parts
        self.events = events
    }
}
