import Basis
import Records
import Trust
import Wire

/// Packets in, compounds out; the life of datagram sessions (`gossip.md` 4.3, 6).
extension SessionTable {
    mutating func receive(_ bytes: [UInt8], from: SocketAddress, on socket: LocalSocket) {
        if bytes.count > datagramBytesMax { return stats.add(.packetTooLong) }
        guard let kind = bytes.first else { return stats.add(.packetMalformed) }
        switch kind {
        case PacketKind.hello: receiveHello(bytes, from: from, on: socket)
        case PacketKind.retry: receiveRetry(bytes, from: from)
        case PacketKind.refuse: receiveRefuse(bytes, from: from)
        case PacketKind.accept: receiveAccept(bytes, from: from, on: socket)
        case PacketKind.confirm: receiveConfirm(bytes, from: from, on: socket)
        case PacketKind.data: receiveData(bytes, from: from, on: socket)
        case PacketKind.unknown: receiveUnknown(bytes, from: from)
        default: stats.add(.packetUnknownKind)
        }
    }

    mutating func transmit(_ packet: [UInt8], to: SocketAddress, on socket: LocalSocket) {
        invariant(packet.count <= datagramBytesMax, "packet of \(packet.count) bytes")
        effects.append(.transmit(packet, to: to, on: socket))
    }

    // MARK: data

    mutating func receiveData(_ bytes: [UInt8], from: SocketAddress, on socket: LocalSocket) {
        guard let head = DataHead(bytes) else { return stats.add(.packetMalformed) }
        let index = head.receiverIndex
        guard var session = sessions.removeValue(forKey: index) else {
            return answerUnknown(head, bytes, from: from, on: socket)
        }
        let opened = open(bytes, head, from: from, in: &session.value)
        let isUp = session.peek { $0.isUp }
        sessions[index] = session
        guard let compound = opened else { return }
        if !isUp, !comeUp(index) { return }
        arrived(compound, index)
    }

    /// The plaintext of a packet, if it is one of this session; else counts why not.
    private mutating func open(
        _ bytes: [UInt8], _ head: DataHead, from: SocketAddress, in session: inout DatagramSession
    ) -> [UInt8]? {
        var fault = SessionCounter.dataUnopened
        if head.networkTag != NetworkTag(session.network) {
            fault = .foreignTag
        } else if session.remote != from {
            fault = .dataForeignSource
        } else if !session.window.isFresh(head.counter) {
            fault = .dataReplayed
        } else if let compound = crypto.open(
            packet: bytes, headBytes: DataHead.bytesCount, key: session.receiveKey, counter: head.counter)
        {
            session.window.note(head.counter)
            session.usedAt = now
            return compound
        }
        stats.add(fault)
        return nil
    }

    /// The first packet that opened at the initiator: the session takes its place; false if there is none.
    private mutating func comeUp(_ index: UInt32) -> Bool {
        guard let session = sessions[index]?.value else { return false }
        finishDial(index)
        guard makeRoom(for: session.peer) else {
            sessions[index] = nil
            if let ticket = session.facts.ticket {
                effects.append(.dialFailed(ticket, .tooManySessions))
            }
            return false
        }
        sessions[index]?.value.isUp = true
        place(index)
        return true
    }

    private mutating func arrived(_ compound: [UInt8], _ index: UInt32) {
        guard let peer = sessions[index]?.peek({ $0.peer }) else { return }
        let heads = CompoundHeads(compound)
        if !heads.isWellFormed { stats.add(.compoundMalformed) }
        let isCurrent = peers[peer]?.session == index
        if heads.goodbye == .duplicate || (heads.goodbye != nil && !isCurrent) {
            // The end of the loser of two sessions says nothing about the peer.
            return endSession(index, .duplicate, tells: false)
        }
        if !heads.isOnlyReady {
            effects.append(.deliver(compound, from: peer, via: .datagram))
        }
        if let reason = heads.goodbye { endSession(index, reason, tells: false) }
    }

    mutating func sendData(_ compound: [UInt8], _ index: UInt32) {
        guard var session = sessions.removeValue(forKey: index) else { return }
        let counter = session.value.nextCounter
        let (remote, socket) = (session.value.remote, session.value.socket)
        let head = DataHead(
            networkTag: NetworkTag(session.value.network), receiverIndex: session.value.remoteIndex, counter: counter
        ).encoded
        let packet = crypto.packet(head, compound, key: session.value.sendKey, counter: counter)
        session.value.noteSent(counter, packet, limit: limits.sentPacketsMax, now: now)
        sessions[index] = session
        transmit(packet, to: remote, on: socket)
    }

    // MARK: sending peer messages

