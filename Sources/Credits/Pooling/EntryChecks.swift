public import Records
public import Trust

/// The stateless checks of `ledger.md` 6.2 as ingress and notarize votes use them: one code for every refusal.
public enum EntryChecks {
    /// Size, canonical form, known kind, field rules, signatures. About 35 µs, nearly all of it the signature.
    ///
    /// An entry of a later stage is `malformed` here; `SubmitAck` answers it as unsupported (see `isUnsupported`).
    public static func admit(
        _ bytes: [UInt8], network: NetworkID, verifying: some Verifying, hashing: some Hashing
    ) -> Result<CheckedEntry, OutcomeCode> {
        do throws(CheckedEntry.Refusal) {
            return .success(try CheckedEntry(bytes, network: network, hashing: hashing, verifying: verifying))
        } catch {
            return .failure(code(of: error))
        }
    }

    public static func code(of refusal: CheckedEntry.Refusal) -> OutcomeCode {
        switch refusal {
        case .badSignature: .badSignature
        case .tooLarge, .unsupported, .malformed: .malformed
        }
    }

    /// Whether the bytes are an entry of a kind that this version does not know.
    public static func isUnsupported(_ bytes: [UInt8]) -> Bool {
        bytes.count >= 2 && bytes[0] == 1 && Entry.Kind(rawValue: bytes[1]) == nil
    }
}
