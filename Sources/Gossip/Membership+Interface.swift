public import Basis
public import Records
public import Trust

extension Membership {
    /// Past events and commands (`gossip.md` 14). Stage 2 adds items, verdicts and beacons.
    public enum Input: Sendable {
        /// Exactly once, first.
        case started(RestoredMembership)
        /// The wall clock: at start, and every 600 s.
        case clock(unixMilliseconds: UInt64)
        /// Addresses at which we can be dialled, with their ports; at start and on change. Empty: outbound only.
        case interfaces([SocketAddress])
        case join(JoinTarget), policy(PeerPolicy)
        indirect case capabilities(CapabilitySummary)
        case leave(LeaveMode), timeout
        /// The ledger's newest block. The first one says that the genesis document is here.
        case tip(ChainTip)
        case seats(epoch: UInt64, current: [PublicKey], next: [PublicKey])
        case pin(PeerID, PinPurpose), unpin(PeerID, PinPurpose)
        case find(PeerID, Ticket), document(PeerIndex, Ticket)
        /// An upper layer found a fault that its sender answers for.
        case misbehaved(PeerIndex, points: UInt16)
        /// Addresses of a name, at most 16; their ports are ignored. Empty: not found.
        case resolved(Ticket, [SocketAddress])
        indirect case recordSigned(PeerRecord, Ticket)
        case persisted(Ticket)
        /// Nothing of that batch is on the disk.
        case persistFailed(Ticket)
        /// The candidates whose signature is valid in their order, and the positions of the others.
        case recordsVerified([Verified<PeerRecord>], rejected: [UInt8], Ticket)
        case documentFetched(PeerIndex, Digest, [UInt8]?, Ticket)
        indirect case sessionUp(PeerIndex, SessionFacts)
        case sessionDown(PeerIndex, Path, CloseReason)
        case dialFailed(Ticket, DialFailure)
        case received(Verified<PeerMessage>, from: PeerIndex, via: Path)
        case streamPong(PeerIndex, probe: UInt32), sendFailed(PeerIndex, Path, SendFailure)
        case unknownSession(PeerIndex)
    }

    /// Orders, carried out in order (`gossip.md` 14). Stage 2 adds pushItem, deliver, published and multicast.
    public enum Effect: Sendable, Equatable {
        case dial(
            Ticket, to: SocketAddress, path: Path, expecting: PeerID?, network: NetworkID?)
        case cancelDial(Ticket)
        /// Says goodbye and closes every path.
        case hangUp(PeerIndex, CloseReason)
        case keep(PeerIndex, Path), release(PeerIndex, Path)
        case send(PeerIndex, [PeerMessage], via: PathChoice), streamPing(PeerIndex, probe: UInt32)
        case adoptNetwork(NetworkID)
        indirect case ownRecord(PeerRecord), signRecord(UnsignedRecord, Ticket)
        case resolve(String, Ticket)
        case verifyRecords([RecordCandidate], Ticket)
        case persist(MembershipBatch, Ticket)
        case fetchDocument(PeerIndex, Digest, bytesMax: UInt16, Ticket)
        case found(Ticket, PeerIndex?), documentReady(Ticket, PeerIndex, [UInt8]?)
        indirect case event(MembershipEvent)
    }
}

/// What people and upper layers are told (`gossip.md` 14).
public enum MembershipEvent: Sendable, Equatable {
    case firstContact(NetworkID), joined(NetworkID, links: Int), joinRefused(JoinRefusal)
    case seedsUnreachable([SeedOutcome], retryAt: Instant)
    case isolated
    case linkUp(PeerIndex, outbound: Bool), linkDown(PeerIndex, CloseReason)
    case member(MemberView), memberLeft(PeerIndex), memberLost(PeerIndex)
    case memberExpired(PeerIndex)
    case pathChanged(PeerIndex, datagram: Bool, main: Bool)
    case addressConflict(SocketAddress, older: PeerIndex, newer: PeerIndex)
    case equivocation(EquivocationProof)
    case availability(AvailabilityState)
    case behind(PeerIndex, ChainTip)
    /// The network's clock minus ours.
    case clockSkew(milliseconds: Int64)
    /// After `leave`: everything is said and stored; the process may end.
    case left
}
