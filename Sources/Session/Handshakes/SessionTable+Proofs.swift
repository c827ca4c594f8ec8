import Basis
import Records
import Trust
import Wire

/// What both machines of the handshake share: proving our identity and judging theirs.
extension SessionTable {
    func ownBody(signature: Signature, observed: SocketAddress) -> [UInt8] {
        IdentityBody(
            key: crypto.publicKey, signature: signature, bootNonce: bootNonce,
            unixMilliseconds: unixMilliseconds, observed: observed, features: 0, record: ownRecord
        ).encoded
    }

    /// Opens and judges an identity body, dearest check last. `statement` is what its owner must have signed.
    func judge(
        sealed: [UInt8], clear: [UInt8], key: Bytes32, kind: SignatureKind, network: NetworkID,
        expected: PeerID?, statement: (PublicKey) -> Digest
    ) throws(HandshakeFault) -> (IdentityBody, PeerID, Verified<PeerRecord>?) {
        guard let plaintext = crypto.open(sealed, key: key, counter: 0, associated: clear) else {
            throw .unopened
        }
        guard let body = try? IdentityBody(decoding: plaintext) else { throw .failed(.badSignature) }
        if body.key == crypto.publicKey { throw .failed(.selfDial) }
        let peer = crypto.peerID(of: body.key)
        if let expected, expected != peer { throw .failed(.wrongPeer) }
        if barred.contains(peer) { throw .failed(.policy) }
        var record: PeerRecord?
        if !body.record.isEmpty {
            record = try? PeerRecord(decoding: body.record)
            guard let record, record.key == body.key,
                record.content.networkTag == NetworkTag(network)
            else { throw .failed(.badSignature) }
        }
        let signed = statement(body.key)
        if !crypto.isValid(body.signature, kind, network: network, body: signed.bytes, by: body.key) {
            throw .failed(.badSignature)
        }
        if let record, !record.isAuthentic(network: network, by: crypto) {
            throw .failed(.badSignature)
        }
        return (body, peer, record.map { Verified(checked: $0) })
    }

    /// The initiator judges Accept and makes Confirm.
    func answer(
        _ accept: Accept, to dial: Initiation
    ) throws(HandshakeFault) -> (Established, Confirm) {
        guard let network = dial.network, accept.networkTag == NetworkTag(network),
            (limits.versionMin...limits.versionMax).contains(accept.version),
            let agreed = crypto.agree(seed: dial.seed, isInitiator: true, theirs: accept.ephemeral)
        else { throw .unopened }
        let transcript = Transcript(
            crypto: crypto, network: network, hello: dial.hello, accept: accept, agreed: agreed)
        let (body, peer, record) = try judge(
            sealed: accept.sealed, clear: accept.clear, key: transcript.acceptKey, kind: .responder,
            network: network, expected: dial.expected
        ) { transcript.t1(responder: $0) }
        let t2 = transcript.t2(acceptSealed: accept.sealed, initiator: crypto.publicKey)
        var confirm = Confirm(networkTag: NetworkTag(network), responderIndex: accept.responderIndex)
        let own = ownBody(
            signature: crypto.sign(.initiator, network: network, body: t2.bytes), observed: dial.to)
        confirm.sealed = crypto.seal(
            own, key: transcript.confirmKey, counter: 0, associated: confirm.clear)
        let keys = transcript.dataKeys(t2: t2, confirmSealed: confirm.sealed)
        let established = Established(
            peer: peer, body: body, record: record, version: accept.version, network: network,
            sendKey: keys.initiatorToResponder, receiveKey: keys.responderToInitiator,
            remoteIndex: accept.responderIndex)
        return (established, confirm)
    }

