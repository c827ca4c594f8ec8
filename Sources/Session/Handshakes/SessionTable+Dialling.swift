import Basis
import Records
import Trust
import Wire

/// The initiator machine of `gossip.md` 4.3 over datagrams, and what dials of both carriers share.
extension SessionTable {
    mutating func dial(
        _ ticket: Ticket, to: SocketAddress, path: Path, expecting: PeerID?, network asked: NetworkID?
    ) {
        invariant(dialOfTicket[ticket] == nil, "\(ticket) dials already")
        func fail(_ failure: DialFailure) { effects.append(.dialFailed(ticket, failure)) }
        if path != .datagram && path != .main { return fail(.policy) }
        if expecting == ownID { return fail(.selfDial) }
        if let expecting, barred.contains(expecting) { return fail(.policy) }
        if to.scope == .invalid || to.port == 0 { return fail(.unreachable) }
        if dials.count >= limits.dialsMax { return fail(.tooManySessions) }
        if !startDial(ticket, to: to, on: .any, path: path, expecting: expecting, network: asked ?? network) {
            fail(.noEntropy)
        }
    }

    /// False without entropy.
    mutating func startDial(
        _ ticket: Ticket?, to: SocketAddress, on socket: LocalSocket, path: Path, expecting: PeerID?,
        network: NetworkID?
    ) -> Bool {
        guard let seed = takeSeed() else { return false }
        let index = freshIndex()
        let hello = Hello(
            network: network, limits: limits, carrier: path == .datagram ? .datagram : .stream,
            purpose: path == .datagram ? .datagram : .main, initiatorIndex: index,
            ephemeral: crypto.ephemeralKey(seed: seed), expected: expecting)
        let waits = proven.contains(to) ? limits.helloResends : limits.helloResendsUnproven
        dials[index] = Initiation(
            ticket: ticket, to: to, socket: socket, path: path, expected: expecting, network: network,
            seed: seed, hello: hello, stage: path == .datagram ? .helloSent : .connecting,
            deadline: now + limits.handshakeInterval,
            resends: path == .datagram ? waits[...] : [], packet: hello.encoded)
        if let ticket { dialOfTicket.insert(index, for: ticket) }
        if path == .datagram {
            sendDialPacket(index)
        } else if let ticket {
            effects.append(.connect(ticket, to: to))
            deadlines.set(TimerID(kind: .dial, number: UInt64(index)), at: now + limits.handshakeInterval)
        }
        return true
    }

    /// Sends the packet at hand and sets the time of its repetition.
    mutating func sendDialPacket(_ index: UInt32) {
        guard var dial = dials[index] else { return }
        transmit(dial.packet, to: dial.to, on: dial.socket)
        var next = dial.deadline
        if let wait = dial.resends.first {
            dial.resends.removeFirst()
            next = min(next, now + wait)
        }
        dials[index] = dial
        deadlines.set(TimerID(kind: .dial, number: UInt64(index)), at: next)
    }

    mutating func dialDue(_ index: UInt32) {
        guard let dial = dials[index] else { return }
        if now >= dial.deadline {
            stats.add(.handshakeTimeout)
            return failDial(index, .timeout)
        }
        if dial.resends.isEmpty {
            // The last wait is over: one more send, then only the deadline.
            transmit(dial.packet, to: dial.to, on: dial.socket)
            deadlines.set(TimerID(kind: .dial, number: UInt64(index)), at: dial.deadline)
        } else {
            sendDialPacket(index)
        }
    }

    /// Gives up a dial. One whose Confirm is on its way may be a session at the other end already: given up here, the
    /// other end would talk to nobody, and where both ends dialled and both gave up, both would. So it goes on without
    /// its ticket, and the rule for two sessions with one peer chooses (4.3).
    mutating func cancelDial(_ ticket: Ticket) {
        guard let index = dialOfTicket[ticket] else { return }
        guard let dial = dials[index], dial.stage == .confirmSent, dial.path == .datagram else {
            return failDial(index, .cancelled)
        }
        dialOfTicket.remove(ticket)
        dials[index]?.ticket = nil
        sessions[index]?.value.facts.ticket = nil
        effects.append(.dialFailed(ticket, .cancelled))
    }

    /// Forgets a dial and its keys.
    mutating func failDial(_ index: UInt32, _ failure: DialFailure) {
        guard let dial = finishDial(index) else { return }
        if dial.stage == .confirmSent && dial.path == .datagram { sessions[index] = nil }
        if dial.stage == .connecting, let ticket = dial.ticket { effects.append(.cancelConnect(ticket)) }
        if let connection = dial.connection { dropConnection(connection) }
        if let ticket = dial.ticket { effects.append(.dialFailed(ticket, failure)) }
    }

