import Basis
import Gossip
import Records
import Session
import Trust
import Wire

extension NodeCore {
    /// Orders to sockets leave first, in the order in which they were made: what the other effects lead to may seal
    /// more bytes for the same connection, and sealed bytes must be written in the order of their sealing.
    mutating func session(_ input: SessionInput) {
        let done = sessions.handle(input, now: now)
        for effect in done where effect.isTransport { effects.append(.transport(effect)) }
        for effect in done where !effect.isTransport { carryOut(effect) }
    }

    mutating func carryOut(_ effect: SessionEffect) {
        switch effect {
        case .needEntropy(let count): effects.append(.needEntropy(count: count))
        case .transmit, .connect, .cancelConnect, .writeBytes, .closeConnection, .pauseReading, .resumeReading:
            unreachable("\(effect) is for the sockets")
        case .sessionUp(let peer, let facts): sessionUp(peer, facts)
        case .sessionDown(let peer, let path, let reason): sessionDown(peer, path, reason)
        case .dialFailed(let ticket, let failure): give(.dialFailed(ticket, failure))
        case .unknownSession(let peer): if let index = index(of: peer) { give(.unknownSession(index)) }
        case .deliver(let bytes, let peer, let path): deliver(bytes, from: peer, via: path)
        case .deliverLane(let message, let peer): deliver(message, from: peer)
        case .streamPong(let peer, let probe):
            if let index = index(of: peer) { give(.streamPong(index, probe: probe)) }
        case .sendFailed(let peer, let path, let failure):
            if let index = index(of: peer) { give(.sendFailed(index, path, failure)) }
        case .laneRoom, .streamRoom: break
        case .laneOverflow(_, _, let dropped): counters.lanesUnsent += dropped
        case .opened(let connection, let flow, let peer, let service, let request, _):
            asked(Self.stream(connection, flow), peer, service, request)
        case .openedLocally(let ticket, let connection, let flow): opened(ticket, Self.stream(connection, flow))
        case .openFailed(let ticket, _): openFailed(ticket)
        case .streamBytes(let connection, let flow, let bytes, let isLast):
            streamBytes(Self.stream(connection, flow), bytes, isLast)
        case .streamReset(let connection, let flow, _): streamReset(Self.stream(connection, flow))
        }
    }

    static func stream(_ connection: ConnectionID, _ flow: FlowID) -> BlobExchange.Stream {
        .init(connection: connection.number, flow: flow.number)
    }

    /// The index under which Membership knows a peer.
    mutating func index(of peer: PeerID) -> PeerIndex? {
        guard let index = membership.index(of: peer) else {
            counters.peersUnknown += 1
            return nil
        }
        return index
    }

    mutating func sessionUp(_ peer: PeerID, _ facts: SessionFacts) {
        let isFirst = paths[peer] == nil
        paths[peer, default: []].insert(facts.path)
        if let index = index(of: peer) { give(.sessionUp(index, facts)) }
        if isFirst { give(LogNode.Input.linkUp(peer)) }
        if facts.path == .main, let waiting = parked[peer]?.messages {
            parked[peer]?.messages = []
            for message in waiting { session(.post(peer, message)) }
            openParked(peer)
        }
        if boxedLog == nil, network != nil, genesisBytes == nil { askForGenesis() }
    }

    mutating func sessionDown(_ peer: PeerID, _ path: Path, _ reason: CloseReason) {
        paths[peer]?.remove(path)
        if paths[peer]?.isEmpty == true { paths[peer] = nil }
        if let index = index(of: peer) { give(.sessionDown(index, path, reason)) }
        if paths[peer] == nil {
            give(LogNode.Input.linkDown(peer))
            awaited[peer] = nil
        }
    }

    func isMainUp(_ peer: PeerID) -> Bool { paths[peer]?.contains(.main) == true }

    mutating func deliver(_ bytes: [UInt8], from peer: PeerID, via path: Path) {
        guard let index = index(of: peer) else { return }
        guard let compound = try? Compound(decoding: bytes) else {
            counters.compoundsMalformed += 1
            return
        }
        for message in compound.messages { give(.received(Ingress.peer(message), from: index, via: path)) }
    }

    mutating func deliver(_ message: LaneMessage, from peer: PeerID) {
        switch message.number {
        case 0x0300...0x03ff:
            if boxedLog == nil { counters.lanesWithoutLog += 1 }
            give(.received(number: message.number, body: message.body, from: peer))
        case MessageNumber.progress: progressed(message.body, from: peer)
        default: counters.lanesUnknown += 1
        }
    }

    /// Sends on a lane now, or as soon as a main connection stands.
    mutating func post(_ message: LaneMessage, to peer: PeerID) {
        if isMainUp(peer) {
            session(.post(peer, message))
            parked[peer]?.lastUse = now
            return
        }
        if parked[peer] == nil {
            if parked.count >= Limits.parkedPeersMax {
                counters.lanesUnsent += 1
                return
            }
            parked[peer] = Parked(lastUse: now)
            give(.pin(peer, .transaction))
        }
        parked[peer]?.lastUse = now
        counters.lanesUnsent += parked[peer]?.add(message) ?? 0
    }
}

extension SessionEffect {
    /// Whether it is an order to the sockets.
    var isTransport: Bool {
        switch self {
        case .transmit, .connect, .cancelConnect, .writeBytes, .closeConnection, .pauseReading, .resumeReading: true
        default: false
        }
    }
}
