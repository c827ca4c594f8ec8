public import Basis
public import Trust
import Wire

/// Fetches blobs from the peers that hold them, and answers others (`gossip.md` 12.5).
///
/// The idea: every chunk carries its own proof against the blob's id, so any holder may serve any chunk, a wrong one is
/// noticed before it is stored, and what is verified is never fetched again. Bytes on disk and streams on the wire
/// belong to the shell: it answers `read…` and `store`, and routes stream events here.
///
/// It does not choose holders: whoever asks names them, and may name more while it waits.
public struct BlobExchange: Sendable {
    public struct Limits: Sendable {
        /// 8 sources × 2 requests × 4 chunks × 256 KiB = 16 MiB in flight at most.
        public var sourcesMax = 8
        public var chunksPerRequest: UInt16 = 4
        public var requestsPerSource = 2
        public var uploadsMax = 64
        public var uploadsPerPeerMax = 4
        /// A fetch that nobody brings 32 KiB or a chunk is given up after this and told upward; verified chunks stay.
        public var noHolder = Interval.seconds(60)
        /// A holder that was not reached, was busy, lost the connection or fell silent is asked again after this, twice
        /// as long each time up to `askAgainMax`, ± 20 %: some fifteen times before `noHolder`. The first is short
        /// because two peers that dial one another lose one of two connections, with what was asked on it.
        public var askAgain = Interval.milliseconds(500)
        public var askAgainMax = Interval.seconds(5)
        /// A request that brings nothing for this long loses its source.
        public var stall = Interval.seconds(10)
        public var fetchesMax = 1_024

        public init() {}
    }

    /// A stream as Session names it.
    public struct Stream: Hashable, Comparable, Sendable {
        public let connection: UInt64
        public let flow: UInt32
        public init(connection: UInt64, flow: UInt32) {
            self.connection = connection
            self.flow = flow
        }
        public static func < (a: Stream, b: Stream) -> Bool {
            a.connection != b.connection ? a.connection < b.connection : a.flow < b.flow
        }
    }

    public enum Input: Sendable {
        /// Wants a blob; `saved` are chunks that an earlier try verified, of a blob of `length` bytes.
        case fetch(BlobID, from: [PeerID], saved: Saved?)
        /// Further holders of a blob that is being fetched.
        case holders(BlobID, [PeerID])
        case cancel(BlobID)
        case opened(ticket: UInt64, Stream)
        case openFailed(ticket: UInt64)
        case bytes(Stream, [UInt8], isLast: Bool)
        case reset(Stream)
        /// The store has the chunk; the last one makes the blob whole.
        case stored(BlobID, chunk: UInt32)
        case storeFailed(BlobID)
        /// A peer opened service 5 or 6.
        case asked(Stream, from: PeerID, service: UInt16, request: [UInt8])
        case info(Stream, BlobSummary?)
        case chunks(Stream, [BlobChunk]?)
        case timeout
    }

    public struct Saved: Sendable, Hashable {
        public let length: UInt64
        public let root: Digest
        public let chunks: [UInt32]
        public init(length: UInt64, root: Digest, chunks: [UInt32]) {
            self.length = length
            self.root = root
            self.chunks = chunks
        }
    }

    public enum Effect: Sendable, Equatable {
        case open(ticket: UInt64, PeerID, service: UInt16, request: [UInt8])
        case write(Stream, [UInt8], isLast: Bool)
        case reset(Stream, code: UInt16)
        /// A verified chunk. `length` and `root` are the blob's.
        case store(BlobID, BlobChunk, length: UInt64, root: Digest)
        case fetched(BlobID)
        /// Nobody that was named has it; verified chunks stay for another try.
        case failed(BlobID)
        /// The source sent bytes that prove nothing: a fault of its own.
        case misbehaved(PeerID)
        case readInfo(Stream, BlobID)
        case readChunks(Stream, BlobID, first: UInt32, count: UInt16)
    }

    public struct Stats: Sendable, Equatable {
        public var chunksVerified = 0
        public var chunksWrong = 0
        public var requestsMalformed = 0
        public var requestsBusy = 0
        public var streamsUnknown = 0
    }

    enum Service {
        static let info: UInt16 = 5
        static let chunks: UInt16 = 6
    }
    enum ResetCode {
        static let busy: UInt16 = 1
        static let notFound: UInt16 = 2
        static let refused: UInt16 = 3
        static let stalled: UInt16 = 5
        static let cancelled: UInt16 = 6
    }

