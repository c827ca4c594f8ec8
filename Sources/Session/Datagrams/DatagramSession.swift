import Basis
import Records
import Trust

// Nested for the sake of specialisation, as `TimerID`.
extension SessionTable {
    /// One set of keys with one peer at one address (`gossip.md` 4.3). The table names it by our index.
    struct DatagramSession: Sendable {
        var peer: PeerID
        var network: NetworkID
        var remote: SocketAddress
        var socket: LocalSocket
        var remoteIndex: UInt32
        var sendKey: Bytes32
        var receiveKey: Bytes32
        var facts: SessionFacts
        /// False at the initiator until the first Data opens.
        var isUp: Bool
        var openedAt: Instant
        var usedAt: Instant
        var nextCounter: UInt64 = 0
        var window = ReplayWindow()
        /// Sealed part of the Confirm that opened it, to know repeats (responder).
        var confirmSealed: [UInt8] = []
        var readyRepeats = 0
        /// Set on the loser of two sessions: it receives until then.
        var retiredUntil: Instant?
        /// Whether we close it then with reason duplicate.
        var closesAsDuplicate = false
        /// Whether new keys were asked for already.
        var isRekeying = false
        var rekeyAt: Instant?
        var unknownAt: Instant?
        /// The last packets sent, in a ring.
        var sent: [SentPacket] = []
        var sentNext = 0

        struct SentPacket: Sendable, Hashable {
            var counter: UInt64
            var echo: Echo
            var at: Instant
        }

        /// The last bytes of a packet, `Unknown.echoBytes` of them.
        struct Echo: Sendable, Hashable {
            var first: UInt64 = 0
            var last: UInt32 = 0

            init(endOf bytes: [UInt8]) {
                for i in max(0, bytes.count - Unknown.echoBytes)..<bytes.count {
                    first = first << 8 | UInt64(last >> 24)
                    last = last << 8 | UInt32(bytes[i])
                }
            }
        }

        /// Whether `unknown` answers a packet that we sent lately.
        func sentLately(_ unknown: Unknown, within interval: Interval, now: Instant) -> Bool {
            let echo = Echo(endOf: unknown.echo)
            return sent.contains { $0.counter == unknown.counter && $0.echo == echo && now - $0.at <= interval }
        }

        /// A packet leaves with `counter`, the one that was next.
        mutating func noteSent(_ counter: UInt64, _ packet: [UInt8], limit: Int, now: Instant) {
            nextCounter = counter + 1
            usedAt = now
            let one = SentPacket(counter: counter, echo: Echo(endOf: packet), at: now)
            if sent.count < limit {
                sent.append(one)
            } else {
                sent[sentNext] = one
                sentNext = (sentNext + 1) % limit
            }
        }
    }
}
