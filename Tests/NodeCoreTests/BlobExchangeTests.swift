import Basis
import NodeCore
import TestKit
import Testing
import Trust
import Wire

/// A network of blob exchanges whose stores are arrays, with peers that lie, break off or vanish.
struct BlobNetwork {
    enum Behaviour { case honest, lying, silent, without, half, unreached }

    let hashing = MixHashing()
    let content: [UInt8]
    let leaves: [Digest]
    let blob: BlobID
    var holders: [(id: PeerID, behaviour: Behaviour)]
    /// When peers that cannot be reached at first are there.
    var reachedFrom = Instant.zero + .seconds(12)
    var opens = 0
    var fetcher: BlobExchange
    var got: [UInt32: [UInt8]] = [:]
    var stores = 0
    var result: Bool?
    var misbehaved: Set<PeerID> = []
    var now = Instant.zero

    init(bytes: Int, holders: [Behaviour], seed: UInt64) {
        var rng = SeededGenerator(seed: seed)
        content = rng.bytes(bytes)
        var leaves: [Digest] = []
        for i in 0..<BlobTree.chunkCount(length: UInt64(bytes)) {
            let start = i * BlobTree.chunkBytes
            leaves.append(
                BlobTree.leaf(i, content[start..<min(start + BlobTree.chunkBytes, bytes)], hashing: hashing))
        }
        self.leaves = leaves
        blob = BlobTree.id(length: UInt64(bytes), leaves: leaves, hashing: hashing)
        self.holders = holders.enumerated().map { (PeerID(repeating: UInt8($0.offset + 1)), $0.element) }
        fetcher = BlobExchange(hashing: hashing, generator: rng, now: now)
    }

    func chunk(_ i: UInt32) -> [UInt8] {
        let start = Int(i) * BlobTree.chunkBytes
        return Array(content[start..<min(start + BlobTree.chunkBytes, content.count)])
    }

    /// What a holder of this behaviour writes for a request; nil resets.
    func answer(_ behaviour: Behaviour, _ service: UInt16, _ request: [UInt8]) -> [UInt8]? {
        if service == 5 {
            if behaviour == .without { return nil }
            let count = behaviour == .half ? max(1, leaves.count / 2) : leaves.count
            return BlobSummary(
                length: UInt64(content.count), root: BlobTree.root(leaves: leaves, hashing: hashing),
                runs: [.init(first: 0, count: UInt32(count))]
            ).encoded
        }
        guard let asked = try? BlobChunksRequest(decoding: request) else { return nil }
        return (asked.first..<asked.first + UInt32(asked.count)).flatMap { index in
            var data = chunk(index)
            if behaviour == .lying, !data.isEmpty { data[data.count / 2] ^= 1 }
            return BlobChunk(
                index: index, proof: BlobTree.Levels(leaves: leaves, hashing: hashing).proof(of: Int(index)), data: data
            ).encoded
        }
    }

    mutating func run(_ first: BlobExchange.Input, steps: Int = 2_000) {
        var queue = fetcher.handle(first, now: now)
        var flow: UInt32 = 16
        for _ in 0..<steps {
            guard !queue.isEmpty else {
                guard result == nil, let next = fetcher.nextDeadline else { return }
                now = next
                queue = fetcher.handle(.timeout, now: now)
                continue
            }
            switch queue.removeFirst() {
            case .open(let ticket, let peer, let service, let request):
                let behaviour = holders.first { $0.id == peer }!.behaviour
                opens += 1
                if behaviour == .unreached, now < reachedFrom {
                    queue += fetcher.handle(.openFailed(ticket: ticket), now: now)
                    continue
                }
                flow += 2
                let stream = BlobExchange.Stream(connection: 1, flow: flow)
                queue += fetcher.handle(.opened(ticket: ticket, stream), now: now)
                if behaviour == .silent { continue }
                if let bytes = answer(behaviour, service, request) {
                    // In pieces, as a connection brings them.
                    var rest = bytes[...]
                    repeat {
                        let piece = rest.prefix(100_000)
                        rest = rest.dropFirst(100_000)
                        queue += fetcher.handle(.bytes(stream, Array(piece), isLast: rest.isEmpty), now: now)
                    } while !rest.isEmpty
                } else {
                    queue += fetcher.handle(.reset(stream), now: now)
                }
            case .store(let id, let chunk, let length, let root):
                #expect(id == blob && length == UInt64(content.count))
                #expect(BlobTree.id(length: length, root: root, hashing: hashing) == blob)
                got[chunk.index] = chunk.data
                stores += 1
                queue += fetcher.handle(.stored(id, chunk: chunk.index), now: now)
            case .fetched: result = true
            case .failed: result = false
            case .misbehaved(let peer): misbehaved.insert(peer)
            case .reset, .write, .readInfo, .readChunks: break
            }
        }
    }

    var isWhole: Bool {
        got.count == leaves.count && (0..<UInt32(leaves.count)).allSatisfy { got[$0] == chunk($0) }
    }
}

@Suite struct BlobExchangeTests {
    /// Shows that a blob arrives whole and right from any mix with one honest holder, each chunk once.
    @Test(arguments: [0, 1, 262_144, 262_145, 3_000_000])
    func fetchesFromAnyMixWithOneHonestHolder(bytes: Int) {
        var network = BlobNetwork(
            bytes: bytes, holders: [.lying, .silent, .without, .half, .honest], seed: UInt64(bytes) + 1)
        network.run(.fetch(network.blob, from: network.holders.map(\.id), saved: nil))
        #expect(network.result == true)
        #expect(network.isWhole)
        #expect(network.stores == network.leaves.count, "no verified chunk is fetched twice")
        #expect(!network.misbehaved.contains(network.holders[4].id))
        #expect(!network.misbehaved.contains(network.holders[2].id), "not having a blob is no fault")
    }

