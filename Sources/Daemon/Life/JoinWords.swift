import API
import Gossip
import Records

// What joining reports, in the words of `gossip.md` 10.3.
extension SeedOutcome {
    /// `192.0.2.1:7717 timed out`
    var words: String {
        switch result {
        case .nameNotFound: "\(VisibleText.escape(seed.host, limit: 255)) not found"
        case .failed(let failure): "\(VisibleText.escape(seed.host, limit: 255)):\(seed.port) \(failure.words)"
        }
    }
}

extension DialFailure {
    var words: String {
        switch self {
        case .timeout: "timed out"
        case .unreachable: "cannot be reached from here"
        case .connectionRefused: "refused the connection"
        case .wrongPeer: "is another peer than the seed names"
        case .badSignature: "could not prove who it is"
        case .cancelled: "was given up"
        case .noEntropy: "could not be dialled: no random numbers"
        case .tooManySessions: "has no room for another session"
        case .selfDial: "is this node itself"
        case .policy: "is not allowed here"
        case .busy(let seconds): "is busy for \(seconds) s"
        case .wrongNetwork(let network): "belongs to \(IDs.network(network))"
        case .wrongVersion(let min, let max): "speaks protocol \(min) to \(max)"
        }
    }
}
