import API
import Basis
import Daemon
import Foundation
import Gossip
import Records
import Sodium
import Testing
import Trust

/// Two nodes in one process, over loopback sockets.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct TwoNodeTests {
    /// A newcomer with an invite joins by seed, fetches the genesis, follows the log, is admitted with its welcome
    /// credit, pays, and keeps all that over a restart.
    @Test func newcomerJoinsAndPays() async throws {
        let founder = try TestHome()
        try founder.found()
        let seat = try await founder.start()
        try await seat.expectReady()
        let guest = try TestHome()
        let address = try #require(seat.listening.first)
        let target = JoinTarget(seeds: [Seed(host: "127.0.0.1", port: address.port)])
        let joined = try await guest.start(targets: [target], invite: try founder.invite())
        try await joined.expectReady()
        #expect(joined.network == seat.network)
        let own = try await joined.get(AccountDocument.self, "/v1/accounts/self")
        #expect(own.flags == ["admitted"] && own.availableMicro.value == 100_000_000)
        let paid = try await joined.pay(try founder.account, 1_000, key: "p")
        let final = try await joined.settled(paid.id)
        #expect(final.state == .final)
        let height = try #require(final.height?.value)
        let balance = try await seat.get(AccountDocument.self, "/v1/accounts/self", [("minHeight", "\(height)")])
        #expect(balance.availableMicro.value == 1_000_001_000)
        let peers = try await joined.get(Page<PeerDocument>.self, "/v1/peers")
        #expect(Set(peers.items.map(\.state)) == [.own, .linked])
        // What a peer says of its machine is read from the machine, and fetched over the link.
        let other = try #require(peers.items.first { $0.state == .linked })
        let machine = try await joined.get(PeerDocument.self, "/v1/peers/\(other.id)").capabilities
        #expect(machine?.cores == ProcessInfo.processInfo.activeProcessorCount)
        #expect(machine.map { ($0.memoryBytes ?? 0) > 64 << 20 && ($0.diskBytes ?? 0) > 0 } == true)
        #expect(try await seat.get(PeerDocument.self, "/v1/peers/self").capabilities == machine)
        let metrics = try await seat.client.bytes(ClientRequest("GET", "/metrics"))
        let counted = String(decoding: metrics, as: UTF8.self).split(separator: "\n").filter {
            $0.hasPrefix("peernode_gossip_bytes_total{") && !$0.hasSuffix(" 0")
        }
        #expect(counted.count == 2, "bytes both ways: \(counted)")
        await joined.stop()
        let again = try await guest.start()
        try await again.expectReady()
        let kept = try await again.get(AccountDocument.self, "/v1/accounts/self")
        #expect(kept.availableMicro.value == 100_000_000 - 1_000)
        await again.stop()
        await seat.stop()
    }
}