    /// The responder answers a Hello whose address is proven. Nil without entropy or with a zero shared secret.
    mutating func makeAcceptance(
        _ hello: Hello, from: SocketAddress, on socket: LocalSocket, network: NetworkID
    ) -> Acceptance<Crypto>? {
        guard let seed = takeSeed() else { return nil }
        guard let agreed = crypto.agree(seed: seed, isInitiator: false, theirs: hello.ephemeral) else {
            stats.add(.packetMalformed)
            return nil
        }
        var accept = Accept(
            networkTag: NetworkTag(network), version: min(hello.versionMax, limits.versionMax),
            initiatorIndex: hello.initiatorIndex, responderIndex: freshIndex(),
            ephemeral: crypto.ephemeralKey(seed: seed))
        let transcript = Transcript(
            crypto: crypto, network: network, hello: hello, accept: accept, agreed: agreed)
        let t1 = transcript.t1(responder: crypto.publicKey)
        let body = ownBody(
            signature: crypto.sign(.responder, network: network, body: t1.bytes), observed: from)
        accept.sealed = crypto.seal(
            body, key: transcript.acceptKey, counter: 0, associated: accept.clear)
        return Acceptance(
            hello: hello, from: from, socket: socket, transcript: transcript, accept: accept,
            version: accept.version, repeats: 0, group: from.fineGroup)
    }

    /// The responder judges Confirm.
    func conclude(
        _ confirm: Confirm, _ acceptance: Acceptance<Crypto>
    ) throws(HandshakeFault) -> Established {
        let transcript = acceptance.transcript
        if confirm.networkTag != NetworkTag(transcript.network) { throw .unopened }
        let accept = acceptance.accept
        var statement = Digest.zero
        let (body, peer, record) = try judge(
            sealed: confirm.sealed, clear: confirm.clear, key: transcript.confirmKey,
            kind: .initiator, network: transcript.network, expected: nil
        ) { key in
            statement = transcript.t2(acceptSealed: accept.sealed, initiator: key)
            return statement
        }
        let keys = transcript.dataKeys(t2: statement, confirmSealed: confirm.sealed)
        return Established(
            peer: peer, body: body, record: record, version: acceptance.version,
            network: transcript.network, sendKey: keys.responderToInitiator,
            receiveKey: keys.initiatorToResponder, remoteIndex: acceptance.hello.initiatorIndex)
    }

    /// Why a Hello is refused on either carrier; nil if it may go on.
    func refusal(of hello: Hello, network: NetworkID) -> Refuse.Reason? {
        if hello.network != network { return .wrongNetwork }
        let version = min(hello.versionMax, limits.versionMax)
        if version < hello.versionMin || version < limits.versionMin { return .wrongVersion }
        if !hello.expected.isZero && hello.expected != ownID { return .wrongPeer }
        // Bulk connections of their own belong to stage 2.
        if refusesStrangers || hello.purpose == .bulk { return .policy }
        return nil
    }

    func facts(
        _ established: Established, path: Path, remote: SocketAddress, isOutbound: Bool, ticket: Ticket?
    ) -> SessionFacts {
        let theirs = Int64(clamping: established.body.unixMilliseconds)
        let (difference, overflow) = theirs.subtractingReportingOverflow(
            Int64(clamping: unixMilliseconds))
        return SessionFacts(
            path: path, remote: remote, isOutbound: isOutbound, key: established.body.key,
            record: established.record, bootNonce: established.body.bootNonce,
            observed: established.body.observed,
            clockDifferenceMilliseconds: overflow ? .max : difference, version: established.version,
            features: established.body.features, hasRestarted: false, ticket: ticket,
            network: established.network)
    }

    /// Whether the newer of two sessions with one peer wins (`gossip.md` 4.3, last paragraph).
    func newerWins(_ new: SessionFacts, over old: SessionFacts, oldOpenedAt: Instant, peer: PeerID) -> Bool {
        if new.bootNonce != old.bootNonce { return true }
        if new.isOutbound == old.isOutbound || now - oldOpenedAt > limits.simultaneousOpen { return true }
        return (new.isOutbound ? ownID : peer) < (old.isOutbound ? ownID : peer)
    }
}
