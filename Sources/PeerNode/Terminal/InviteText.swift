import Wire
import Records
import Trust

/// An invite as text: base32 of its bytes.
enum InviteText {
    static func text(_ token: InviteToken) -> String { TextID.base32(token.encoded) }
    static func token(_ text: String) -> InviteToken? {
        TextID.bytes(base32: text).flatMap { try? InviteToken(decoding: $0) }
    }
}
