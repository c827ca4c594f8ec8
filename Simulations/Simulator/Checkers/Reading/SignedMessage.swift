import Basis
import Credits
import Records
import Trust
import Wire

/// What a key of the world signed, as far as checkers of the log care: votes and attestations.
enum SignedMessage: Sendable {
    case ballot(Ballot)
    case state(StateTuple)

    private static let kinds: [(text: [UInt8], vote: VoteKind?)] = [
        (Array("peernode/sign-notarize/v1".utf8) + [0], .notarize),
        (Array("peernode/sign-nullify/v1".utf8) + [0], .nullify),
        (Array("peernode/sign-finalize/v1".utf8) + [0], .finalize),
        (Array("peernode/sign-attest/v1".utf8) + [0], nil),
    ]

    /// Bytes of the network id between the kind and the body.
    private static let networkBytes = 32
    private static let ballotBytes = 48
    private static let stateBytes = 144

    /// nil if the message is of another kind. Most messages fail at their length.
    init?(_ message: [UInt8]) {
        for kind in SignedMessage.kinds {
            let body = kind.vote == nil ? SignedMessage.stateBytes : SignedMessage.ballotBytes
            guard message.count == kind.text.count + SignedMessage.networkBytes + body,
                message.starts(with: kind.text)
            else { continue }
            let bytes = Array(message[(kind.text.count + SignedMessage.networkBytes)...])
            if let vote = kind.vote {
                var reader = WireReader(bytes)
                guard let epoch = try? reader.u64(), let view = try? reader.u64(),
                    let hash = try? Digest(from: &reader),
                    (vote == .nullify) == hash.isZero
                else { return nil }
                self = .ballot(Ballot(kind: vote, epoch: epoch, view: view, blockHash: hash))
            } else {
                guard let state = try? StateTuple(decoding: bytes) else { return nil }
                self = .state(state)
            }
            return
        }
        return nil
    }
}
