import API
import Basis
import Sodium
import Trust

/// Ids as the API writes and reads them.
enum IDs {
    static let hashing = SodiumHashing()

    static func account(_ key: PublicKey) -> String { TextID.account(key, hashing: hashing) }
    static func peer(_ id: PeerID) -> String { TextID.text(.peer, id.raw) }
    static func job(_ id: JobID) -> String { TextID.text(.job, id.raw) }
    static func transaction(_ id: TransactionID) -> String { TextID.text(.tx, id.raw) }
    static func blob(_ id: BlobID) -> String { TextID.text(.blob, id.raw) }
    static func network(_ id: NetworkID) -> String { TextID.text(.net, id.raw) }
    static func time(_ milliseconds: UInt64) -> Timestamp {
        Timestamp(unixMilliseconds: Int64(clamping: milliseconds))
    }

    /// The account that `text` names: `self`, its id, or 64 hexadecimal digits. E505 for anything else.
    static func account(_ text: String, own: PublicKey) throws(Problem) -> PublicKey {
        if text == "self" { return own }
        if let key = TextID.account(text, hashing: hashing) { return key }
        if text.utf8.count == 64, let raw = Bytes32(hex: text) { return PublicKey(raw) }
        let shown = VisibleText.escape(text, limit: 80)
        let looksRight = text.hasPrefix("acct_") && text.utf8.count == 61
        throw Problem(
            .badAccount, looksRight ? "\(shown): the check characters are wrong" : "\(shown) is not an account",
            fix: "copy the account as its owner's 'peernode key' prints it")
    }

    static func blob(_ text: String) throws(Problem) -> BlobID {
        guard let raw = TextID.parse(.blob, text) else { throw notFound("blob", text) }
        return BlobID(raw)
    }

    static func notFound(_ kind: String, _ text: String) -> Problem {
        Problem(.notFound, "there is no \(kind) \(VisibleText.escape(text, limit: 80)) here")
    }

    /// The first bytes of every id that begins with `text` in base32: at least 4 characters. Bits that the text does
    /// not say are zero, so it sorts before all of them.
    static func prefix(_ kind: TextID.Kind, _ text: String) -> (characters: String, low: [UInt8])? {
        var body = text[...]
        if body.hasPrefix(kind.rawValue + "_") { body = body.dropFirst(kind.rawValue.count + 1) }
        if body.hasSuffix("…") { body = body.dropLast() }
        guard (4..<52).contains(body.utf8.count) else { return nil }
        let padded = String(body) + String(repeating: "a", count: 52 - body.utf8.count)
        guard let low = TextID.bytes(base32: padded) else { return nil }
        return (String(body), low)
    }

    /// The one id that `text` names among those that `next` finds, given the lowest id to look from.
    ///
    /// - Parameter next: the lowest known id that is not below the one given.
    static func resolve(
        _ kind: TextID.Kind, _ text: String, what: String, next: (Bytes32) -> Bytes32?
    ) throws(Problem) -> Bytes32 {
        if let raw = TextID.parse(kind, text) {
            guard next(raw) == raw else { throw notFound(what, text) }
            return raw
        }
        guard let (characters, low) = prefix(kind, text), var at = Bytes32(low) else {
            throw notFound(what, text)
        }
        var found: [Bytes32] = []
        while found.count < 4, let one = next(at), TextID.base32(one.bytes).hasPrefix(characters) {
            found.append(one)
            guard let following = successor(one) else { break }
            at = following
        }
        if found.count > 1 {
            let all = found.map { TextID.short(kind, $0) }.joined(separator: ", ")
            throw Problem(
                .ambiguousID, "\(VisibleText.escape(text, limit: 80)) begins the names of several: \(all)",
                fix: "give more characters")
        }
        guard let one = found.first else { throw notFound(what, text) }
        return one
    }

    static func successor(_ id: Bytes32) -> Bytes32? {
        var bytes = id.bytes
        for index in bytes.indices.reversed() {
            let (sum, overflow) = bytes[index].addingReportingOverflow(1)
            bytes[index] = sum
            if !overflow { return Bytes32(bytes) }
        }
        return nil
    }
}
