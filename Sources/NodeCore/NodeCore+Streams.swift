import Basis
import Gossip
import Records
import Session
import Trust
import Wire

extension NodeCore {
    // MARK: streams that we open

    /// Opens a service at a peer, as soon as a main connection stands: `opened`, or `failed` after `openWait`.
    mutating func open(_ purpose: Purpose, at peer: PeerID, service: UInt16, request: [UInt8], bytesMax: Int) {
        lastOpen += 1
        let ticket = Ticket(lastOpen)
        opening[ticket] = purpose
        let isBulk = service == ServiceNumber.blobChunks
        let order = SessionInput.open(
            ticket, peer, service: service, trafficClass: isBulk ? TrafficClass.bulk : TrafficClass.sync,
            request: request, isLast: true)
        if isMainUp(peer) {
            parked[peer]?.lastUse = now
            return session(order)
        }
        if parked[peer] == nil, parked.count < Limits.parkedPeersMax { parked[peer] = Parked(lastUse: now) }
        guard let state = parked[peer] else { return openFailed(ticket) }
        parked.update(peer) { $0.lastUse = now }
        give(.pin(peer, .transfer))
        // The log asks another peer when its own deadline passes; an answer to its old question would be late.
        if case .ledgerSync = purpose { return openFailed(ticket) }
        guard state.opens.count < Limits.parkedOpensMax else { return openFailed(ticket) }
        parked.update(peer) {
            $0.opens.append(.init(ticket: ticket, order: order, end: now + Limits.openWait))
        }
    }

    /// What waited for a main connection to this peer goes.
    mutating func openParked(_ peer: PeerID) {
        guard let opens = parked[peer]?.opens, !opens.isEmpty else { return }
        parked.update(peer) { $0.opens = [] }
        for open in opens { session(open.order) }
    }

    /// Opens for which no connection came in time.
    mutating func failParked() {
        for (peer, state) in parked where state.opens.contains(where: { $0.end <= now }) {
            parked.update(peer) { state in state.opens.removeAll { $0.end <= now } }
            for open in state.opens where open.end <= now { openFailed(open.ticket) }
        }
    }

    mutating func opened(_ ticket: Ticket, _ stream: BlobExchange.Stream) {
        guard let purpose = opening.remove(ticket) else {
            session(.reset(ConnectionID(stream.connection), FlowID(stream.flow), code: ResetCode.cancelled))
            return
        }
        switch purpose {
        case .blob(let number):
            streams[stream] = .blobs
            give(.opened(ticket: number, stream))
        case .genesis: streams[stream] = .collecting(purpose, bytesMax: Limits.genesisBytesMax, [])
        case .document: streams[stream] = .collecting(purpose, bytesMax: 8_192, [])
        case .ledgerSync: streams[stream] = .collecting(purpose, bytesMax: Limits.syncAnswerBytesMax, [])
        }
    }

    mutating func openFailed(_ ticket: Ticket) {
        if let purpose = opening.remove(ticket) { failed(purpose) }
    }

    mutating func failed(_ purpose: Purpose) {
        switch purpose {
        case .blob(let number): give(.openFailed(ticket: number))
        case .document(let index, let digest, let ticket): give(.documentFetched(index, digest, nil, ticket))
        case .genesis:
            genesisAskedAt = nil
            effects.append(.genesisUnavailable)
        // The replica asks another peer when its own deadline passes.
        case .ledgerSync: break
        }
    }

    mutating func streamBytes(_ stream: BlobExchange.Stream, _ bytes: [UInt8], _ isLast: Bool) {
        session(.consumed(ConnectionID(stream.connection), FlowID(stream.flow), bytes: bytes.count))
        switch streams[stream] {
        case .blobs:
            if isLast { streams[stream] = nil }
            give(.bytes(stream, bytes, isLast: isLast))
        case .collecting(let purpose, let bytesMax, var collected):
            streams[stream] = nil
            collected.append(contentsOf: bytes)
            if collected.count > bytesMax {
                counters.streamsOverlong += 1
                session(.reset(ConnectionID(stream.connection), FlowID(stream.flow), code: ResetCode.tooLarge))
                failed(purpose)
            } else if isLast {
                finished(purpose, collected)
            } else {
                streams[stream] = .collecting(purpose, bytesMax: bytesMax, collected)
            }
        case nil: break
        }
    }

    mutating func streamReset(_ stream: BlobExchange.Stream) {
        switch streams.removeValue(forKey: stream) {
        case .blobs: give(.reset(stream))
        case .collecting(let purpose, _, _): failed(purpose)
        case nil:
            // A peer that gave up waiting for our answer, or for a blob.
            for (peer, waiting) in awaited where waiting.contains(where: { $0.stream == stream }) {
                awaited[peer]?.removeAll { $0.stream == stream }
            }
            give(.reset(stream))
        }
    }

