import Basis
import Credits
import NodeCore
import Records

/// L1: the sum of all credit is what genesis, mint and burn make it.
struct CreditConserved: Checker {
    static let id = "L1"
    static let statement = "the sum of all credit equals genesis + minted - burned at every block of every honest peer"
    static let watches: [Observation.Kind] = [.executed, .conservationBroken]
    private(set) var judged: UInt64 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .executed(let i, let block):
            judged += 1
            guard let problem = block.execution.conservationProblem else { return nil }
            return Finding(peers: [i], expected: "credit is conserved at height \(block.execution.height)", found: problem)
        case .conservationBroken(let i, let height, let text):
            return Finding(peers: [i], expected: "credit is conserved at height \(height)", found: text)
        default: return nil
        }
    }
}