    /// Shows that lying holders are named and store nothing, and that the fetch then fails after its wait.
    @Test func liarsStoreNothing() {
        var network = BlobNetwork(bytes: 700_000, holders: [.lying, .lying], seed: 2)
        network.run(.fetch(network.blob, from: network.holders.map(\.id), saved: nil))
        #expect(network.result == false)
        #expect(network.stores == 0)
        #expect(network.misbehaved == Set(network.holders.map(\.id)))
        #expect(network.now >= Instant.zero + .seconds(60))
    }

    /// Shows that chunks verified before a restart are not fetched again.
    @Test func resumesFromSavedChunks() {
        var network = BlobNetwork(bytes: 2_000_000, holders: [.honest], seed: 3)
        let saved = BlobExchange.Saved(
            length: 2_000_000, root: BlobTree.root(leaves: network.leaves, hashing: network.hashing),
            chunks: [0, 1, 2, 5])
        for index in saved.chunks { network.got[index] = network.chunk(index) }
        network.run(.fetch(network.blob, from: [network.holders[0].id], saved: saved))
        #expect(network.result == true && network.isWhole)
        #expect(network.stores == network.leaves.count - 4)
    }

    /// Shows that a holder named later completes a fetch that waits.
    @Test func laterHoldersHelp() {
        var network = BlobNetwork(bytes: 600_000, holders: [.without, .honest], seed: 4)
        let effects = network.fetcher.handle(.fetch(network.blob, from: [], saved: nil), now: network.now)
        #expect(effects.isEmpty)
        network.run(.holders(network.blob, network.holders.map(\.id)))
        #expect(network.result == true && network.isWhole)
    }

    /// Shows that the only holder, not reached at first, is asked again without being named again.
    @Test func asksAgainWhoWasNotReached() {
        var network = BlobNetwork(bytes: 600_000, holders: [.unreached], seed: 5)
        network.run(.fetch(network.blob, from: [network.holders[0].id], saved: nil))
        #expect(network.result == true && network.isWhole)
        #expect(network.now < network.reachedFrom + .seconds(7), "it took until \(network.now)")
    }

    /// Shows that holders that never answer are asked at a bounded rate, and the fetch still ends after its wait.
    @Test(arguments: [BlobNetwork.Behaviour.unreached, .without, .silent])
    func givesUpOnWhoNeverHasIt(behaviour: BlobNetwork.Behaviour) {
        var network = BlobNetwork(bytes: 600_000, holders: [behaviour], seed: 6)
        network.reachedFrom = .zero + .seconds(600)
        network.run(.fetch(network.blob, from: [network.holders[0].id], saved: nil))
        #expect(network.result == false)
        #expect(network.now >= .zero + .seconds(60) && network.now < .zero + .seconds(75))
        #expect((5...30).contains(network.opens), "\(network.opens) opens")
    }

    /// Shows that a holder that proved nothing is not asked again, named again or not.
    @Test func liarsAreNotAskedAgain() {
        var network = BlobNetwork(bytes: 100, holders: [.lying, .unreached], seed: 7)
        network.run(.fetch(network.blob, from: network.holders.map(\.id), saved: nil), steps: 12)
        let opens = network.opens
        let effects = network.fetcher.handle(.holders(network.blob, [network.holders[0].id]), now: network.now)
        #expect(network.misbehaved == [network.holders[0].id] && opens >= 3 && effects.isEmpty)
    }

    /// Shows that a server answers what it has, refuses what is malformed, and bounds uploads per peer.
    @Test func servesWithinLimits() {
        var server = BlobExchange(hashing: MixHashing(), generator: SeededGenerator(seed: 1), now: .zero)
        let peer = PeerID(repeating: 1)
        func ask(_ flow: UInt32, _ request: [UInt8]) -> [BlobExchange.Effect] {
            server.handle(
                .asked(.init(connection: 1, flow: flow), from: peer, service: 5, request: request), now: .zero)
        }
        let blob = BlobID(repeating: 9)
        for flow in 1...4 as ClosedRange<UInt32> {
            #expect(ask(flow, blob.bytes) == [.readInfo(.init(connection: 1, flow: flow), blob)])
        }
        #expect(ask(5, blob.bytes) == [.reset(.init(connection: 1, flow: 5), code: 1)])
        let none = server.handle(.info(.init(connection: 1, flow: 1), nil), now: .zero)
        #expect(none == [.reset(.init(connection: 1, flow: 1), code: 2)])
        #expect(ask(6, [1, 2]) == [.reset(.init(connection: 1, flow: 6), code: 3)])
        #expect(server.stats.requestsBusy == 1 && server.stats.requestsMalformed == 1)
    }

    /// Shows that the layouts have one encoding and never trap.
    @Test func layoutsAreStrict() {
        let info = BlobSummary(length: 600_000, root: Digest(repeating: 1), runs: [.init(first: 0, count: 1), .init(first: 2, count: 1)])
        let chunk = BlobChunk(index: 3, proof: [Digest(repeating: 2)], data: [1, 2, 3])
        let request = BlobChunksRequest(blob: BlobID(repeating: 4), first: 1, count: 64)
        #expect(Mutation.fuzz(info, seed: 1).broken == nil)
        #expect(Mutation.fuzz(chunk, seed: 2).broken == nil)
        #expect(Mutation.fuzz(request, seed: 3).broken == nil)
        #expect((try? BlobSummary(decoding: BlobSummary(length: 1, root: .zero, runs: [.init(first: 0, count: 2)]).encoded)) == nil)
    }
}