    @discardableResult
    mutating func finishDial(_ index: UInt32) -> Initiation? {
        guard let dial = dials.removeValue(forKey: index) else { return nil }
        if let ticket = dial.ticket { dialOfTicket.remove(ticket) }
        deadlines.cancel(TimerID(kind: .dial, number: UInt64(index)))
        return dial
    }

    /// A local error about an address: dials there fail; sessions there report it.
    mutating func datagramFailed(to address: SocketAddress, _ failure: SendFailure) {
        let failing = dialOfTicket.values.filter { dials[$0]?.to == address && dials[$0]?.path == .datagram }
        for index in failing { failDial(index, .unreachable) }
        for (peer, state) in peers {
            if let index = state.session, sessions[index]?.value.remote == address {
                effects.append(.sendFailed(peer, .datagram, failure))
            }
        }
    }

    // MARK: answers

    /// The dial that an answer belongs to: index, start of the ephemeral key and source as we sent.
    func dial(answering index: UInt32, echo: [UInt8], from: SocketAddress) -> Initiation? {
        guard let dial = dials[index], dial.path == .datagram, dial.to == from,
            Array(dial.hello.ephemeral.bytes.prefix(16)) == echo
        else { return nil }
        return dial
    }

    mutating func receiveRetry(_ bytes: [UInt8], from: SocketAddress) {
        guard bytes.count == Retry.bytesCount, let retry = try? Retry(decoding: bytes) else {
            return stats.add(.packetMalformed)
        }
        guard let dial = dial(answering: retry.initiatorIndex, echo: retry.echo, from: from),
            dial.stage == .helloSent, retry.cookie != Hello.noCookie
        else { return stats.add(.answerUnmatched) }
        switch applyRetry(retry, to: dial) {
        case .failure(let failure): failDial(retry.initiatorIndex, failure)
        case .success(var dial):
            dial.hello.cookie = retry.cookie
            dial.packet = dial.hello.encoded
            // The address answers: it may hear us as often as a proven one.
            dial.resends = limits.helloResends[...]
            dials[retry.initiatorIndex] = dial
            sendDialPacket(retry.initiatorIndex)
        }
    }

    /// Adopts the network of a first contact and checks versions. The stage becomes `cookieSent`.
    func applyRetry(_ retry: Retry, to dial: Initiation) -> Result<Initiation, DialFailure> {
        var dial = dial
        if let known = dial.network {
            if known != retry.network { return .failure(.wrongNetwork(retry.network)) }
        } else {
            dial.network = retry.network
            dial.hello.network = retry.network
            dial.hello.networkTag = NetworkTag(retry.network)
        }
        if min(retry.versionMax, limits.versionMax) < max(retry.versionMin, limits.versionMin) {
            return .failure(.wrongVersion(min: retry.versionMin, max: retry.versionMax))
        }
        dial.stage = .cookieSent
        return .success(dial)
    }

    mutating func receiveRefuse(_ bytes: [UInt8], from: SocketAddress) {
        guard let refuse = try? Refuse(decoding: bytes) else { return stats.add(.packetMalformed) }
        guard let dial = dial(answering: refuse.initiatorIndex, echo: refuse.echo, from: from),
            dial.stage == .helloSent || dial.stage == .cookieSent
        else { return stats.add(.answerUnmatched) }
        failDial(refuse.initiatorIndex, refuse.failure)
    }

    mutating func receiveAccept(_ bytes: [UInt8], from: SocketAddress, on socket: LocalSocket) {
        guard let accept = try? Accept(decoding: bytes) else { return stats.add(.packetMalformed) }
        let index = accept.initiatorIndex
        guard var dial = dials[index], dial.path == .datagram, dial.to == from else {
            return stats.add(.answerUnmatched)
        }
        if dial.stage == .confirmSent {
            // Our Confirm was lost, or their Accept repeated: the same Confirm again, in its own rhythm.
            return
        }
        if dial.stage != .cookieSent { return stats.add(.answerUnmatched) }
        do throws(HandshakeFault) {
            let (established, confirm) = try answer(accept, to: dial)
            dial.stage = .confirmSent
            dial.packet = confirm.encoded
            dial.socket = socket
            dial.resends = limits.confirmResends[...]
            dials[index] = dial
            let facts = facts(
                established, path: .datagram, remote: from, isOutbound: true, ticket: dial.ticket)
            sessions[index] = Boxed(
                DatagramSession(
                    peer: established.peer, network: established.network, remote: from, socket: socket,
                    remoteIndex: established.remoteIndex, sendKey: established.sendKey,
                    receiveKey: established.receiveKey, facts: facts, isUp: false, openedAt: now,
                    usedAt: now))
            sendDialPacket(index)
        } catch {
            switch error {
            case .unopened: stats.add(.acceptUnopened)
            case .failed(let failure):
                countFault(failure)
                failDial(index, failure)
            }
        }
    }

    mutating func countFault(_ failure: DialFailure) {
        stats.add(failure == .badSignature ? .handshakeForged : .handshakeBarred)
    }
}
