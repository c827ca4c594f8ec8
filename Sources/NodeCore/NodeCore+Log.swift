import Credits
import Basis
import Consensus
import Gossip
import Records
import Session
import Trust
import Wire

extension NodeCore {
    mutating func give(_ input: LogNode.Input) {
        if let tap = egress.tap, case .received(let number, let body, let peer) = input {
            tap.arrives(number: number, body: body, from: peer)
        }
        guard let orders = boxedLog?.value.handle(input, now: now, wall: wall) else { return }
        for effect in orders { carryOut(effect) }
    }

    mutating func carryOut(_ effect: LogNode.Effect) {
        switch effect {
        case .persist(let batch, let ticket): effects.append(.persist(batch, .log(ticket)))
        case .send(let message, let peers):
            egress.tap?.leaves(message, to: peers)
            for peer in peers { for passed in egress.passing(message, to: peer) { send(passed, to: peer) } }
        case .serveBlocks(let request, let peer): effects.append(.readBlocks(request, to: peer))
        case .misbehaved(let peer, _):
            effects.append(.log(effect))
            if let index = index(of: peer) { give(.misbehaved(index, points: 1)) }
        case .executed(let block):
            tell(block)
            effects.append(.log(effect))
            tellDesks(block)
        case .progressed(let id, let progress):
            effects.append(.log(effect))
            tellOpening(id, progress)
        case .statusChanged:
            effects.append(.log(effect))
            considerAdmission()
        default: effects.append(.log(effect))
        }
    }

    /// The head that pings carry.
    mutating func tell(_ block: LogNode.ExecutedBlock) {
        give(
            .tip(
                ChainTip(
                    height: block.execution.height, hashPrefix: block.execution.blockHash.raw.w0,
                    checkpointHeight: 0)))
    }

    mutating func send(_ message: LogMessage, to peer: PeerID) {
        if peer == ownPeer { return }
        switch message {
        case .fetchBlocks, .fetchCertificates:
            var w = WireWriter(capacity: 2)
            w.u16(message.number)
            open(
                .ledgerSync(peer), at: peer, service: ServiceNumber.ledgerSync, request: w.bytes + message.body,
                bytesMax: Limits.syncAnswerBytesMax)
        case .blocks, .certificates: answerLog(message, to: peer)
        default: post(LaneMessage(message.number, message.body), to: peer)
        }
    }

    // MARK: blobs

    mutating func give(_ input: BlobExchange.Input) {
        for effect in exchange.handle(input, now: now) { carryOut(effect) }
    }

    mutating func carryOut(_ effect: BlobExchange.Effect) {
        switch effect {
        case .open(let number, let peer, let service, let request):
            open(.blob(number), at: peer, service: service, request: request, bytesMax: 0)
        case .write(let stream, let bytes, let isLast):
            session(.write(ConnectionID(stream.connection), FlowID(stream.flow), bytes, isLast: isLast))
        case .reset(let stream, let code): reset(stream, code)
        case .misbehaved(let peer): if let index = index(of: peer) { give(.misbehaved(index, points: 1)) }
        case .store, .fetched, .failed, .readInfo, .readChunks: effects.append(.exchange(effect))
        }
    }
}
