import Basis
import Gossip
import Records
import Trust

/// A peer of tier XL: its Membership core alone, with sessions that the world stands in for (`simulation.md` 21).
/// Messages are values with their real size; no byte is sealed.
struct SimMember: Sendable {
    /// The paths of one session.
    struct Way: Sendable {
        var isDatagramUp = false
        var isMainUp = false
        /// Under which number this core knows the other.
        var index: PeerIndex
    }

    var core: Membership
    var record: PeerRecord?
    var sessions = SortedMap<Int, Way>()
    /// Peers that it counts as links, ascending.
    var links: [Int] = []
    /// What the store holds.
    var disk: [[UInt8]: [UInt8]] = [:]

    mutating func setLink(_ peer: Int, _ isUp: Bool) {
        let at = links.firstIndex { $0 >= peer } ?? links.count
        let isThere = at < links.count && links[at] == peer
        if isUp, !isThere { links.insert(peer, at: at) }
        if !isUp, isThere { links.remove(at: at) }
    }
}
