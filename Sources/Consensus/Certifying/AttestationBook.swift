import Basis
import Records

/// Attestations by height and seat, until a state certificate covers them.
struct AttestationBook: Sendable {
    private var heights = SortedMap<UInt64, [Attestation?]>()

    /// The first attestation of a seat for a height counts; false if there was one.
    mutating func add(_ attestation: Attestation, n: Int) -> Bool {
        let height = attestation.state.height
        var list = heights[height] ?? Array(repeating: nil, count: n)
        let seat = Int(attestation.seat)
        if list[seat] != nil { return false }
        list[seat] = attestation
        heights[height] = list
        return true
    }

    /// The certificate for `state`, if at least `quorum` seats attested it.
    func certificate(for state: StateTuple, quorum: Int) -> StateCertificate? {
        let signatures = (heights[state.height] ?? []).compactMap { one -> SeatSignature? in
            guard let one, one.state == state else { return nil }
            return SeatSignature(seat: one.seat, signature: one.signature)
        }
        return signatures.count >= quorum
            ? StateCertificate(state: state, signatures: signatures) : nil
    }

    func attestations(at height: UInt64) -> [Attestation] {
        (heights[height] ?? []).compactMap { $0 }
    }

    mutating func removeUpTo(_ height: UInt64) {
        while let first = heights.first, first.key <= height { heights.popFirst() }
    }
}
