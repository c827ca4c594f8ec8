import Basis
import CLibuv
import Glibc
import Loop
import Records
import Session
import Sodium
import Testing
import Trust

@testable import Transport

/// Two nodes' lower halves over the real loopback of this machine. No test asserts an absolute time.
@Suite(.serialized) struct LoopbackTests {
    /// Two started peers, each on a loop of its own.
    func pair(_ addresses: [String] = ["127.0.0.1:0"]) async throws -> (TestPeer, TestPeer) {
        try sodiumReady()
        let a = TestPeer(try UVLoop(name: "peer-a"))
        let b = TestPeer(try UVLoop(name: "peer-b"))
        try await a.run { try $0.start(on: addresses) }
        try await b.run { try $0.start(on: addresses) }
        return (a, b)
    }

    func end(_ peers: TestPeer...) async throws {
        for peer in peers {
            try await peer.run { $0.close() }
            peer.loop.stop()
            peer.loop.join()
        }
    }

    func dial(_ a: TestPeer, _ b: TestPeer, _ path: Path, ticket: UInt64, host: String? = nil) async throws {
        let target = try await b.run { $0.address }
        let to = host.flatMap { SocketAddress(host: $0, port: target.port) } ?? target
        let id = b.id
        try await a.run {
            $0.take(.dial(Ticket(ticket), to: to, path: path, expecting: id, network: nil))
        }
        let isUpHere = await a.wait { $0.isUp(path) }
        let isUpThere = await b.wait { $0.isUp(path) }
        #expect(isUpHere && isUpThere)
    }

    /// Shows a handshake and messages on both carriers, and that a hang-up is heard with its reason.
    @Test func handshakesAndMessages() async throws {
        let (a, b) = try await pair()
        try await dial(a, b, .datagram, ticket: 1)
        try await dial(a, b, .main, ticket: 2)
        let (aID, bID) = (a.id, b.id)
        let ping = PeerMessage.ping(Ping(probe: 5, sinceHeard: 0, mySequence: 1, yourSequence: 1))
        let vote = LaneMessage(MessageNumber.vote, [1, 2, 3])
        let block = LaneMessage(MessageNumber.proposal, [UInt8](repeating: 7, count: 1_500_000))
        try await a.run {
            $0.take(.send(bID, [ping], via: .datagram))
            $0.take(.post(bID, block))
            $0.take(.post(bID, vote))
        }
        let gotDatagram = await b.wait {
            $0.log.contains { $0.effect == .deliver(Compound([ping]).encoded, from: aID, via: .datagram) }
        }
        let gotBlock = await b.wait { $0.log.contains { $0.effect == .deliverLane(block, from: aID) } }
        #expect(gotDatagram && gotBlock)
        let order = try await b.run { peer in
            peer.log.compactMap { entry -> UInt16? in
                if case .deliverLane(let message, _) = entry.effect { return message.number }
                return nil
            }
        }
        #expect(order == [MessageNumber.vote, MessageNumber.proposal], "the vote passed the block")
        try await a.run { $0.take(.hangUp(bID, .leaving)) }
        for path in [Path.datagram, .main] {
            let isDown = await b.wait { $0.log.contains { $0.effect == .sessionDown(aID, path, .leaving) } }
            #expect(isDown, "\(path)")
        }
        #expect(try await b.run { $0.table.stats[.streamTruncated] } == 0)
        try await end(a, b)
    }

    /// Shows that 60 MB of bulk arrive whole while control messages pass: a vote sent during the transfer arrives before
    /// the transfer ends. How many fit in between depends on the machine's load, so one is asked for.
    @Test func bulkAndVotes() async throws {
        let (a, b) = try await pair()
        try await dial(a, b, .main, ticket: 1)
        let (aID, bID) = (a.id, b.id)
        try await a.run { $0.take(.bulkRate(sendBytesPerSecond: 0, receiveBytesPerSecond: 0)) }
        try await b.run { $0.take(.bulkRate(sendBytesPerSecond: 0, receiveBytesPerSecond: 0)) }
        let size = 60_000_000
        let request = (0..<4).map { UInt8(truncatingIfNeeded: size >> (24 - 8 * $0)) }
        try await a.run {
            $0.take(
                .open(
                    Ticket(9), bID, service: ServiceNumber.blobChunks, trafficClass: TrafficClass.bulk,
                    request: request, isLast: true))
        }
        var delays: [Interval] = []
        var bytesAtVotes: [Int] = []
        var n: UInt8 = 0
        while try await a.run({ !$0.streamEnded }) {
            n &+= 1
            let vote = LaneMessage(MessageNumber.vote, [n])
            let sentAt = try await b.run { peer -> Instant in
                let now = peer.loop.now
                peer.take(.post(aID, vote))
                return now
            }
            let arrived = await a.wait { peer in
                peer.log.contains { $0.at >= sentAt && $0.effect == .deliverLane(vote, from: bID) }
            }
            #expect(arrived)
            let (at, bytes) = try await a.run { peer in
                (peer.log.last { $0.effect == .deliverLane(vote, from: bID) }?.at ?? sentAt, peer.streamBytes)
            }
            delays.append(at - sentAt)
            bytesAtVotes.append(bytes)
            try await a.run { $0.log = [] }
        }
        #expect(try await a.run { $0.streamBytes } == size)
        let during = bytesAtVotes.count { $0 < size }
        #expect(during >= 1, "votes arrived during the transfer: \(during)")
        let worst = delays.max() ?? .zero
        print("60 MB with \(delays.count) votes meanwhile; slowest vote \(worst.nanoseconds / 1_000) µs")
        try await end(a, b)
    }

