import Basis
import Credits
import NodeCore
import Records
import Trust

/// The operations of a run and what each client was told: the book of promises (`simulation.md` 11).
struct Workbook: Sendable {
    enum State: Sendable, Hashable {
        case planned
        /// Asked; the peer was up.
        case asked
        /// The peer was down: nobody was told anything.
        case skipped
        /// The client was told that it is durable and on its way.
        case accepted
        case refused(String)
        case ordered(height: UInt64, applied: Bool)
        /// Final for the client.
        case certified(height: UInt64, applied: Bool)
        case expired
    }

    struct Item: Sendable {
        let operation: Operation
        var state = State.planned
        var entry: TransactionID?
        var job: JobID?
    }

    private(set) var items: [Item]
    /// Place by operation id.
    private let places: [Int: Int]
    /// Place by (peer, ticket of the node's answer).
    var tickets: [Int: [UInt64: Int]] = [:]
    var byEntry: [TransactionID: Int] = [:]
    var byJob: [JobID: Int] = [:]

    init(operations: [Operation]) {
        items = operations.map { Item(operation: $0) }
        places = Dictionary(operations.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    func place(ofOperation id: Int) -> Int? { places[id] }
    mutating func set(_ place: Int, _ state: State) { items[place].state = state }
    mutating func set(_ place: Int, entry: TransactionID) {
        items[place].entry = entry
        byEntry[entry] = place
    }
    mutating func set(_ place: Int, job: JobID) {
        items[place].job = job
        byJob[job] = place
    }
    mutating func add(_ operation: Operation) -> Int {
        items.append(Item(operation: operation))
        return items.count - 1
    }
}
