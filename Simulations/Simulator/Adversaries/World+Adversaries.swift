import Basis
import Compute
import NodeCore
import Records
import Trust

/// Where adversaries get hold of their members (`simulation.md` 10).
extension World {
    /// What stands between a seat or account of a coalition and the network.
    func filter(of i: Int) -> (any EgressFilter)? { nil }

    /// From now on a peer belongs to a coalition of the plan.
    mutating func turn(_ i: Int, _ name: String) {
        peers[i].isByzantine = true
        let filter = filter(of: i)
        peers[i].node?.filter(with: filter)
    }

    /// What a member sends in the place of a datagram.
    func tampered(_ bytes: [UInt8], to: SocketAddress, by i: Int) -> [[UInt8]] { [bytes] }

    func swallows(stream bytes: [UInt8], by i: Int) -> Bool { false }

    func isSilent(worker i: Int, _ lease: LeaseID) -> Bool { false }

    /// What a program prints here.
    func output(of task: SimPeer.Task, by i: Int) -> [UInt8] {
        SimProgram(task.frame).output(peer: i, lease: task.lease.index)
    }

    func claimed(_ made: SealedOutputs, _ lease: LeaseID, by i: Int) -> SealedOutputs { made }
}
