import Basis
import Credits
import NodeCore
import Records
import Trust
import Wire

/// C1: finalised chains of honest peers are prefixes of one another.
struct PrefixesAgree: Checker {
    static let id = "C1"
    static let statement = "finalised chains of honest peers are prefixes of one another"
    static let watches: [Observation.Kind] = [.executed]
    private(set) var judged: UInt64 = 0
    /// Block hash by height − 1, and who executed it first.
    private var chain: [(hash: Digest, by: Int)] = []

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .executed(let i, let block) = observation, !world.peers[i].isByzantine else { return nil }
        judged += 1
        let height = Int(block.execution.height)
        if height - 1 < chain.count {
            let known = chain[height - 1]
            if known.hash == block.execution.blockHash { return nil }
            return Finding(
                peers: [known.by, i], expected: "block \(known.hash) at height \(height), as peer \(known.by) executed",
                found: "block \(block.execution.blockHash) at peer \(i)")
        }
        if height - 1 > chain.count {
            return Finding(
                peers: [i], expected: "height \(chain.count + 1) first", found: "height \(height) at peer \(i)")
        }
        chain.append((block.execution.blockHash, i))
        return nil
    }
}

/// C11: equal height gives equal state root and event root.
struct StatesAgree: Checker {
    static let id = "C11"
    static let statement = "equal height gives equal state root and event root at every honest peer"
    static let watches: [Observation.Kind] = [.executed]
    private(set) var judged: UInt64 = 0
    private var states: [(state: Digest, events: Digest, by: Int)] = []

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .executed(let i, let block) = observation, !world.peers[i].isByzantine else { return nil }
        judged += 1
        let execution = block.execution
        let place = Int(execution.height) - 1
        if place == states.count { states.append((execution.digest, execution.eventRoot, i)) }
        guard place < states.count else { return nil }
        let known = states[place]
        if known.state == execution.digest && known.events == execution.eventRoot { return nil }
        return Finding(
            peers: [known.by, i], expected: "digest \(known.state) at height \(execution.height), as at peer \(known.by)",
            found: "digest \(execution.digest) at peer \(i)")
    }
}
