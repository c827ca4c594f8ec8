import Basis
import Gossip
import NodeCore
import Records
import Session
import Trust
import Wire

/// What checkers ask of a world beside observations.
extension World {
    /// The peer that another one calls by this index.
    func peer(_ i: Int, _ index: PeerIndex) -> Int? {
        (peers[i].inPlace { $0.membership.directory.id(of: index) } ?? nil).flatMap { byID[$0] }
    }

    /// Whose bytes an input is; -1 if it comes from nobody.
    func sender(of input: SimPeer.Node.Input, _ i: Int) -> Int {
        switch input {
        case .transport(.datagram(_, let from, _)): return byAddress[from] ?? -1
        case .transport(.bytes(let id, _)), .transport(.ended(let id)):
            let place = StreamPipe.place(id)
            return pipes[place.pipe].map { $0.ends[1 - place.end].peer } ?? -1
        default: return -1
        }
    }

    /// Tells what changed in the book of a peer since it was looked at last.
    mutating func noteBook(_ i: Int, _ input: SimPeer.Node.Input) {
        let known = peers[i].bookRevision
        guard let revision = peers[i].inPlace({ $0.membership.bookRevision }), revision != known else { return }
        peers[i].bookRevision = revision
        let before = peers[i].bookRows
        let after = peers[i].inPlace { $0.membership.rows } ?? []
        peers[i].bookRows = after
        let cause = sender(of: input, i)
        var (a, b) = (0, 0)
        while a < before.count || b < after.count {
            if b == after.count || a < before.count && before[a].id < after[b].id {
                observations.append(.bookChanged(i, before[a], nil, cause: cause))
                a += 1
            } else if a == before.count || after[b].id < before[a].id {
                observations.append(.bookChanged(i, nil, after[b], cause: cause))
                b += 1
            } else {
                let (old, new) = (before[a], after[b])
                if old.state != new.state || old.record.sequence != new.record.sequence
                    || old.isExpired != new.isExpired
                {
                    observations.append(.bookChanged(i, old, new, cause: cause))
                }
                a += 1
                b += 1
            }
        }
    }

    /// Whether both ends of a pair run, are honest and nothing of the plan meets them; and since when.
    func quietSince(_ i: Int, _ j: Int) -> Instant? {
        guard peers[i].isLive, peers[j].isLive, let a = undisturbedSince(i), let b = undisturbedSince(j)
        else { return nil }
        return max(a, b)
    }

    /// True time in milliseconds since 1970.
    var trueTime: UInt64 { SimClock.birth + UInt64(max(0, elapsed.milliseconds)) }
}

/// The head of a member record as it lies on the wire: honest peers tell only what they decoded themselves.
struct SeenRecord {
    let key: PublicKey
    let sequence: UInt64
    let lifetimeMinutes: UInt16
    let isLeave: Bool

    init?(_ bytes: [UInt8]) {
        if bytes.count < PeerRecord.bytesMin || bytes.count > PeerRecord.bytesMax { return nil }
        var reader = WireReader(bytes)
        do throws(WireError) {
            if try reader.u8() != 1 { return nil }
            _ = try reader.u32()
            key = try reader.value()
            sequence = try reader.u64()
            lifetimeMinutes = try reader.u16()
            isLeave = UnsignedRecord.Status(rawValue: try reader.u8()).contains(.left)
        } catch {
            return nil
        }
    }
}

/// What a Data datagram of mode `sim` says: its seal leaves the text readable.
enum SealedText {
    static let kind: UInt8 = 0xd6
    static let headBytes = 17

    static func text(_ datagram: [UInt8]) -> ArraySlice<UInt8>? {
        guard datagram.first == kind, datagram.count > headBytes + SessionCryptoSizes.sealBytes else { return nil }
        return datagram[headBytes..<(datagram.count - SessionCryptoSizes.sealBytes)]
    }

    /// The parts with records in it; most datagrams have none, which costs a look at each head.
    static func records(
        _ datagram: [UInt8], where isWanted: (ArraySlice<UInt8>) -> Bool = { _ in true }
    ) -> [RecordsPart] {
        guard let text = text(datagram) else { return [] }
        var found: [RecordsPart] = []
        var at = text.startIndex
        while at + 3 <= text.endIndex {
            let end = at + 3 + Int(text[at + 1]) + Int(text[at + 2]) << 8
            guard end <= text.endIndex else { break }
            // Pushes of one record are most; who wants answers alone asks for them.
            if text[at] == 0x0a, isWanted(text[at + 3..<end]), let one = try? Compound(decoding: Array(text[at..<end])),
                case .records(let part)? = one.messages.first
            {
                found.append(part)
            }
            at = end
        }
        return found
    }
}
