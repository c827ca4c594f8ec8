import Gossip
package import NodeCore
package import Records
import Session

extension Plan {
    /// Tables and queues of every node of this plan; checkers judge by the same.
    package var nodeLimits: NodeLimits {
        if tier == .extraLarge {
            // Links as in production, and a book of 160 entries: 10,000 books of 1,280 would be 4 GB of one process.
            var large = NodeLimits.production
            large.gossip.bookEntriesMax = 160
            large.gossip.peerDirectoryEntriesMax = 1_024
            large.gossip.unansweredEntriesMax = 64
            // The book is what says how large the network is: a full one of 160 rows stands for one of 1,280.
            large.gossip.hopsLargePeersMin = 128
            large.gossip.linkSentMax = 64
            return large
        }
        guard limits == .tiny else { return .production }
        var tiny = NodeLimits.tiny
        if peers.count > 16 {
            // A refusal bars a minute, and calm must bring everybody back within one: with 4 links sought and room for
            // 8, a peer that knows some 60 others finds room at its first few tries. With 2 and 3 it often does not.
            tiny.gossip.outboundLinksTarget = 4
            tiny.gossip.inboundLinksMax = 8
            tiny.gossip.bookEntriesMax = 64
            tiny.gossip.dialsInFlightMax = 4
            // 12 links, 4 kept for seats, and as many again for the partners of jobs and for those that are met.
            tiny.session.sessionsMax = 32
        }
        return tiny
    }

    /// Of the log.
    package var ledgerLimits: LedgerLimits {
        var all = limits == .tiny ? LedgerLimits.tiny : LedgerLimits.production
        // Tiny networks have more observers than two.
        all.followersMax = max(all.followersMax, 32)
        return all
    }
}
