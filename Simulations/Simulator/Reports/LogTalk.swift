import Records
import Trust

/// Messages of the log in a few words, for whoever reads a replay.
enum LogTalk {
    static func text(_ message: LogMessage) -> String {
        switch message {
        case .proposal(let m):
            let header = m.block.header
            return "proposal of view \(header.view), height \(header.height), \(m.block.entries.count) entries"
        case .vote(let m): return "\(text(m.ballot)) by seat \(m.seat)"
        case .certificate(let m): return "certificate \(text(m.ballot)) of \(m.votes.map(\.seat))"
        case .attestation(let m): return "attestation of height \(m.state.height) by seat \(m.seat)"
        case .stateCertificate(let m): return "state certificate of height \(m.state.height)"
        case .status(let m):
            return "status: view \(m.view), final \(m.finalHeight), executed \(m.executedHeight), certified "
                + "\(m.certifiedHeight), flags \(m.flags.rawValue)"
        case .fetchBlocks(let m):
            return m.hash.map { "asks for block \(short($0))" } ?? "asks for \(m.count) blocks from \(m.from)"
        case .blocks(let m): return "blocks \(heights(m))"
        case .fetchCertificates(let m): return "asks for certificates of views \(m.from) to \(m.to)"
        case .certificates(let m):
            return "certificates [\(m.certificates.map { text($0.ballot) }.joined(separator: ", "))], "
                + "own votes [\(m.ownVotes.map { text($0.ballot) }.joined(separator: ", "))]"
        case .submit(let m): return "submits \(m.entries.count) entries, hop \(m.hops)"
        case .submitAck(let m): return "answers \(m.results.map(\.answer)) to entries"
        case .follow(let m): return "follows from height \(m.fromHeight)"
        case .final(let m): return "final \(heights(m))"
        }
    }

    private static func text(_ ballot: Ballot) -> String {
        "\(ballot.kind) \(ballot.view)" + (ballot.blockHash.isZero ? "" : " \(short(ballot.blockHash))")
    }

    private static func heights(_ m: Blocks) -> String {
        let all = m.blocks.map { "\($0.header.height)" }.joined(separator: " ")
        return "[\(all)] with \(m.links.count) links" + (m.finalizeCertificate == nil ? "" : ", finalised")
            + (m.stateCertificate == nil ? "" : ", certified")
    }

    private static func short(_ hash: Digest) -> String { String("\(hash)".prefix(8)) }
}

extension World {
    /// Tells what a peer said and heard in one call.
    mutating func tellTalk(_ i: Int) {
        for one in tap.talk {
            switch one {
            case .said(let message, let peers):
                let all = peers.map { byID[$0].map { "\($0)" } ?? "?" }.joined(separator: " ")
                tell(i, "says", "to \(all): \(LogTalk.text(message))")
            case .heard(let message, let from):
                tell(i, "hears", "from \(byID[from].map { "\($0)" } ?? "?"): \(LogTalk.text(message))")
            }
        }
    }
}
