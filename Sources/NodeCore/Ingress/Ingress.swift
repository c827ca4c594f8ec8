public import Records
public import Trust

/// Makes `Verified` values of what needs no signature: messages inside an established session are authentic by its
/// keys.
public enum Ingress {
    /// A message of a compound: the session's seal proved its sender, the decoder its form. Records inside are signed
    /// by their own subjects, and Membership asks for their verification.
    public static func peer(_ message: PeerMessage) -> Verified<PeerMessage> {
        Verified(checked: message)
    }

    /// Records whose signatures hold in this network, and the indices of those that do not.
    public static func records(
        _ records: [PeerRecord], network: NetworkID, verifying: some Verifying
    ) -> (valid: [Verified<PeerRecord>], rejected: [UInt8]) {
        var valid: [Verified<PeerRecord>] = []
        var rejected: [UInt8] = []
        for (index, record) in records.enumerated() {
            if record.isAuthentic(network: network, by: verifying) {
                valid.append(Verified(checked: record))
            } else {
                rejected.append(UInt8(clamping: index))
            }
        }
        return (valid, rejected)
    }
}
