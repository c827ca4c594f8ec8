import Basis
import Compute
import Credits
import Gossip
import NodeCore
import Records
import Trust

/// Clients: what they ask, and what they are told.
extension World {
    mutating func operate(_ place: Int) {
        let operation = work.items[place].operation
        let i = operation.by
        if phase == .calm, !plan.worksInCalm, case .planned = work.items[place].state, operation.id >= 0 {
            return work.set(place, .skipped)
        }
        switch operation.kind {
        case .join:
            if peers[i].life == .notStarted { boot(i) }
            return
        default: break
        }
        if isMembersOnly { return operateMember(place, operation, i) }
        guard peers[i].isUp, peers[i].node?.log != nil || !needsLog(operation.kind) else {
            return work.set(place, .skipped)
        }
        work.set(place, .asked)
        switch operation.kind {
        case .openJob(let job): open(job, place, i)
        case .cancelJob(let id):
            guard let other = work.place(ofOperation: id), let job = work.items[other].job else { return }
            give(i, peers[i].boot, .book(.cancel(job, by: peers[i].account, ticket(i))), .operation, UInt64(place))
        case .transfer(let to, let micro):
            let ticket = ticket(i).number
            work.tickets[i, default: [:]][ticket] = place
            let body = Entry.Body.transfer(
                payees: [.init(account: peers[to].account, amount: CreditAmount(micro: micro))], memo: [])
            give(
                i, peers[i].boot, .log(.compose(body, job: nil, key: [], ticket)), .operation, UInt64(place))
        case .lookup(let other):
            // A lookup is a pin: the record is found and the peer dialled.
            _ = other
        case .readBalance(let of): _ = peers[i].node?.log?.ledger.account(peers[of].account)
        case .leave: give(i, peers[i].boot, .leave(.now), .operation, UInt64(place))
        case .join: break
        }
    }

    private mutating func operateMember(_ place: Int, _ operation: Operation, _ i: Int) {
        guard peers[i].life == .up else { return work.set(place, .skipped) }
        work.set(place, .asked)
        switch operation.kind {
        case .lookup(let other): feed(i, peers[i].boot, .find(peers[other].id, ticket(i)))
        case .leave: feed(i, peers[i].boot, .leave(.now))
        default: work.set(place, .skipped)
        }
    }

    private func needsLog(_ kind: Operation.Kind) -> Bool {
        switch kind {
        case .openJob, .cancelJob, .transfer, .readBalance: true
        case .lookup, .join, .leave: false
        }
    }

    mutating func ticket(_ i: Int) -> Ticket {
        peers[i].lastTicket += 1
        return Ticket(1 << 32 | peers[i].lastTicket)
    }

    /// Of every job, in seconds of the ledger clock: a job that nobody can serve ends within a run.
    static let jobSeconds: Int64 = 120
    /// Fetching, waiting for a slot and the commit, beyond the run.
    static let leaseSlack: Int64 = 15

    private mutating func open(_ planned: Operation.Job, _ place: Int, _ i: Int) {
        let job = asked(planned, by: i)
        let id = work.items[place].operation.id
        // Room for a machine that is four times slower.
        let runs = max(1, (job.runs.milliseconds * 4 + 999) / 1_000)
        let verify = job.replicas == 1 ? #"{"mode":"none"}"# : #"{"replicas":\#(job.replicas)}"#
        let memory = job.isUnservable ? "512GiB" : "64MiB"
        let text =
            #"{"peernode":"v1","name":"sim","run":{"runtime":"command","args":["sim","\#(job.taskClass.rawValue)","#
            + #""\#(id)","\#(job.runs.milliseconds)"]},"resources":{"memory":"\#(memory)"},"verify":\#(verify),"#
            + #""timeout":{"run":"\#(runs)s","lease":"\#(runs + World.leaseSlack)s","total":"\#(World.jobSeconds)s"}}"#
        let reading = Manifest.read(json: Array(text.utf8), fileName: "sim", hashing: peers[i].key)
        guard let manifest = reading.manifest else {
            return work.set(place, .refused("\(reading.issues)"))
        }
        let ticket = ticket(i)
        peers[i].submissions[ticket] = place
        give(
            i, peers[i].boot,
            .book(
                .submit(
                    Submission(manifest: manifest, account: peers[i].account, waitsForOffers: true), ticket)),
            .operation, UInt64(place))
    }

    // MARK: what they are told

    mutating func replied(_ ticket: Ticket, _ reply: SubmitReply, _ i: Int) {
        guard let place = peers[i].submissions.removeValue(forKey: ticket) else { return }
        switch reply {
        case .accepted(let job, _, _):
            work.set(place, .accepted)
            work.set(place, job: job)
            observations.append(.promised(i, place))
        case .refused(let issues): work.set(place, .refused("\(issues)"))
        case .conflict, .busy: work.set(place, .refused("busy"))
        case .failed(let why): work.set(place, .refused(why))
        }
    }

    mutating func accepted(_ ticket: UInt64, _ id: TransactionID, _ i: Int) {
        guard let place = work.tickets[i]?[ticket] else { return }
        work.tickets[i]?[ticket] = nil
        work.set(place, .accepted)
        work.set(place, entry: id)
        observations.append(.promised(i, place))
    }

    mutating func refused(_ ticket: UInt64, _ why: LogNode.EntryRefusal, _ i: Int) {
        guard let place = work.tickets[i]?[ticket] else { return }
        work.tickets[i]?[ticket] = nil
        work.set(place, .refused("\(why)"))
    }

    mutating func progressed(_ id: TransactionID, _ progress: LogNode.EntryProgress, _ i: Int) {
        guard let place = work.byEntry[id] else { return }
        switch progress {
        case .ordered(let height, let code): work.set(place, .ordered(height: height, applied: code == .applied))
        case .certified(let height, let code):
            work.set(place, .certified(height: height, applied: code == .applied))
            observations.append(.final(i, place, height))
            samples.final(elapsed - work.items[place].operation.at)
        case .expired: work.set(place, .expired)
        }
    }
}
