import Basis
import Compute
import Gossip
import NodeCore
import Records
import Session
import Trust

/// What waits in the queue of a world.
enum SimEvent: Sendable {
    case datagram(to: Int, from: SocketAddress, sender: Int, [UInt8])
    /// It passed a busy downlink.
    case downlinked(to: Int, from: SocketAddress, [UInt8])
    /// The initiator's packet arrives, or is tried again.
    case connectArrives(pipe: UInt64)
    case connectTried(pipe: UInt64, after: Interval)
    case connected(pipe: UInt64)
    case connectFailed(peer: Int, boot: Int, Ticket, DialFailure)
    case segment(pipe: UInt64, way: Int, [UInt8])
    /// One way ended.
    case streamEnd(pipe: UInt64, way: Int)
    case streamRetry(pipe: UInt64, way: Int)
    case deadline(peer: Int, boot: Int)
    case synced(peer: Int, boot: Int, upTo: UInt64, SimPeer.Node.WriteTicket)
    /// Answered at once: nobody asked for a sync, or the disk lies.
    case unsynced(peer: Int, boot: Int, number: UInt64, isSynced: Bool, SimPeer.Node.WriteTicket)
    case writeFailed(peer: Int, boot: Int, SimPeer.Node.WriteTicket)
    case input(peer: Int, boot: Int, SimPeer.Node.Input, EventKind)
    case taskEnded(peer: Int, boot: Int, RunID)
    /// A peer that was busy or paused takes what waits.
    case wake(peer: Int, boot: Int)
    // Tier XL: Membership cores alone.
    case member(peer: Int, boot: Int, Membership.Input)
    case memberDeadline(peer: Int, boot: Int)
    case memberDial(peer: Int, boot: Int, ticket: Ticket, to: Int, path: Path, expecting: PeerID?)
    case memberMessages(to: Int, boot: Int, from: Int, path: Path, [PeerMessage], bytes: Int)
    case start(peer: Int)
    case operation(Int)
    case faultBegins(Int)
    case faultEnds(Int)
    case restart(peer: Int, fault: Int)
    case phase(Phase)
    /// A coalition of the plan that acts on its own has its turn.
    case adversary(Int)
    case deed(Act)
    case sample
    case check
}
