import Basis
import NodeCore
import Records

/// What the writer thread of the store is for the daemon: batches in order, synced by group (`simulation.md` 7).
extension World {
    mutating func write(_ asked: StoreBatch, _ ticket: SimPeer.Node.WriteTicket, _ i: Int) {
        let batch = plant == .none ? asked : plant == .writesTrailingBytes ? withTrailingBytes(asked) : planted(asked)
        let boot = peers[i].boot
        peers[i].openWrites += 1
        if let crash = peers[i].crashAtWrite {
            if crash.left <= 1 {
                peers[i].crashAtWrite = nil
                if crash.after {
                    let number = peers[i].disk.append(batch)
                    note(.appended, .appended(i, batch, number: number))
                    noteWritten(batch, by: i)
                    peers[i].disk.sync(upTo: number)
                }
                return crashByFault(i)
            }
            peers[i].crashAtWrite?.left -= 1
        }
        let isFull = peers[i].disk.bytes >= peers[i].bytesMax
        if isFull || peers[i].isRefusing || peers[i].writeError.fires(diskRng[i].next()) {
            // After a failed write the store refuses all others, so that none stands before one that is missing.
            peers[i].isRefusing = true
            return queue.push(
                .writeFailed(peer: i, boot: boot, ticket), at: inTurn(i, now + plan.diskLatency))
        }
        observations.append(.wrote(i, batch))
        noteWritten(batch, by: i)
        let number = peers[i].disk.append(batch)
        note(.appended, .appended(i, batch, number: number))
        if peers[i].isLying || !batch.isSynced || plant == .answersBeforeSync {
            return queue.push(
                .unsynced(peer: i, boot: boot, number: number, isSynced: batch.isSynced, ticket),
                at: inTurn(i, now + .microseconds(50)))
        }
        let latency = plan.diskLatency * peers[i].syncFactor
        let begins = max(now, peers[i].disk.busyUntil)
        // A stalled disk completes nothing before the fault ends; `end(fault:)` lets it go.
        let ends = inTurn(i, peers[i].isStalled ? max(begins, stallEnds(i)) : begins + latency)
        peers[i].disk.busyUntil = ends
        queue.push(.synced(peer: i, boot: boot, upTo: number, ticket), at: ends)
    }

    /// The daemon resumes its store once every refused batch is answered and the log lost none.
    mutating func noteFailedWrite(_ i: Int) {
        peers[i].openWrites -= 1
        if peers[i].openWrites == 0, peers[i].node?.log?.lostWrites ?? 0 == 0 { peers[i].isRefusing = false }
    }

    /// One thread writes: batches are answered in the order in which they were handed over.
    private func inTurn(_ i: Int, _ at: Instant) -> Instant {
        let next = max(at, peers[i].answeredAt + .nanoseconds(1))
        peers[i].answeredAt = next
        return next
    }

    /// When the last stall of this peer's disk ends.
    private func stallEnds(_ i: Int) -> Instant {
        var latest = now + plan.diskLatency
        for (index, met) in active where met.contains(i) {
            guard case .disk(_, .stall) = plan.faults[index].kind else { continue }
            latest = max(latest, World.instant(end(of: plan.faults[index])))
        }
        return latest
    }

    func end(of fault: Fault) -> Interval { fault.duration.map { min(fault.at + $0, plan.calmAt) } ?? plan.calmAt }
}