    mutating func finished(_ purpose: Purpose, _ bytes: [UInt8]) {
        switch purpose {
        case .genesis: takeGenesis(bytes)
        case .document(let index, let digest, let ticket):
            let isRight = crypto.hash("peernode/capability/v1", bytes) == digest
            give(.documentFetched(index, digest, isRight ? bytes : nil, ticket))
        case .ledgerSync(let peer):
            guard bytes.count >= 2 else {
                counters.syncMalformed += 1
                return
            }
            let number = UInt16(bytes[0]) | UInt16(bytes[1]) << 8
            give(.received(number: number, body: Array(bytes[2...]), from: peer))
        case .blob: break
        }
    }

    // MARK: the genesis of a network that we join

    mutating func askForGenesis() {
        if let asked = genesisAskedAt, now - asked < Limits.tick { return }
        // It may wait for its connection: a second answer would be a second log.
        if opening.contains(where: { if case .genesis = $0.value { true } else { false } }) { return }
        guard let peer = paths.keys.first(where: { isMainUp($0) }) ?? paths.first?.key else { return }
        genesisAskedAt = now
        open(.genesis(peer), at: peer, service: ServiceNumber.genesis, request: [], bytesMax: Limits.genesisBytesMax)
    }

    mutating func takeGenesis(_ bytes: [UInt8]) {
        guard boxedLog == nil, genesisBytes == nil, let network else { return }
        if crypto.hash("peernode/genesis/v1", bytes).raw == network.raw, (try? Genesis(decoding: bytes)) != nil {
            genesisBytes = bytes
            effects.append(.genesisFetched(bytes))
        } else {
            genesisAskedAt = nil
            effects.append(.genesisUnavailable)
        }
    }

    // MARK: streams that peers open

    mutating func asked(_ stream: BlobExchange.Stream, _ peer: PeerID, _ service: UInt16, _ request: [UInt8]) {
        switch service {
        case ServiceNumber.genesis: write(genesisBytes, on: stream)
        case ServiceNumber.document:
            write(request == ownDocumentDigest.bytes && !ownDocument.isEmpty ? ownDocument : nil, on: stream)
        case ServiceNumber.ledgerSync: askedLog(stream, peer, request)
        case ServiceNumber.blobInfo, ServiceNumber.blobChunks:
            give(.asked(stream, from: peer, service: service, request: request))
        default:
            counters.servicesUnknown += 1
            reset(stream, ResetCode.refused)
        }
    }

    /// Writes a whole answer, or says that there is none.
    mutating func write(_ bytes: [UInt8]?, on stream: BlobExchange.Stream) {
        guard let bytes else { return reset(stream, ResetCode.notFound) }
        session(.write(ConnectionID(stream.connection), FlowID(stream.flow), bytes, isLast: true))
    }

    mutating func reset(_ stream: BlobExchange.Stream, _ code: UInt16) {
        session(.reset(ConnectionID(stream.connection), FlowID(stream.flow), code: code))
    }

    /// A question about the log: the core answers through `send`, which finds this stream again by its number.
    mutating func askedLog(_ stream: BlobExchange.Stream, _ peer: PeerID, _ request: [UInt8]) {
        guard boxedLog != nil, request.count >= 2 else {
            counters.syncMalformed += 1
            return reset(stream, ResetCode.refused)
        }
        let number = UInt16(request[0]) | UInt16(request[1]) << 8
        guard number == 0x0306 || number == 0x0308 else {
            counters.syncMalformed += 1
            return reset(stream, ResetCode.refused)
        }
        if (awaited[peer]?.count ?? 0) >= Limits.answersPerPeerMax { return reset(stream, ResetCode.busy) }
        awaited[peer, default: []].append(Awaited(answer: number + 1, stream: stream))
        give(.received(number: number, body: Array(request[2...]), from: peer))
    }

    /// Sends an answer of the log on the stream that asked for it.
    mutating func answerLog(_ message: LogMessage, to peer: PeerID) {
        guard let at = awaited[peer]?.firstIndex(where: { $0.answer == message.number }),
            let waiting = awaited[peer]?.remove(at: at)
        else {
            counters.answersUnasked += 1
            return
        }
        var w = WireWriter(capacity: 2)
        w.u16(message.number)
        write(w.bytes + message.body, on: waiting.stream)
    }

    mutating func answer(_ blocks: Blocks?, to peer: PeerID) {
        if let blocks { return answerLog(.blocks(blocks), to: peer) }
        guard let at = awaited[peer]?.firstIndex(where: { $0.answer == 0x0307 }),
            let waiting = awaited[peer]?.remove(at: at)
        else { return }
        reset(waiting.stream, ResetCode.notFound)
    }
}