    struct Request: Sendable {
        let blob: BlobID
        let peer: PeerID
        /// nil: asks for the info.
        let chunks: ClosedRange<UInt32>?
        var next: UInt32
        var buffer: [UInt8] = []
        /// Bytes that came, whole chunks or not.
        var received = 0
        var ticket: UInt64
        var stream: Stream?
    }

    struct Source: Sendable {
        var info: BlobSummary?
        var requests = 0
        /// Set: gone, and asked again then.
        var again: Instant?
        var isGone: Bool { again != nil }
    }

    struct Fetch: Sendable {
        var length: UInt64?
        var root: Digest?
        /// Not yet verified and not in flight.
        var missing: [UInt32] = []
        var isSized = false
        var unstored = 0
        var sources = SortedMap<PeerID, Source>()
        /// How often each was lost.
        var losses = SortedMap<PeerID, Int>()
        /// Sent what proves nothing: not asked again.
        var wrong: Set<PeerID> = []
        var waiting: [PeerID] = []
    }

    enum DeadlineID: Hashable, Comparable, Sendable {
        case noHolder(BlobID)
        case askAgain(BlobID)
        case stalled(UInt64)
    }

    /// So many bytes of a chunk count as progress: an eighth of one.
    static let stepBytes = 32 << 10

    let limits: Limits
    let hashing: any Hashing
    var rng: SeededGenerator
    var now: Instant
    var fetches = SortedMap<BlobID, Fetch>()
    var requests = SortedMap<UInt64, Request>()
    var byStream: [Stream: UInt64] = [:]
    var uploads = SortedMap<Stream, PeerID>()
    var lastTicket: UInt64 = 0
    var deadlines = DeadlineTable<DeadlineID>()
    public private(set) var stats = Stats()

    public init(limits: Limits = Limits(), hashing: any Hashing, generator: SeededGenerator, now: Instant) {
        self.limits = limits
        self.hashing = hashing
        rng = generator
        self.now = now
    }

    public var nextDeadline: Instant? { deadlines.next }
    public var fetching: [BlobID] { fetches.keys }

    public mutating func handle(_ input: Input, now: Instant) -> [Effect] {
        invariant(now >= self.now, "time went back from \(self.now) to \(now)")
        self.now = now
        var effects: [Effect] = []
        switch input {
        case .fetch(let blob, let peers, let saved): start(blob, peers, saved, into: &effects)
        case .holders(let blob, let peers): add(peers, to: blob, into: &effects)
        case .cancel(let blob): end(blob, into: &effects)
        case .opened(let ticket, let stream): opened(ticket, stream, into: &effects)
        case .openFailed(let ticket): fail(ticket, into: &effects)
        case .bytes(let stream, let bytes, let isLast): received(bytes, isLast, on: stream, into: &effects)
        case .reset(let stream):
            uploads.remove(stream)
            if let ticket = byStream[stream] { fail(ticket, into: &effects) }
        case .stored(let blob, _): stored(blob, into: &effects)
        case .storeFailed(let blob): giveUp(blob, into: &effects)
        case .asked(let stream, let peer, let service, let request):
            answer(stream, peer, service, request, into: &effects)
        case .info(let stream, let info): send(info?.encoded, on: stream, into: &effects)
        case .chunks(let stream, let chunks):
            send(chunks.map { $0.flatMap(\.encoded) }, on: stream, into: &effects)
        case .timeout: fire(into: &effects)
        }
        invariant(byStream.count <= requests.count, "\(byStream.count) streams, \(requests.count) requests")
        return effects
    }

    // MARK: fetching

    mutating func start(_ blob: BlobID, _ peers: [PeerID], _ saved: Saved?, into effects: inout [Effect]) {
        if fetches[blob] == nil {
            if fetches.count >= limits.fetchesMax {
                effects.append(.failed(blob))
                return
            }
            var fetch = Fetch()
            if let saved, BlobTree.id(length: saved.length, root: saved.root, hashing: hashing) == blob {
                BlobExchange.size(&fetch, length: saved.length, root: saved.root)
                let have = Set(saved.chunks)
                fetch.missing.removeAll { have.contains($0) }
                if fetch.missing.isEmpty {
                    effects.append(.fetched(blob))
                    return
                }
            }
            fetches[blob] = fetch
            deadlines.set(.noHolder(blob), at: now + limits.noHolder)
        }
        add(peers, to: blob, into: &effects)
    }

