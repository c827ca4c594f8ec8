import Basis
import Compute
import Consensus
import Credits
import Gossip
import NodeCore
import Records
import Trust

/// What checkers hear of a run, in the order in which it happened.
enum Observation: Sendable {
    case booted(Int)
    case crashed(Int)
    /// Its store could not be loaded.
    case corrupt(Int, String)
    /// A node handled an input.
    case handled(Int)
    /// It made a signature with this key over this message.
    case signed(Int, PublicKey, [UInt8])
    /// A datagram of so many bytes left it.
    case transmitted(Int, Int)
    case wrote(Int, StoreBatch)
    case executed(Int, LogNode.ExecutedBlock)
    case certified(Int, StateCertificate)
    case conservationBroken(Int, height: UInt64, String)
    case alarm(Int, String)
    /// It holds another peer to account; -1 if that peer is unknown.
    case blamed(Int, Int, String)
    case membership(Int, MembershipEvent)
    case worker(Int, WorkerEvent)
    case job(Int, JobEvent)
    /// A client was told that its operation is durable.
    case promised(Int, Int)
    /// A client was told that its operation is final at this height.
    case final(Int, Int, UInt64)
    /// The first honest peer executed the next height.
    case advanced(ReadBlock)
    /// It signed a vote with this key.
    case voted(Int, PublicKey, Ballot)
    /// It signed a state with this key.
    case attested(Int, PublicKey, StateTuple)
    /// A vote, or a proposal that is one, left its core for the network.
    case left(Int, Ballot)
    /// Marks, certificates and blocks in one of its writes.
    case journaled(Int, LogWrites)
    /// A datagram is about to be handled.
    case received(Int, [UInt8], from: SocketAddress)
    /// A datagram left.
    case sent(Int, [UInt8], to: SocketAddress)
    /// A timeout was handled, with everything that followed at once.
    case timedOut(Int)
    /// So many events happened at this instant.
    case crowded(Int)
    /// Rows of its book before and after; nil where there is none. The cause is the peer whose bytes were handled, or -1.
    case bookChanged(Int, Membership.Row?, Membership.Row?, cause: Int)
    /// A batch was handed to its disk under this number.
    case appended(Int, StoreBatch, number: UInt64)
    /// Its process was told that batch `number` is durable, though it asked for no sync if `isSynced` is false.
    case persisted(Int, number: UInt64, isSynced: Bool)
    /// A connection to the second stands at the first.
    case connected(Int, to: Int)
    /// What its disk held when its process started, before anything was written to it.
    case restored(Int, fingerprint: UInt64)
    /// Its disk lost everything.
    case wiped(Int)

    enum Kind: UInt8, Sendable, CaseIterable {
        case booted, crashed, corrupt, handled, signed, transmitted, wrote, executed, certified, conservationBroken
        case alarm, blamed, membership, worker, job, promised, final
        case received, sent, timedOut, crowded, bookChanged, appended, persisted, connected, restored, wiped
        case advanced, voted, attested, left, journaled
    }

    var kind: Kind {
        switch self {
        case .booted: .booted
        case .crashed: .crashed
        case .corrupt: .corrupt
        case .handled: .handled
        case .signed: .signed
        case .transmitted: .transmitted
        case .wrote: .wrote
        case .executed: .executed
        case .certified: .certified
        case .conservationBroken: .conservationBroken
        case .alarm: .alarm
        case .blamed: .blamed
        case .membership: .membership
        case .worker: .worker
        case .job: .job
        case .promised: .promised
        case .final: .final
        case .advanced: .advanced
        case .voted: .voted
        case .attested: .attested
        case .left: .left
        case .journaled: .journaled
        case .received: .received
        case .sent: .sent
        case .timedOut: .timedOut
        case .crowded: .crowded
        case .bookChanged: .bookChanged
        case .appended: .appended
        case .persisted: .persisted
        case .connected: .connected
        case .restored: .restored
        case .wiped: .wiped
        }
    }

    /// The peer that it is about.
    var peer: Int {
        switch self {
        case .booted(let i), .crashed(let i), .corrupt(let i, _), .handled(let i), .signed(let i, _, _),
            .transmitted(let i, _), .wrote(let i, _), .executed(let i, _), .certified(let i, _),
            .conservationBroken(let i, _, _), .alarm(let i, _), .blamed(let i, _, _), .membership(let i, _),
            .worker(let i, _), .job(let i, _), .promised(let i, _), .final(let i, _, _), .received(let i, _, _),
            .sent(let i, _, _), .timedOut(let i), .bookChanged(let i, _, _, _), .appended(let i, _, _),
            .persisted(let i, _, _), .connected(let i, _), .restored(let i, _), .wiped(let i), .voted(let i, _, _),
            .attested(let i, _, _), .left(let i, _), .journaled(let i, _):
            i
        case .advanced(let block): block.by
        case .crowded: -1
        }
    }
}
