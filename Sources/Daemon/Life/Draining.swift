public import Basis
import Compute
import Logging
import Loop
import NodeCore

// How work ends before its process does (`surfaces.md` 3.3): nothing new is taken, what runs may finish for a while,
// and what does not is handed back, so that another peer is drawn at once and not when the lease has run out.
extension NodeActor {
    /// Leases whose program or claim is not finished. One that has committed must reveal, or it goes unpaid.
    var unfinishedWork: [LeaseID] {
        core.leases.filter { lease in
            switch lease.state {
            case .leased, .waiting, .fetching, .running, .sealing, .committed: true
            default: false
            }
        }.map(\.id)
    }

    /// Withdraws the offers, waits for unfinished work, and hands back what is left at `deadline`.
    ///
    /// - Returns: how many leases were handed back.
    public func drain(until deadline: Instant) async -> Int {
        give(.desk(.owner(.drain)))
        while isRunning, !unfinishedWork.isEmpty, loop.now < deadline {
            await change(until: min(deadline, loop.now + .milliseconds(200)))
        }
        // What is committed or being sealed cannot be given back.
        let left = unfinishedWork.filter { lease in
            core.leases.contains { $0.id == lease && $0.state != .committed && $0.state != .sealing }
        }
        for lease in left { give(.desk(.owner(.stop(lease)))) }
        // Programs end, the declines are signed, sent and ordered; what the seats do not get now, they get at the next
        // start.
        let end = loop.now + (left.isEmpty ? .milliseconds(500) : .seconds(3))
        while isRunning, !unfinishedWork.isEmpty || core.log.map({ $0.outbox.count > 0 }) ?? false, loop.now < end {
            await change(until: min(end, loop.now + .milliseconds(50)))
        }
        return left.count
    }
}

extension RunningNode {
    /// Ends work in good order, within `shutdown.grace`.
    public func drain() async {
        let grace = Interval.milliseconds(Int64(clamping: options.configuration.shutdownGraceMillis))
        let count = await node.drain(until: loop.now + grace)
        if count > 0 { log(.notice, "lease.handed_back", "the node stops", ["count": "\(count)"]) }
    }
}
