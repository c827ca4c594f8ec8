/// Why the store refused. Reads have no effect on state; what a failed write leaves behind says each case. After a
/// failed write all later batches get the same reason, and nothing of them is written, until `Store.resume`.
public enum StoreError: Error, Hashable, Sendable {
    /// Bytes on the disk are not those that were written. Nothing was changed; the files stay as they are, for a
    /// diagnosis and for a new sync from peers (`ledger.md` 14.4).
    case corrupt(String)
    /// A newer program wrote this store. Nothing was written (`surfaces.md` E707).
    case newerFormat(found: UInt32, known: UInt32)
    /// Another process, or another `Store` of this one, has it open. Nothing was written.
    case locked(String)
    /// No space. Nothing of the batch counts as written.
    case diskFull
    /// The disk refused. Whether the first batch that got this is there is known only after `resume`.
    case ioError(String)
    /// More than `Store.Settings.queueBytesMax` wait to be written; nothing of this batch was written.
    case overloaded
    /// The store is closed. Nothing was written.
    case closed

    /// The code people see (`surfaces.md` 3.6), where this error has one of its own.
    public var code: String? {
        switch self {
        case .newerFormat: "E707"
        case .diskFull: "E341"
        case .overloaded: "E902"
        default: nil
        }
    }
}

extension StoreError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .corrupt(let detail): "the store is damaged: \(detail)"
        case .newerFormat(let found, let known):
            "the store has format \(found), this program knows formats up to \(known)"
        case .locked(let path): "the store \(path) is in use by another process"
        case .diskFull: "the disk of the store is full"
        case .ioError(let detail): "the disk of the store failed: \(detail)"
        case .overloaded: "too many bytes wait to be written"
        case .closed: "the store is closed"
        }
    }
}

extension StoreError {
    init(_ error: FileError) {
        self = error.isFull ? .diskFull : .ioError(error.text)
    }
}
