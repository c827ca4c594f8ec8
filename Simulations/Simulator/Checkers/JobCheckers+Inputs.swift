import Basis
import Credits
import Records
import Trust

/// J14: while nothing is at fault, no job fails because honest workers could not fetch what its entry peer has.
struct InputsArrive: Checker {
    static let id = "J14"
    static let statement = "no job of an honest entry peer is refunded for want of its input while nothing is at fault"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    /// When each open job was first seen.
    private var opened: [JobID: Interval] = [:]
    /// Honest owners who gave a lease back because they had no input.
    private var without: [JobID: Set<Int>] = [:]

    /// Sessions that a fault took are up again after this: detection 30 s, dials up to 30 s.
    private static let settling = Interval.seconds(60)

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for write in read.writes {
            switch write {
            case .job(let job, let record?) where !record.state.isEnded && opened[job] == nil:
                opened[job] = world.elapsed
            case .lease(let key, let record?)
            where record.state == .declined && record.declineReason == .inputUnavailable:
                if let i = world.byAccount[record.owner], !world.peers[i].isByzantine {
                    without[key.job, default: []].insert(i)
                }
            default: continue
            }
        }
        for closing in read.closings {
            let job: JobID
            let isWithout: Bool
            switch closing.event {
            case .settled(let settled): (job, isWithout) = (settled.job, false)
            case .refunded(let id, let reason, _, _): (job, isWithout) = (id, reason == .inputUnavailable)
            case .cancelled(let id, _, _): (job, isWithout) = (id, false)
            default: continue
            }
            let owners = without.removeValue(forKey: job)?.sorted() ?? []
            guard let begin = opened.removeValue(forKey: job), InputsArrive.isQuiet(world, since: begin),
                let entry = world.byAccount[closing.story.spec.entryPeer], !world.peers[entry].isByzantine
            else { continue }
            judged += 1
            if isWithout, owners.count >= 2 {
                return Finding(
                    peers: [read.by, entry], expected: "the inputs of job \(job) from peer \(entry), which has them",
                    found: "peers \(owners.map(String.init).joined(separator: ", ")) could not fetch them")
            }
        }
        return nil
    }

    private static func isQuiet(_ world: borrowing World, since begin: Interval) -> Bool {
        for fault in world.plan.faults
        where fault.at <= world.elapsed && max(fault.at, world.end(of: fault)) + settling >= begin {
            return false
        }
        return true
    }
}
