import Basis
import Records
import Trust
import Wire

/// The responder machine of `gossip.md` 4.3 over datagrams.
extension SessionTable {
    mutating func receiveHello(_ bytes: [UInt8], from: SocketAddress, on socket: LocalSocket) {
        guard let hello = try? Hello(decoding: bytes, on: .datagram) else {
            return stats.add(.packetMalformed)
        }
        if let own = dials[hello.initiatorIndex], own.hello.ephemeral == hello.ephemeral {
            stats.add(.helloSelf)
            return failDial(hello.initiatorIndex, .selfDial)
        }
        guard let network else { return stats.add(.helloUnwanted) }
        if !hello.network.isZero && hello.network != network {
            stats.add(.foreignNetwork)
            return refuse(hello, .wrongNetwork, from: from, on: socket, network: network)
        }
        if !hello.hasCookie { return retry(hello, from: from, on: socket, network: network) }
        if !cookies.accepts(hello, from: from, limits: limits, crypto: crypto, now: now) {
            return stats.add(.helloBadCookie)
        }
        if let index = halfOpenOfHello[helloDigest(hello, from)] {
            return repeatAccept(index)
        }
        if let reason = refusal(of: hello, network: network) {
            return refuse(hello, reason, from: from, on: socket, network: network)
        }
        accept(hello, from: from, on: socket, network: network)
    }

    private func helloDigest(_ hello: Hello, _ from: SocketAddress) -> Digest {
        var w = WireWriter()
        w.value(from)
        w.fixed(hello.transcriptBytes)
        return crypto.digest(w.bytes)
    }

    private mutating func retry(
        _ hello: Hello, from: SocketAddress, on socket: LocalSocket, network: NetworkID
    ) {
        if !budgets.mayRetry(from, now) { return stats.add(.retrySuppressed) }
        if cookies.needsSecret(limits, now: now), let secret = takeSeed() {
            cookies.turn(to: secret, now: now)
        }
        guard let secret = cookies.current else { return stats.add(.retrySuppressed) }
        let cookie = CookieSecrets.cookie(
            secret, for: hello, from: from, minute: CookieSecrets.minute(now), crypto: crypto)
        let retry = Retry(to: hello, cookie: cookie, network: network, limits: limits)
        transmit(retry.encoded, to: from, on: socket)
    }

    mutating func refuse(
        _ hello: Hello, _ reason: Refuse.Reason, from: SocketAddress, on socket: LocalSocket,
        network: NetworkID
    ) {
        if !budgets.refuses.take(now) { return stats.add(.refuseSuppressed) }
        stats.add(.refused)
        let refuse = Refuse(
            to: hello, reason, retrySeconds: reason == .busy ? 10 : 60, network: network, limits: limits)
        transmit(refuse.encoded, to: from, on: socket)
    }

    private mutating func accept(
        _ hello: Hello, from: SocketAddress, on socket: LocalSocket, network: NetworkID
    ) {
        let group = from.fineGroup
        if halfOpen.count >= limits.halfOpenEntriesMax
            || halfOpenPerGroup[group, default: 0] >= limits.halfOpenPerGroupMax
        {
            stats.add(.halfOpenFull)
            return refuse(hello, .busy, from: from, on: socket, network: network)
        }
        if !budgets.accepts.take(now) {
            stats.add(.acceptsFull)
            return refuse(hello, .busy, from: from, on: socket, network: network)
        }
        guard let acceptance = makeAcceptance(hello, from: from, on: socket, network: network) else {
            return
        }
        let index = acceptance.accept.responderIndex
        halfOpen[index] = acceptance
        halfOpenOfHello[helloDigest(hello, from)] = index
        halfOpenPerGroup[group, default: 0] += 1
        deadlines.set(
            TimerID(kind: .halfOpen, number: UInt64(index)), at: now + limits.halfOpenInterval)
        transmit(acceptance.accept.encoded, to: from, on: socket)
    }

    private mutating func repeatAccept(_ index: UInt32) {
        guard let entry = halfOpen[index], entry.repeats < limits.repeatedAnswersMax else {
            return stats.add(.helloUnwanted)
        }
        halfOpen[index]?.repeats += 1
        transmit(entry.accept.encoded, to: entry.from, on: entry.socket)
    }

    mutating func freeHalfOpen(_ index: UInt32) {
        guard let entry = halfOpen.removeValue(forKey: index) else { return }
        deadlines.cancel(TimerID(kind: .halfOpen, number: UInt64(index)))
        halfOpenOfHello[helloDigest(entry.hello, entry.from)] = nil
        let left = halfOpenPerGroup[entry.group, default: 1] - 1
        halfOpenPerGroup[entry.group] = left > 0 ? left : nil
    }

    mutating func receiveConfirm(_ bytes: [UInt8], from: SocketAddress, on socket: LocalSocket) {
        guard let confirm = try? Confirm(decoding: bytes) else { return stats.add(.packetMalformed) }
        let index = confirm.responderIndex
        if let session = sessions[index]?.value, session.remote == from, !session.facts.isOutbound,
            session.confirmSealed == confirm.sealed
        {
            if session.readyRepeats >= limits.repeatedAnswersMax { return stats.add(.helloUnwanted) }
            sessions[index]?.value.readyRepeats += 1
            return sendData(Compound([.ready]).encoded, index)
        }
        guard let entry = halfOpen[index], entry.from == from else {
            return stats.add(.answerUnmatched)
        }
        do throws(HandshakeFault) {
            let established = try conclude(confirm, entry)
            freeHalfOpen(index)
            if !makeRoom(for: established.peer) {
                return refuse(
                    entry.hello, .busy, from: from, on: socket, network: established.network)
            }
            let facts = facts(
                established, path: .datagram, remote: from, isOutbound: false, ticket: nil)
            sessions[index] = Boxed(
                DatagramSession(
                    peer: established.peer, network: established.network, remote: from, socket: socket,
                    remoteIndex: established.remoteIndex, sendKey: established.sendKey,
                    receiveKey: established.receiveKey, facts: facts, isUp: true, openedAt: now,
                    usedAt: now, confirmSealed: confirm.sealed))
            sendData(Compound([.ready]).encoded, index)
            place(index)
        } catch {
            switch error {
            case .unopened: stats.add(.confirmUnopened)
            case .failed(let failure):
                countFault(failure)
                freeHalfOpen(index)
            }
        }
    }
}
