import Basis
import Records
import Trust

/// One TCP connection: handshake, then sealed frames (`gossip.md` 5).
struct Connection<Crypto: SessionCrypto>: Sendable {
    enum Phase: Sendable {
        /// We dialled; the index names the dial.
        case initiating(UInt32)
        case awaitingHello
        case accepted(Acceptance<Crypto>)
        /// Both identities are proven; frames flow.
        case open
    }

    let remote: SocketAddress
    let isInitiator: Bool
    var phase: Phase
    /// End of the handshake, while it runs.
    var deadline: Instant
    /// Bytes not yet parsed; at most one packet or frame and what one read brought.
    var inbox: [UInt8] = []
    var inboxStart = 0

    var established: Established?
    var facts: SessionFacts?
    /// False at the initiator until the first frame opens.
    var isUp = false
    var sender: Crypto.StreamSender?
    /// Nil until the peer's 24-byte header came.
    var receiver: Crypto.StreamReceiver?
    var mux: Multiplexer
    /// Bytes handed to the transport that the kernel has not taken.
    var queuedBytes = 0

    var openedAt: Instant
    /// Last frame of either side other than PING and PONG.
    var usedAt: Instant
    var heardAt: Instant
    /// When the first frame left after the last one came; nil if none did.
    var unansweredSince: Instant?
    /// When the last idle PING was queued, or left.
    var pingSentAt: Instant?
    var hasPingLeft = false
    var pingsUnanswered = 0
    var drain: (until: Instant, reason: CloseReason)?
    /// Set on the loser of two connections.
    var retiredUntil: Instant?
    var isPaused = false
    var isHeldBack = false

    init(
        remote: SocketAddress, isInitiator: Bool, phase: Phase, limits: SessionLimits,
        deadline: Instant, now: Instant
    ) {
        self.remote = remote
        self.isInitiator = isInitiator
        self.phase = phase
        self.deadline = deadline
        mux = Multiplexer(limits: limits, isInitiator: isInitiator, now: now)
        openedAt = now
        usedAt = now
        heardAt = now
    }

    var isOpen: Bool {
        if case .open = phase { return true }
        return false
    }

    /// A frame came: the other end lives.
    mutating func noteHeard(_ frame: Frame, now: Instant) {
        waitAnew(now)
        if !frame.isPingOrPong { usedAt = now }
    }

    /// Reading goes on after a pause, in which nothing could be heard.
    mutating func resume(_ now: Instant) {
        isPaused = false
        waitAnew(now)
    }

    private mutating func waitAnew(_ now: Instant) {
        heardAt = now
        unansweredSince = nil
        pingSentAt = nil
        pingsUnanswered = 0
    }

    /// A frame leaves.
    mutating func noteSent(_ frame: Frame, now: Instant) {
        if frame.isIdlePing, pingSentAt != nil {
            pingSentAt = now
            hasPingLeft = true
        }
        if frame.isPingOrPong { return }
        usedAt = now
        if unansweredSince == nil { unansweredSince = now }
    }

    /// Opens one sealed message; nil if it does not open, or there is no receiver yet.
    mutating func pull(_ sealed: [UInt8], with crypto: Crypto) -> PulledMessage? {
        guard receiver != nil else { return nil }
        return crypto.pull(sealed, with: &receiver!)
    }

    /// Appends a frame sealed, behind its length; nothing if there is no sender.
    mutating func seal(_ frame: [UInt8], isFinal: Bool, with crypto: Crypto, into out: inout [UInt8]) {
        guard sender != nil else { return }
        let sealed = crypto.push(frame, isFinal: isFinal, with: &sender!)
        out.reserveCapacity(out.count + 2 + sealed.count)
        out.append(UInt8(truncatingIfNeeded: sealed.count))
        out.append(UInt8(truncatingIfNeeded: sealed.count >> 8))
        out += sealed
    }

    /// Appends bytes as they came.
    mutating func fill(_ bytes: [UInt8]) {
        if inbox.isEmpty { inbox = bytes } else { inbox += bytes }
    }

    enum Taken { case whole([UInt8]), partial, badLength }

    /// What a whole message is for, and what is there of it; nil if the peer's stream header comes first.
    mutating func takeMessage(frameBytesMax: Int, packetBytesMax: Int) -> (isFrame: Bool, taken: Taken)? {
        if !isOpen { return (false, takeMessage(bytesMin: 1, bytesMax: packetBytesMax)) }
        if receiver == nil { return nil }
        let overhead = SessionCryptoSizes.streamMessageBytes
        return (true, takeMessage(bytesMin: overhead + 1, bytesMax: frameBytesMax + overhead))
    }

    /// The next message behind a u16 length, if it is there; a length outside the bounds is told at once.
    mutating func takeMessage(bytesMin: Int, bytesMax: Int) -> Taken {
        guard inboxStart + 2 <= inbox.count else { return .partial }
        let length = Int(inbox[inboxStart]) | Int(inbox[inboxStart + 1]) << 8
        if length < bytesMin || length > bytesMax { return .badLength }
        guard inboxStart + 2 + length <= inbox.count else { return .partial }
        inboxStart += 2
        return take(length).map { .whole($0) } ?? .partial
    }

    /// The next `count` bytes, if they are there.
    mutating func take(_ count: Int) -> [UInt8]? {
        guard inboxStart + count <= inbox.count else { return nil }
        let bytes = Array(inbox[inboxStart..<inboxStart + count])
        inboxStart += count
        if inboxStart == inbox.count {
            inbox = []
            inboxStart = 0
        } else if inboxStart > 65_536 {
            inbox.removeFirst(inboxStart)
            inboxStart = 0
        }
        return bytes
    }

    /// What a seal of one frame adds: length u16 and the tag of the stream.
    static var sealBytes: Int { 2 + SessionCryptoSizes.streamMessageBytes }
}
