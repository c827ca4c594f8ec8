public import Basis

/// Ids as people meet them: a kind, `_`, and 52 characters of lower-case base32 without padding (`surfaces.md` 0).
public enum TextID {
    public enum Kind: String, Sendable, CaseIterable {
        case peer, job, tx, blob, tree, rcpt, net, seat, acct
    }

    static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    /// Lower-case base32 (RFC 4648 alphabet) without padding; unused bits are zero.
    public static func base32(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        var buffer: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            buffer = (buffer & 0xff) << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                out.append(alphabet[Int(buffer >> bits & 31)])
            }
        }
        if bits > 0 { out.append(alphabet[Int(buffer << (5 - bits) & 31)]) }
        return String(decoding: out, as: UTF8.self)
    }

    /// The bytes of `text`; nil if a character is foreign or an unused bit is set.
    public static func bytes(base32 text: some StringProtocol) -> [UInt8]? {
        var out: [UInt8] = []
        var buffer: UInt32 = 0
        var bits: UInt32 = 0
        for character in text.utf8 {
            let value: UInt32
            switch character {
            case 0x61...0x7a: value = UInt32(character - 0x61)
            case 0x32...0x37: value = UInt32(character - 0x32) + 26
            default: return nil
            }
            buffer = (buffer & 0xff) << 5 | value
            bits += 5
            if bits >= 8 {
                bits -= 8
                out.append(UInt8(truncatingIfNeeded: buffer >> bits))
            }
        }
        if bits >= 5 || buffer & ((1 << bits) - 1) != 0 { return nil }
        return out
    }

    /// `kind_` and the 52 characters. Accounts have check characters: use `account(_:hashing:)`.
    public static func text(_ kind: Kind, _ raw: Bytes32) -> String {
        kind.rawValue + "_" + base32(raw.bytes)
    }

    /// The first 8 characters after the kind, as human output shortens ids.
    public static func short(_ kind: Kind, _ raw: Bytes32) -> String {
        kind.rawValue + "_" + base32(raw.bytes).prefix(8) + "…"
    }

    /// The 4 check characters of an account: first 20 bits of `H("peernode/text-id/v1", key)`.
    static func check(_ key: PublicKey, hashing: some Hashing) -> String {
        String(base32(hashing.hash("peernode/text-id/v1", key.bytes).bytes).prefix(4))
    }

    /// `acct_`, the key, and 4 check characters.
    public static func account(_ key: PublicKey, hashing: some Hashing) -> String {
        text(.acct, key.raw) + check(key, hashing: hashing)
    }

    /// The account that `text` names; nil if it is not one or its check characters are wrong.
    public static func account(_ text: String, hashing: some Hashing) -> PublicKey? {
        let body = text.hasPrefix("acct_") ? String(text.dropFirst(5)) : text
        guard body.utf8.count == 56, let raw = bytes(base32: body.prefix(52)),
            let key = PublicKey(raw)
        else { return nil }
        return check(key, hashing: hashing) == body.suffix(4) ? key : nil
    }

    /// The 32 bytes that a full id of `kind` names: with its kind, without it, or as 64 hexadecimal digits.
    public static func parse(_ kind: Kind, _ text: String) -> Bytes32? {
        var body = text[...]
        if body.hasPrefix(kind.rawValue + "_") || body.hasPrefix(kind.rawValue + ":") {
            body = body.dropFirst(kind.rawValue.count + 1)
        }
        if body.utf8.count == 64 { return Bytes32(hex: String(body)) }
        guard body.utf8.count == 52, let raw = bytes(base32: body) else { return nil }
        return Bytes32(raw)
    }
}
