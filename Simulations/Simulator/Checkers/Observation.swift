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
    indirect case executed(Int, LogNode.ExecutedBlock)
    indirect case certified(Int, StateCertificate)
    case conservationBroken(Int, height: UInt64, String)
    case alarm(Int, String)
    /// It holds another peer to account; -1 if that peer is unknown.
    case blamed(Int, Int, String)
    indirect case membership(Int, MembershipEvent)
    indirect case worker(Int, WorkerEvent)
    indirect case job(Int, JobEvent)
    /// A client was told that its operation is durable.
    case promised(Int, Int)
    /// A client was told that its operation is final at this height.
    case final(Int, Int, UInt64)

    enum Kind: UInt8, Sendable, CaseIterable {
        case booted, crashed, corrupt, handled, signed, transmitted, wrote, executed, certified, conservationBroken
        case alarm, blamed, membership, worker, job, promised, final
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
        }
    }

    /// The peer that it is about.
    var peer: Int {
        switch self {
        case .booted(let i), .crashed(let i), .corrupt(let i, _), .handled(let i), .signed(let i, _, _),
            .transmitted(let i, _), .wrote(let i, _), .executed(let i, _), .certified(let i, _),
            .conservationBroken(let i, _, _), .alarm(let i, _), .blamed(let i, _, _), .membership(let i, _),
            .worker(let i, _), .job(let i, _), .promised(let i, _), .final(let i, _, _):
            i
        }
    }
}
