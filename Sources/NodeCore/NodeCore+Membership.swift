import Basis
import Gossip
import Records
import Session
import Trust

extension NodeCore {
    mutating func give(_ input: Membership.Input) {
        for effect in membership.handle(input, now: now) { carryOut(effect) }
    }

    mutating func carryOut(_ effect: Membership.Effect) {
        switch effect {
        case .dial(let ticket, let to, let path, let expecting, let network):
            session(.dial(ticket, to: to, path: path, expecting: expecting, network: network))
        case .cancelDial(let ticket): session(.cancelDial(ticket))
        case .hangUp(let index, let reason): with(index) { $0.session(.hangUp($1, reason)) }
        case .keep(let index, let path): with(index) { $0.session(.keep($1, path)) }
        case .release(let index, let path): with(index) { $0.session(.release($1, path)) }
        case .send(let index, let messages, let choice):
            with(index) { node, peer in
                let passed = node.egress.passing(messages, to: peer)
                if !passed.isEmpty { node.session(.send(peer, passed, via: choice)) }
            }
        case .streamPing(let index, let probe): with(index) { $0.session(.streamPing($1, probe: probe)) }
        case .adoptNetwork(let id):
            network = id
            session(.network(id))
        case .ownRecord(let record): session(.ownRecord(record))
        case .resolve(let name, let ticket): effects.append(.resolve(name, ticket))
        case .signRecord(let unsigned, let ticket):
            guard let network else { return }
            give(.recordSigned(unsigned.signed(by: crypto, network: network), ticket))
        case .verifyRecords(let candidates, let ticket):
            guard let network else { return }
            let (valid, rejected) = Ingress.records(candidates.map(\.record), network: network, verifying: crypto)
            give(.recordsVerified(valid, rejected: rejected, ticket))
        case .persist(let rows, let ticket):
            var batch = StoreBatch(isSynced: rows.isSynced)
            rows.store(into: &batch)
            effects.append(.persist(batch, .membership(ticket)))
        case .fetchDocument(let index, let digest, let bytesMax, let ticket):
            with(index) {
                $0.open(
                    .document(index, digest, ticket), at: $1, service: ServiceNumber.document,
                    request: digest.bytes, bytesMax: Int(bytesMax))
            }
        case .found: break
        case .documentReady(let ticket, _, let bytes): effects.append(.document(ticket, bytes))
        case .event(let event): note(event)
        }
    }

    mutating func with(_ index: PeerIndex, _ body: (inout NodeCore, PeerID) -> Void) {
        guard let peer = membership.directory.id(of: index) else {
            counters.peersUnknown += 1
            return
        }
        body(&self, peer)
    }

    mutating func note(_ event: MembershipEvent) {
        switch event {
        case .member(let view): members[view.id] = view
        case .linkUp(let index, let outbound): with(index) { node, peer in node.linked[peer] = outbound }
        case .linkDown(let index, _): with(index) { node, peer in node.linked[peer] = nil }
        // Its record stays in the book, as one that says goodbye.
        case .memberLeft(let index): with(index) { node, peer in node.members[peer]?.state = .left }
        case .memberExpired(let index): with(index) { node, peer in node.members[peer] = nil }
        case .firstContact(let id): network = id
        default: break
        }
        effects.append(.membership(event))
        if case .joined = event, log == nil, genesisBytes == nil { askForGenesis() }
    }
}
