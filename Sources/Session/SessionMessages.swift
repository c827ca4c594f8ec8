public import Basis
public import Records
public import Trust

/// What happened, or is asked for (`gossip.md` 14).
public enum SessionInput: Sendable {
    case timeout
    /// Answers `needEntropy`: fresh 32-byte seeds of the system's randomness.
    case entropy([Bytes32])
    case clock(unixMilliseconds: UInt64)
    /// Adopts a network; sessions of any other are closed.
    case network(NetworkID)
    case ownRecord(PeerRecord)
    /// Previous, current and next list.
    case seats([PeerID])
    /// `isSilent` refuses handshakes of peers that we did not dial; `denied` names denied and banned peers.
    case policy(isSilent: Bool, denied: [PeerID])
    /// `path` is `.datagram` or `.main`. Ends in `sessionUp` with this ticket, or in `dialFailed`.
    case dial(Ticket, to: SocketAddress, path: Path, expecting: PeerID?, network: NetworkID?)
    case cancelDial(Ticket)
    case hangUp(PeerID, CloseReason)
    case keep(PeerID, Path)
    case release(PeerID, Path)
    case send(PeerID, [PeerMessage], via: PathChoice)
    /// A PING frame on the main connection; answered by `streamPong` if the peer lives.
    case streamPing(PeerID, probe: UInt32)
    case post(PeerID, LaneMessage)
    /// Opens a stream on the main connection: `openedLocally` or `openFailed`.
    case open(Ticket, PeerID, service: UInt16, trafficClass: UInt8, request: [UInt8], isLast: Bool)
    case write(ConnectionID, FlowID, [UInt8], isLast: Bool)
    /// The consumer has taken bytes of `streamBytes`: the sender may send as many more.
    case consumed(ConnectionID, FlowID, bytes: Int)
    case reset(ConnectionID, FlowID, code: UInt16)
    /// 0 = unlimited.
    case bulkRate(sendBytesPerSecond: UInt64, receiveBytesPerSecond: UInt64)
    case datagram([UInt8], from: SocketAddress, on: LocalSocket)
    case datagramFailed(to: SocketAddress, SendFailure)
    case connected(Ticket, ConnectionID, to: SocketAddress)
    case connectFailed(Ticket, DialFailure)
    case accepted(ConnectionID, from: SocketAddress)
    case bytes(ConnectionID, [UInt8])
    /// A write ended; so many bytes still wait in the process.
    case writable(ConnectionID, queuedBytes: Int)
    /// End of file or an error; the transport has closed the socket.
    case ended(ConnectionID)
}

/// What the shell must do, in order (`gossip.md` 14).
public enum SessionEffect: Sendable, Equatable {
    case needEntropy(count: Int)
    case transmit([UInt8], to: SocketAddress, on: LocalSocket)
    /// Answered by `connected` or `connectFailed` with this ticket, which is the table's own.
    case connect(Ticket, to: SocketAddress)
    case cancelConnect(Ticket)
    case writeBytes(ConnectionID, [UInt8])
    /// Sends what is queued, then closes. No further input about this connection is expected.
    case closeConnection(ConnectionID)
    case pauseReading(ConnectionID)
    case resumeReading(ConnectionID)
    indirect case sessionUp(PeerID, SessionFacts)
    case sessionDown(PeerID, Path, CloseReason)
    case dialFailed(Ticket, DialFailure)
    /// The peer does not know our session (it restarted): dial it anew.
    case unknownSession(PeerID)
    /// A compound of peer messages, for `Ingress`.
    case deliver([UInt8], from: PeerID, via: Path)
    case deliverLane(LaneMessage, from: PeerID)
    case streamPong(PeerID, probe: UInt32)
    case sendFailed(PeerID, Path, SendFailure)
    /// A lane that overflowed has room again.
    case laneRoom(PeerID, trafficClass: UInt8)
    /// Messages of the lane's queue were dropped, or the new one was refused (class 3).
    case laneOverflow(PeerID, trafficClass: UInt8, dropped: Int)
    case opened(ConnectionID, FlowID, from: PeerID, service: UInt16, request: [UInt8], isLast: Bool)
    case openedLocally(Ticket, ConnectionID, FlowID)
    case openFailed(Ticket, SendFailure)
    case streamBytes(ConnectionID, FlowID, [UInt8], isLast: Bool)
    /// A stream that held more than its window unsent has room again.
    case streamRoom(ConnectionID, FlowID)
    case streamReset(ConnectionID, FlowID, code: UInt16)
}
