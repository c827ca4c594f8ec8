import Basis
import Records
import Trust

extension Membership {
    /// Expiries of all tables (7.1), every `housekeeping`.
    mutating func keepHouse() {
        deadlines.set(.housekeeping, at: now + limits.housekeeping)
        for (peer, entry) in book.entries { age(peer, entry) }
        bans.dropEnded(now: now)
        requestBars.dropEnded(now: now)
        refusalBars.dropEnded(now: now)
        dials.damping.dropEnded(now: now)
        for (peer, _) in admission.tellers where sessions[peer] == nil { admission.tellers.remove(peer) }
        for (peer, _) in probing.errandBudgets where sessions[peer] == nil {
            probing.errandBudgets.remove(peer)
        }
        for (key, at) in conflicts where now - at >= limits.conflictRepeat { conflicts.remove(key) }
        for (peer, pause) in documents.pauses where now - pause.until >= limits.documentRetryMax {
            documents.pauses.remove(peer)
        }
        // Verifications that never came back (a lost input) must not pile up.
        while admission.checking.count > limits.verificationsOpenMax { admission.checking.popFirst() }
        needsPlan = true
    }

    mutating func age(_ peer: PeerID, _ entry: BookEntry) {
        let isPastLife = !isInTime(entry.record)
        let isConnected = sessions[entry.index]?.hasPath ?? false
        switch entry.state {
        case .left:
            if isPastLife { removeRow(peer) }
            return
        case .heard:
            if isPastLife {
                removeRow(peer)
            } else if now - entry.heardAt >= limits.heardAgeMax, !isConnected {
                dropHeard(peer)
            }
            return
        case .unreachable:
            let oldest = clock.unix(now).subtractingOrZero(limits.triedAgeMax)
            if entry.verifiedAt < oldest {
                removeRow(peer)
                raise(.memberExpired(entry.index))
                return
            }
        case .verified: break
        }
        if isPastLife != entry.isExpired { book.update(peer) { $0.isExpired = isPastLife } }
    }

    /// Dirty rows go to disk in one batch (10.4); nothing waits for it.
    mutating func persistRows() {
        deadlines.set(.persist, at: now + limits.persist)
        storeJoin()
        let batch = rowsBatch()
        if batch.isEmpty { return }
        let ticket = ticket()
        spreading.unconfirmed = (ticket, batch.rows.map(\.id), batch.deletions)
        emit(.persist(batch, ticket))
    }

    /// The last batch did not reach the disk: its rows and deletions go into the next.
    mutating func keepUnsaved() {
        guard let lost = spreading.unconfirmed else { return }
        spreading.unconfirmed = nil
        for peer in lost.rows { book.update(peer) { $0.isDirty = true } }
        for peer in lost.deletions where spreading.saved[peer] == nil {
            spreading.saved[peer] = true
            spreading.savedCount += 1
            spreading.deletions.append(peer)
        }
    }

    mutating func rowsBatch() -> MembershipBatch {
        flagAnchors()
        var batch = MembershipBatch()
        for peer in spreading.deletions where book[peer] == nil && spreading.saved[peer] != nil {
            unsave(peer, &batch)
        }
        spreading.deletions = []
        for (peer, entry) in book.entries where entry.isDirty {
            book.update(peer) { $0.isDirty = false }
            if entry.isLeft {
                if spreading.saved[peer] != nil { unsave(peer, &batch) }
                continue
            }
            guard entry.verifiedAt > 0 else { continue }
            if spreading.saved[peer] == nil {
                guard spreading.savedCount < limits.savedRowsMax else { continue }
                spreading.saved[peer] = true
                spreading.savedCount += 1
            }
            batch.rows.append(
                SavedRow(
                    id: peer, record: entry.record, isAnchor: entry.isAnchor,
                    scopeFloor: entry.scopeFloor, firstSeen: entry.firstSeen,
                    verifiedAt: entry.verifiedAt, lastAttempt: entry.lastAttempt,
                    failures: UInt16(clamping: entry.failures)))
        }
        return batch
    }

    mutating func unsave(_ peer: PeerID, _ batch: inout MembershipBatch) {
        spreading.saved[peer] = nil
        spreading.savedCount -= 1
        batch.deletions.append(peer)
    }

    /// Anchors are the links of the longest service (13.3): what a restart dials first.
    mutating func flagAnchors() {
        let longest = links.filter { $0.value.isUp }
            .sorted { ($0.value.since, $0.key) < ($1.value.since, $1.key) }
            .prefix(limits.anchorsMax).map(\.value.id)
        // Without links the anchors of before are the best guess for the next start.
        if longest.isEmpty { return }
        for (peer, entry) in book.entries {
            let isAnchor = longest.contains(peer)
            guard isAnchor != entry.isAnchor else { continue }
            book.update(peer) {
                $0.isAnchor = isAnchor
                $0.isDirty = true
            }
        }
    }
}