    mutating func add(_ peers: [PeerID], to blob: BlobID, into effects: inout [Effect]) {
        guard fetches[blob] != nil else { return }
        fetches.update(blob) { fetch in
            for peer in peers where !fetch.wrong.contains(peer) && !fetch.waiting.contains(peer) {
                // A holder that failed before may be tried again when it is named again.
                if let source = fetch.sources[peer], !source.isGone { continue }
                fetch.sources[peer] = nil
                fetch.waiting.append(peer)
            }
        }
        advance(blob, into: &effects)
    }

    /// Asks the holders again whose time has come.
    mutating func askAgain(_ blob: BlobID, into effects: inout [Effect]) {
        guard var fetch = fetches[blob] else { return }
        for (peer, source) in fetch.sources {
            guard let time = source.again else { continue }
            if time <= now {
                fetch.sources[peer] = nil
                fetch.waiting.append(peer)
            } else {
                deadlines.setNoLater(.askAgain(blob), than: time)
            }
        }
        fetches[blob] = fetch
        advance(blob, into: &effects)
    }

    /// The holder is out of the fetch, for a while or for good, with all that was asked of it: one loss, however many
    /// requests its connection takes along.
    mutating func lose(_ peer: PeerID, of blob: BlobID, isWrong: Bool, into effects: inout [Effect]) {
        guard fetches[blob] != nil else { return }
        for ticket in requests.filter({ $0.value.blob == blob && $0.value.peer == peer }).map(\.key) {
            if let stream = forget(ticket)?.stream { effects.append(.reset(stream, code: ResetCode.cancelled)) }
        }
        if isWrong {
            fetches.update(blob) { fetch in
                fetch.wrong.insert(peer)
                fetch.sources[peer] = nil
                fetch.waiting.removeAll { $0 == peer }
            }
            return
        }
        let losses = fetches[blob]?.losses[peer] ?? 0
        // 2⁴ × 500 ms = 8 s.
        let wait = min(limits.askAgain * Int64(1 << min(losses, 4)), limits.askAgainMax)
        let time = now + wait.jittered(percent: 20, using: &rng)
        fetches.update(blob) { fetch in
            fetch.losses[peer] = losses + 1
            fetch.sources.update(peer) { $0.again = time }
        }
        deadlines.setNoLater(.askAgain(blob), than: time)
    }

    static func size(_ fetch: inout Fetch, length: UInt64, root: Digest) {
        fetch.length = length
        fetch.root = root
        fetch.isSized = true
        fetch.missing = Array(0..<UInt32(BlobTree.chunkCount(length: length)))
    }

    /// Opens what may be opened: sources up to the limit, then requests for missing chunks.
    mutating func advance(_ blob: BlobID, into effects: inout [Effect]) {
        guard var fetch = fetches[blob] else { return }
        while !fetch.waiting.isEmpty, fetch.sources.values.filter({ !$0.isGone }).count < limits.sourcesMax {
            let peer = fetch.waiting.removeFirst()
            fetch.sources[peer] = Source(requests: 1)
            effects.append(ask(blob, peer, chunks: nil))
        }
        if fetch.isSized {
            for peer in fetch.sources.keys { request(from: peer, blob, &fetch, into: &effects) }
            // Who has nothing that is missing makes room for others, and may have more later.
            let time = now + limits.askAgainMax
            for (peer, source) in fetch.sources
            where source.info != nil && source.requests == 0 && !source.isGone && !fetch.missing.isEmpty {
                fetch.sources.update(peer) { $0.again = time }
                deadlines.setNoLater(.askAgain(blob), than: time)
            }
        }
        fetches[blob] = fetch
    }

    mutating func request(from peer: PeerID, _ blob: BlobID, _ fetch: inout Fetch, into effects: inout [Effect]) {
        guard var source = fetch.sources[peer], !source.isGone, let info = source.info else { return }
        while source.requests < limits.requestsPerSource, !fetch.missing.isEmpty {
            // A random start spreads sources over the blob; a run of what is missing keeps requests few.
            let missing = fetch.missing
            let start = Int.random(in: 0..<missing.count, using: &rng)
            guard
                let at = (0..<missing.count).lazy.map({ (start + $0) % missing.count })
                    .first(where: { info.has(missing[$0]) })
            else { break }
            let first = fetch.missing[at]
            var last = first
            while last - first + 1 < UInt32(limits.chunksPerRequest),
                at + Int(last - first) + 1 < fetch.missing.count,
                fetch.missing[at + Int(last - first) + 1] == last + 1, info.has(last + 1)
            {
                last += 1
            }
            fetch.missing.removeSubrange(at...(at + Int(last - first)))
            source.requests += 1
            effects.append(ask(blob, peer, chunks: first...last))
        }
        fetch.sources[peer] = source
    }

