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
    /// Block hash by height, and who executed it first.
    private var chain: [UInt64: (hash: Digest, by: Int)] = [:]

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .executed(let i, let block) = observation, !world.peers[i].isByzantine else { return nil }
        judged += 1
        let (height, hash) = (block.execution.height, block.execution.blockHash)
        guard let known = chain[height] else {
            chain[height] = (hash, i)
            // A height may have been executed without a word, right before a crash.
            guard let parent = chain[height - 1], parent.hash != block.block.header.parentHash else { return nil }
            return Finding(
                peers: [parent.by, i], expected: "height \(height) on block \(parent.hash)",
                found: "on \(block.block.header.parentHash) at peer \(i)")
        }
        if known.hash == hash { return nil }
        return Finding(
            peers: [known.by, i], expected: "block \(known.hash) at height \(height), as peer \(known.by) executed",
            found: "block \(hash) at peer \(i)")
    }
}

/// C11: equal height gives equal state root and event root.
struct StatesAgree: Checker {
    static let id = "C11"
    static let statement = "equal height gives equal state root and event root at every honest peer"
    static let watches: [Observation.Kind] = [.executed]
    private(set) var judged: UInt64 = 0
    private var states: [UInt64: (state: Digest, events: Digest, by: Int)] = [:]

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .executed(let i, let block) = observation, !world.peers[i].isByzantine else { return nil }
        judged += 1
        let execution = block.execution
        guard let known = states[execution.height] else {
            states[execution.height] = (execution.digest, execution.eventRoot, i)
            return nil
        }
        if known.state == execution.digest && known.events == execution.eventRoot { return nil }
        return Finding(
            peers: [known.by, i],
            expected: "digest \(known.state) at height \(execution.height), as at peer \(known.by)",
            found: "digest \(execution.digest) at peer \(i)")
    }
}