    /// Shows that `[::]` takes IPv4 and IPv6, on both carriers, and that IPv4 peers are named by IPv4 addresses.
    @Test(arguments: ["127.0.0.1", "::1"])
    func dualStack(_ host: String) async throws {
        let (a, b) = try await pair(["[::]:0"])
        try await dial(a, b, .datagram, ticket: 1, host: host)
        try await dial(a, b, .main, ticket: 2, host: host)
        let remotes = try await b.run { peer in
            peer.log.compactMap { entry -> String? in
                if case .sessionUp(_, let facts) = entry.effect { return facts.remote.hostText }
                return nil
            }
        }
        #expect(remotes == [host, host])
        try await end(a, b)
    }

    /// Shows that IPv4 and IPv6 can be listened on side by side with one port, and that each socket has its own name.
    @Test func bothFamiliesApart() async throws {
        let (a, b) = try await pair()
        try await b.run { peer in
            let sockets = PeerSockets(peer.loop) { _ in }
            // Whatever port is free on this machine at the moment.
            let bound = (20_000..<20_200).lazy.map { port -> [SocketAddress] in
                [SocketAddress(v4: 0, port: port), SocketAddress(v6High: 0, low: 0, port: port)]
            }.first { (try? sockets.listen(on: $0)) != nil }
            #expect(bound != nil && sockets.localAddresses == bound)
            sockets.close()
        }
        try await dial(a, b, .datagram, ticket: 1)
        try await end(a, b)
    }

    /// Shows that a port in use is told by its address, and leaves no socket behind; a foreign address, too.
    @Test func addressesThatCannotBe() async throws {
        let (a, b) = try await pair()
        let taken = try await a.run { $0.address }
        try await b.run { peer in
            let sockets = PeerSockets(peer.loop) { _ in }
            #expect(throws: ListenError.inUse(taken)) { try sockets.listen(on: [taken]) }
            let foreign = SocketAddress(v4: 0xc000_0201, port: 7_717)
            #expect(throws: ListenError.notLocal(foreign)) { try sockets.listen(on: [foreign]) }
            #expect(ListenError.inUse(taken).description.contains("\(taken)"))
            let free = SocketAddress("127.0.0.1:0")!
            #expect(throws: ListenError.inUse(taken)) { try sockets.listen(on: [free, taken]) }
            #expect(sockets.localAddresses.isEmpty)
            sockets.close()
        }
        try await end(a, b)
    }

    /// Shows that dials to a closed port end, and that a peer that dies is noticed by its connection.
    @Test func failures() async throws {
        let (a, b) = try await pair()
        try await dial(a, b, .main, ticket: 1)
        let (bID, port) = (b.id, try await b.run { $0.address.port })
        // The sockets go without a word, as when a process dies.
        try await b.run { peer in
            peer.sockets?.close()
        }
        let isDown = await a.wait { $0.log.contains { $0.effect == .sessionDown(bID, .main, .silent) } }
        #expect(isDown)
        try await a.run { peer in
            let gone = SocketAddress(v4: 0x7f00_0001, port: port)
            peer.take(.dial(Ticket(3), to: gone, path: .main, expecting: nil, network: nil))
            peer.take(.dial(Ticket(4), to: gone, path: .datagram, expecting: nil, network: nil))
            peer.take(.dial(Ticket(5), to: SocketAddress("[::1]:9")!, path: .datagram, expecting: nil, network: nil))
        }
        let failed = await a.wait { $0.failures.count == 3 }
        #expect(failed)
        let failures = try await a.run { $0.failures }
        #expect(failures.contains(.connectionRefused) && failures.contains(.timeout))
        #expect(failures.contains(.unreachable), "no socket of that family")
        try await end(a, b)
    }

    /// Shows that junk on both ports harms nobody: counted, dropped, and the next peer comes in.
    @Test func junk() async throws {
        let (a, b) = try await pair()
        let target = try await b.run { $0.address }
        try await a.run { peer in
            var rng = SeededGenerator(seed: 4)
            for _ in 0..<200 {
                let bytes = rng.bytes(Int.random(in: 1...1_200, using: &rng))
                _ = peer.sockets?.carry(.transmit(bytes, to: target, on: .any))
            }
        }
        let raw = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let connected = SystemAddress(target).with { connect(raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        #expect(connected == 0)
        let noise = [UInt8](repeating: 0xd1, count: 5_000)
        #expect(write(raw, noise, noise.count) > 0)
        var byte: UInt8 = 0
        // The other side closes: end of file or a reset.
        #expect(read(raw, &byte, 1) <= 0)
        close(raw)
        let heard = await b.wait { ($0.sockets?.stats.datagramsIn ?? 0) >= 100 }
        #expect(heard)
        try await dial(a, b, .datagram, ticket: 1)
        try await dial(a, b, .main, ticket: 2)
        let stats = try await b.run { ($0.table.stats[.streamMalformed], $0.table.stats[.packetUnknownKind]) }
        #expect(stats.0 == 1 && stats.1 > 100)
        try await end(a, b)
    }

    @Test func names() async throws {
        try sodiumReady()
        let loop = try UVLoop(name: "names")
        let found: [SocketAddress] = await withCheckedContinuation { continuation in
            loop.post {
                Resolver.resolve("localhost", port: 7_717, on: loop) { continuation.resume(returning: $0) }
            }
        }
        #expect(found.contains { $0.scope == .host && $0.port == 7_717 })
        let none: [SocketAddress] = await withCheckedContinuation { continuation in
            loop.post {
                Resolver.resolve("no..host", port: 1, on: loop) { continuation.resume(returning: $0) }
            }
        }
        #expect(none.isEmpty)
        for address in Resolver.interfaceAddresses(port: 5) { #expect(address.port == 5 && address.scope > .host) }
        loop.stop()
        loop.join()
    }
}
