/// A closed list of words in a document.
public protocol Choice: Codable, Sendable, Hashable, CaseIterable, RawRepresentable
where RawValue == String {}

/// What an event tells (`surfaces.md` 4.6).
public enum EventType: String, Choice {
    case nodeState = "node.state"
    case nodePolicy = "node.policy"
    case peerUp = "peer.up"
    case peerDown = "peer.down"
    case peerChanged = "peer.changed"
    case seatsChanged = "seats.changed"
    case ledgerHeight = "ledger.height"
    case ledgerAlarm = "ledger.alarm"
    case jobState = "job.state"
    case jobReplica = "job.replica"
    case jobProgress = "job.progress"
    case jobReceipt = "job.receipt"
    case arrayProgress = "array.progress"
    case accountChanged = "account.changed"
    case transactionState = "transaction.state"
    case blobAdded = "blob.added"
    case blobRemoved = "blob.removed"
    case reset
}
