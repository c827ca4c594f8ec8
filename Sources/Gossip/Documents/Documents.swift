import Basis
import Records
import Trust
import Wire

/// Capability documents of others (`gossip.md` 11.3): fetched from their owner when an upper layer needs one.
struct DocumentState: Sendable {
    struct Fetch: Sendable {
        let peer: PeerIndex
        let digest: Digest
        var tickets: [Ticket]
    }

    struct Cached: Sendable {
        let bytes: [UInt8]
        var lastUsed: UInt64
    }

    struct Pause: Sendable {
        var failures: Int
        var until: Instant
    }

    /// By digest: a known digest needs no fetch.
    var cache = SortedMap<Digest, Cached>()
    var fetches = SortedMap<Ticket, Fetch>()
    /// When an owner may be asked again.
    var pauses = SortedMap<PeerIndex, Pause>()
    var uses: UInt64 = 0
}

extension Membership {
    mutating func document(of peer: PeerIndex, _ ticket: Ticket) {
        guard let peerID = directory.id(of: peer), let content = book[peerID]?.record.content,
            !content.capabilityDigest.isZero
        else {
            emit(.documentReady(ticket, peer, nil))
            return
        }
        let digest = content.capabilityDigest
        documents.uses += 1
        if let cached = documents.cache[digest] {
            let uses = documents.uses
            documents.cache.update(digest) { $0.lastUsed = uses }
            emit(.documentReady(ticket, peer, cached.bytes))
            return
        }
        let open = documents.fetches.first { $0.value.peer == peer && $0.value.digest == digest }
        if let open {
            documents.fetches.update(open.key) { $0.tickets.append(ticket) }
            return
        }
        if let pause = documents.pauses[peer], pause.until > now {
            emit(.documentReady(ticket, peer, nil))
            return
        }
        guard documents.fetches.count < limits.documentFetchesMax else {
            counters.raise(.documentRefused)
            emit(.documentReady(ticket, peer, nil))
            return
        }
        let fetch = self.ticket()
        documents.fetches.insert(
            DocumentState.Fetch(peer: peer, digest: digest, tickets: [ticket]), for: fetch)
        deadlines.set(.document(fetch), at: now + limits.documentFetchMax)
        emit(.fetchDocument(peer, digest, bytesMax: content.capabilityBytes, fetch))
    }

    mutating func documentDue(_ ticket: Ticket) {
        guard let fetch = documents.fetches[ticket] else { return }
        documentFetched(fetch.peer, fetch.digest, nil, ticket)
    }

    mutating func documentFetched(
        _ peer: PeerIndex, _ digest: Digest, _ bytes: [UInt8]?, _ ticket: Ticket
    ) {
        guard let fetch = documents.fetches.remove(ticket) else {
            counters.raise(.ticketUnknown)
            return
        }
        deadlines.cancel(.document(ticket))
        let good = bytes.flatMap { isTrue($0, of: fetch) ? $0 : nil }
        let failures = good == nil ? (documents.pauses[fetch.peer]?.failures ?? 0) + 1 : 0
        // One fetch per owner and minute, also after success (11.3).
        let wait = failures == 0
            ? limits.documentRetryMin
            : doubling(limits.documentRetryMin, failures, limits.documentRetryMax)
        documents.pauses.insert(DocumentState.Pause(failures: failures, until: now + wait), for: fetch.peer)
        if let good { keep(good, fetch.digest) }
        for waiting in fetch.tickets { emit(.documentReady(waiting, fetch.peer, good)) }
    }

    /// Whether bytes are the document that the record names, and say what its bitmap says (11.1).
    mutating func isTrue(_ bytes: [UInt8], of fetch: DocumentState.Fetch) -> Bool {
        guard let peerID = directory.id(of: fetch.peer), let entry = book[peerID] else { return false }
        let content = entry.record.content
        guard hashing.hash("peernode/capability/v1", bytes) == fetch.digest,
            let document = try? CapabilityDocument(decoding: bytes), document.key == content.key
        else {
            counters.raise(.documentWrong)
            fault(of: fetch.peer)
            return false
        }
        // The owner may have signed a newer record meanwhile; then the bitmap belongs to another document.
        guard content.capabilityDigest == fetch.digest else { return true }
        if Self.classes(of: document, hashing).rawValue == content.classes { return true }
        counters.raise(.documentMismatch)
        return false
    }

    static func classes(of document: CapabilityDocument, _ hashing: some Hashing) -> CapabilityClasses {
        document.classes(hashing: hashing)
    }

    mutating func keep(_ bytes: [UInt8], _ digest: Digest) {
        documents.uses += 1
        documents.cache.insert(
            DocumentState.Cached(bytes: bytes, lastUsed: documents.uses), for: digest)
        guard documents.cache.count > limits.documentCacheEntriesMax else { return }
        let oldest = documents.cache.min { $0.value.lastUsed < $1.value.lastUsed }
        if let oldest { documents.cache.remove(oldest.key) }
    }
}