    mutating func send(_ messages: [PeerMessage], to peer: PeerID, via choice: PathChoice) {
        guard let state = peers[peer], state.session != nil || state.main != nil else {
            stats.add(.sendWithoutPath, messages.count)
            effects.append(.sendFailed(peer, choice == .main ? .main : .datagram, .noPath))
            return
        }
        let wantsMain = choice == .main || (choice == .best && state.session == nil)
        if wantsMain && state.main == nil || choice == .datagram && state.session == nil {
            stats.add(.sendWithoutPath, messages.count)
            effects.append(.sendFailed(peer, wantsMain ? .main : .datagram, .noPath))
            return
        }
        if wantsMain, state.session != nil, let main = state.main {
            // Asked for this path although the other stands: not through the common outbox.
            for message in messages { _ = sendDatagramFrame(Compound.part(message), main) }
            return
        }
        var dropped = 0
        var isUrgent = false
        let most = limits.outboxBytesMax
        peers.update(peer) { state in
            for message in messages {
                if message.outboxClass <= .application { isUrgent = true }
                dropped += state.outbox.add(
                    Compound.part(message), message.outboxClass, bytesMax: most)
            }
        }
        if dropped > 0 {
            stats.add(.outboxDropped, dropped)
            effects.append(.sendFailed(peer, wantsMain ? .main : .datagram, .queueFull))
        }
        if isUrgent {
            flush(peer)
        } else {
            deadlines.setNoLater(TimerID(kind: .outbox, peer: peer), than: now + limits.outboxDelay)
        }
    }

    /// Sends everything that waits for a peer, as far as its path takes it.
    mutating func flush(_ peer: PeerID) {
        guard let state = peers[peer] else { return }
        deadlines.cancel(TimerID(kind: .outbox, peer: peer))
        if let session = state.session {
            while let compound = nextCompound(for: peer) { sendData(compound, session) }
            return
        } else if let main = state.main {
            var outbox = state.outbox
            while !outbox.isEmpty {
                if !mayCarryDatagram(main) {
                    // The frame budget is spent: try again soon, the outbox bounds what waits.
                    deadlines.set(TimerID(kind: .outbox, peer: peer), at: now + limits.outboxDelay)
                    break
                }
                guard let compound = outbox.next() else { break }
                _ = sendDatagramFrame(compound, main)
            }
            peers.update(peer) { $0.outbox = outbox }
        }
    }

    private mutating func nextCompound(for peer: PeerID) -> [UInt8]? {
        var next: [UInt8]?
        peers.update(peer) { next = $0.outbox.next() }
        return next
    }

    // MARK: unknown sessions

    private mutating func answerUnknown(
        _ head: DataHead, _ packet: [UInt8], from: SocketAddress, on socket: LocalSocket
    ) {
        stats.add(.dataUnknownIndex)
        guard let network, head.networkTag == NetworkTag(network) else { return stats.add(.foreignTag) }
        if !budgets.mayAnswerUnknown(from, now) { return stats.add(.unknownSuppressed) }
        transmit(Unknown(to: head, packet: packet).encoded, to: from, on: socket)
    }

    mutating func receiveUnknown(_ bytes: [UInt8], from: SocketAddress) {
        guard bytes.count == Unknown.bytesCount, let unknown = try? Unknown(decoding: bytes) else {
            return stats.add(.packetMalformed)
        }
        // It names the session by the index that we used, which is theirs.
        var found: UInt32?
        for (_, state) in peers {
            guard let index = state.session, let session = sessions[index]?.value, session.remote == from,
                session.remoteIndex == unknown.receiverIndex,
                session.sentLately(unknown, within: limits.unknownInterval, now: now)
            else { continue }
            found = index
        }
        guard let index = found, let session = sessions[index]?.value,
            session.unknownAt.map({ now - $0 >= limits.unknownInterval }) ?? true
        else { return stats.add(.unknownUnmatched) }
        sessions[index]?.value.unknownAt = now
        effects.append(.unknownSession(session.peer))
    }
}

/// Types of the messages in a compound, read without their bodies.
struct CompoundHeads {
    var goodbye: CloseReason?
    var isOnlyReady = true
    var isWellFormed = true

    init(_ compound: [UInt8]) {
        var at = 0
        if compound.isEmpty { isWellFormed = false }
        while at < compound.count {
            guard at + 3 <= compound.count else {
                isWellFormed = false
                break
            }
            let length = Int(compound[at + 1]) | Int(compound[at + 2]) << 8
            guard at + 3 + length <= compound.count else {
                isWellFormed = false
                break
            }
            if compound[at] != 0x0e { isOnlyReady = false }
            if compound[at] == 0x0d && length == 1 { goodbye = CloseReason(rawValue: compound[at + 3]) }
            at += 3 + length
        }
        if !isWellFormed {
            goodbye = nil
            isOnlyReady = false
        }
    }
}