    mutating func ask(_ blob: BlobID, _ peer: PeerID, chunks: ClosedRange<UInt32>?) -> Effect {
        lastTicket += 1
        requests[lastTicket] = Request(
            blob: blob, peer: peer, chunks: chunks, next: chunks?.lowerBound ?? 0, ticket: lastTicket)
        guard let chunks else {
            return .open(ticket: lastTicket, peer, service: Service.info, request: blob.bytes)
        }
        let request = BlobChunksRequest(
            blob: blob, first: chunks.lowerBound, count: UInt16(chunks.upperBound - chunks.lowerBound + 1))
        return .open(ticket: lastTicket, peer, service: Service.chunks, request: request.encoded)
    }

    mutating func opened(_ ticket: UInt64, _ stream: Stream, into effects: inout [Effect]) {
        guard requests[ticket] != nil else {
            effects.append(.reset(stream, code: ResetCode.cancelled))
            return
        }
        requests.update(ticket) { $0.stream = stream }
        byStream[stream] = ticket
        deadlines.set(.stalled(ticket), at: now + limits.stall)
    }

    mutating func received(_ bytes: [UInt8], _ isLast: Bool, on stream: Stream, into effects: inout [Effect]) {
        guard let ticket = byStream[stream], var request = requests[ticket] else {
            if !uploads.contains(stream) { stats.streamsUnknown += 1 }
            return
        }
        requests[ticket] = nil
        request.buffer.append(contentsOf: bytes)
        deadlines.set(.stalled(ticket), at: now + limits.stall)
        // A slow holder is a holder, too: a chunk may take longer than `noHolder`. Who sends what proves nothing gains
        // eight such steps at most, a chunk's length.
        let steps = request.received / BlobExchange.stepBytes
        request.received += bytes.count
        if request.chunks != nil, request.received / BlobExchange.stepBytes > steps {
            deadlines.set(.noHolder(request.blob), at: now + limits.noHolder)
        }
        var isSound = true
        if request.chunks != nil {
            isSound = takeChunks(&request, into: &effects)
        } else if request.buffer.count > 4_096 {
            isSound = false
        } else if isLast {
            isSound = takeInfo(request)
        }
        requests[ticket] = request
        if !isSound {
            stats.chunksWrong += 1
            effects.append(.misbehaved(request.peer))
            fail(ticket, isWrong: true, into: &effects)
        } else if isLast {
            finish(ticket, into: &effects)
        }
    }

    mutating func takeInfo(_ request: Request) -> Bool {
        guard let info = try? BlobSummary(decoding: request.buffer),
            BlobTree.id(length: info.length, root: info.root, hashing: hashing) == request.blob
        else { return false }
        fetches.update(request.blob) { fetch in
            if !fetch.isSized { BlobExchange.size(&fetch, length: info.length, root: info.root) }
            fetch.sources.update(request.peer) { $0.info = info }
        }
        return true
    }

    /// Takes whole chunks off the buffer; false if one does not prove what was asked for.
    mutating func takeChunks(_ request: inout Request, into effects: inout [Effect]) -> Bool {
        guard let fetch = fetches[request.blob], let length = fetch.length, let root = fetch.root,
            let asked = request.chunks
        else { return true }
        while let size = BlobChunk.encodedCount(request.buffer[...]) {
            if size > 9 + 32 * BlobChunk.proofMax + BlobTree.chunkBytes { return false }
            if request.buffer.count < size { break }
            guard request.next <= asked.upperBound,
                let chunk = try? BlobChunk(decoding: Array(request.buffer[..<size])),
                chunk.index == request.next,
                chunk.data.count == BlobTree.chunkSize(Int(chunk.index), length: length)
            else { return false }
            let leaf = BlobTree.leaf(Int(chunk.index), chunk.data, hashing: hashing)
            let isProven = BlobTree.proves(
                leaf: leaf, at: Int(chunk.index), of: BlobTree.chunkCount(length: length), proof: chunk.proof,
                root: root, hashing: hashing)
            if !isProven { return false }
            request.buffer.removeFirst(size)
            request.next += 1
            stats.chunksVerified += 1
            fetches.update(request.blob) { $0.unstored += 1 }
            deadlines.set(.noHolder(request.blob), at: now + limits.noHolder)
            effects.append(.store(request.blob, chunk, length: length, root: root))
        }
        return true
    }

