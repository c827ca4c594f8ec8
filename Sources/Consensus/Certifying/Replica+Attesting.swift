import Basis
import Records
import Trust
import Wire

extension Replica {
    /// After an execution: vouches for the state, and compares it with what others said of this height.
    mutating func attest() {
        let state = executed.state
        for other in attestations.attestations(at: state.height) where other.state != state {
            dispute(state.height, seat: Int(other.seat))
        }
        if let ahead = certifiedAhead, ahead.state.height <= state.height {
            certifiedAhead = nil
            accept(ahead)
            if mode == .stopped { return }
        }
        if isAttestationDue { sendAttestation() }
        settle(state)
    }

    /// The last block of a run, and each eighth of a long one.
    var isAttestationDue: Bool {
        let height = executed.state.height
        guard height > certifiedHeight else { return false }
        return handed.height - height < 4 || height % 8 == 0
    }

    func ownAttestation() -> Attestation? {
        guard let own, let voting = configuration.voting, mode != .stopped, executed.state.height > 0
        else { return nil }
        let signature = voting.sign(
            .attest, network: configuration.network, body: executed.state.encoded)
        return Attestation(state: executed.state, seat: UInt16(own), signature: signature)
    }

    mutating func sendAttestation() {
        guard let attestation = ownAttestation() else { return }
        _ = attestations.add(attestation, n: seats.count)
        post(.attestation(attestation), to: otherSeats)
        attestationRounds = 0
        if seats.count > 1 { deadlines.set(.attestation, at: now + delta * 2) }
    }

    /// Every 2Δ ten times, then every 5 s, until a certificate covers the height (4.3).
    mutating func resendAttestation() {
        guard executed.state.height > certifiedHeight, let attestation = ownAttestation() else {
            return
        }
        if attestations.add(attestation, n: seats.count) { settle(executed.state) }
        post(.attestation(attestation), to: otherSeats)
        attestationRounds += 1
        deadlines.set(
            .attestation,
            at: now + (attestationRounds < 10 ? min(delta * 2, .seconds(5)) : .seconds(5)))
    }

    mutating func receive(_ attestation: Attestation, from sender: PeerID) {
        let state = attestation.state
        guard state.epoch == epoch, Int(attestation.seat) < seats.count,
            state.height < Replica.numberMax
        else {
            stats.badMessages += 1
            return
        }
        if own == Int(attestation.seat) { return }
        if state.height <= certifiedHeight {
            compare(state, seat: attestation.seat)
            // Without an answer a seat that missed the others' attestations would never see a certificate.
            if state.height < certifiedHeight || isCertificateOld {
                answerAttestation(Int(attestation.seat))
            }
            return
        }
        let ahead = limits.unexecutedBlocksMax + limits.uncertifiedBlocksMax
        if state.height > executed.state.height + ahead { return }
        let isNew = attestations.add(attestation, n: seats.count)
        if isNew, state.height <= executed.state.height { compare(state, seat: attestation.seat) }
        if let certificate = attestations.certificate(for: state, quorum: seats.quorum) {
            accept(certificate)
        }
    }

    /// Whether the newest state certificate is known for longer than Δ.
    var isCertificateOld: Bool { now - certifiedAt > delta }

    mutating func answerAttestation(_ seat: Int) {
        guard let certified, mayAnswer(seatPeers[seat], view: UInt64.max) else { return }
        post(.stateCertificate(certified), to: [seatPeers[seat]])
    }

    mutating func compare(_ state: StateTuple, seat: UInt16) {
        if let known = ownStates[state.height], known != state {
            dispute(state.height, seat: Int(seat))
        }
    }

    /// Once per seat and height.
    mutating func dispute(_ height: UInt64, seat: Int) {
        if disputed[seat] == height { return }
        disputed[seat] = height
        emit(.alarm(.disputed(height: height, seat: UInt16(seat))))
    }

    /// Forms the certificate of an own state if enough seats attested it.
    mutating func settle(_ state: StateTuple) {
        if state.height > certifiedHeight,
            let certificate = attestations.certificate(for: state, quorum: seats.quorum)
        {
            accept(certificate)
        }
    }

    /// Takes a state certificate (5.3): it advances `certified`, shows how far the log is, or stops this node.
    mutating func accept(_ certificate: StateCertificate) {
        let state = certificate.state
        guard state.epoch == epoch, state.height < Replica.numberMax, state.height > 0,
            certificate.signatures.count >= seats.quorum, mode != .stopped
        else {
            stats.badMessages += 1
            return
        }
        if state.height > executed.state.height {
            if let known = certifiedAhead, known.state.height == state.height, known.state != state {
                fork("two state certificates of height \(state.height)")
                return
            }
            if state.height > (certifiedAhead?.state.height ?? 0) { certifiedAhead = certificate }
            if tree[state.blockHash] != nil { deliverFinal() }
            return
        }
        if let known = certified, known.state.height == state.height, known.state != state {
            fork("two state certificates of height \(state.height)")
            return
        }
        if let own = ownStates[state.height], own != state {
            mark("consensus.diverged")
            lazyWrites.put(
                .evidence, StoreKey([0]).u64(state.height).bytes, certificate.encoded)
            emit(.alarm(.diverged(own: own, certificate: certificate)))
            stop()
            return
        }
        if state.height <= certifiedHeight { return }
        let passed = retention.add(state.height, after: certifiedHeight)
        certified = certificate
        certifiedAt = now
        lazyWrites.put(.proofs, JournalKey.height(state.height), certificate.encoded)
        for height in passed { lazyWrites.delete(.proofs, JournalKey.height(height)) }
        attestations.removeUpTo(state.height)
        if state.height == executed.state.height { deadlines.cancel(.attestation) }
        emit(.certified(certificate))
        if !followers.isEmpty { post(.stateCertificate(certificate), to: followers) }
    }
}