    /// The stream ended well: what it did not bring is missing again.
    mutating func finish(_ ticket: UInt64, into effects: inout [Effect]) {
        guard let request = forget(ticket) else { return }
        let isShort = request.chunks.map { request.next <= $0.upperBound } ?? false
        fetches.update(request.blob) { $0.sources.update(request.peer) { $0.requests -= 1 } }
        // A holder that ends early has less than it said; asking again at once would spin.
        if isShort { lose(request.peer, of: request.blob, isWrong: false, into: &effects) }
        advance(request.blob, into: &effects)
    }

    mutating func fail(_ ticket: UInt64, isWrong: Bool = false, into effects: inout [Effect]) {
        guard let request = requests[ticket] else { return }
        lose(request.peer, of: request.blob, isWrong: isWrong, into: &effects)
        advance(request.blob, into: &effects)
    }

    mutating func forget(_ ticket: UInt64) -> Request? {
        deadlines.cancel(.stalled(ticket))
        guard let request = requests.remove(ticket) else { return nil }
        if let stream = request.stream { byStream[stream] = nil }
        if let chunks = request.chunks, request.next <= chunks.upperBound {
            fetches.update(request.blob) { fetch in
                fetch.missing = (fetch.missing + Array(request.next...chunks.upperBound)).sorted()
            }
        }
        return request
    }

    mutating func stored(_ blob: BlobID, into effects: inout [Effect]) {
        guard fetches[blob] != nil else { return }
        fetches.update(blob) { $0.unstored -= 1 }
        guard let fetch = fetches[blob], fetch.isSized, fetch.missing.isEmpty, fetch.unstored == 0,
            !hasChunkRequests(blob)
        else { return }
        end(blob, into: &effects)
        effects.append(.fetched(blob))
    }

    func hasChunkRequests(_ blob: BlobID) -> Bool {
        requests.values.contains { request in
            request.blob == blob && request.chunks.map { $0.upperBound >= request.next } ?? false
        }
    }

    mutating func giveUp(_ blob: BlobID, into effects: inout [Effect]) {
        guard fetches[blob] != nil else { return }
        end(blob, into: &effects)
        effects.append(.failed(blob))
    }

    mutating func end(_ blob: BlobID, into effects: inout [Effect]) {
        fetches[blob] = nil
        deadlines.cancel(.noHolder(blob))
        deadlines.cancel(.askAgain(blob))
        for ticket in requests.filter({ $0.value.blob == blob }).map(\.key) {
            if let stream = forget(ticket)?.stream {
                effects.append(.reset(stream, code: ResetCode.cancelled))
            }
        }
    }

    // MARK: serving

    mutating func answer(
        _ stream: Stream, _ peer: PeerID, _ service: UInt16, _ request: [UInt8], into effects: inout [Effect]
    ) {
        let ofPeer = uploads.values.filter { $0 == peer }.count
        if uploads.count >= limits.uploadsMax || ofPeer >= limits.uploadsPerPeerMax {
            stats.requestsBusy += 1
            effects.append(.reset(stream, code: ResetCode.busy))
            return
        }
        if service == Service.info, let blob = BlobID(request) {
            uploads[stream] = peer
            effects.append(.readInfo(stream, blob))
        } else if service == Service.chunks, let asked = try? BlobChunksRequest(decoding: request) {
            uploads[stream] = peer
            effects.append(.readChunks(stream, asked.blob, first: asked.first, count: asked.count))
        } else {
            stats.requestsMalformed += 1
            effects.append(.reset(stream, code: ResetCode.refused))
        }
    }

    mutating func send(_ bytes: [UInt8]?, on stream: Stream, into effects: inout [Effect]) {
        guard uploads.remove(stream) != nil else { return }
        if let bytes {
            effects.append(.write(stream, bytes, isLast: true))
        } else {
            effects.append(.reset(stream, code: ResetCode.notFound))
        }
    }

    mutating func fire(into effects: inout [Effect]) {
        while let due = deadlines.popDue(now) {
            switch due {
            case .noHolder(let blob): giveUp(blob, into: &effects)
            case .askAgain(let blob): askAgain(blob, into: &effects)
            case .stalled(let ticket): fail(ticket, into: &effects)
            }
        }
    }
}
