import Basis
import Records
import TestKit
import Testing
import Trust

@testable import Gossip

/// Scenarios with several real cores in a fake network, each from published seeds.
@Suite struct NetworkTests {
    /// N nodes, all but the first joining through the first.
    static func cold(_ n: Int, seed: UInt64) -> FakeNetwork {
        let net = FakeNetwork(seed: seed)
        _ = net.addFounder()
        for _ in 1..<n { net.add(seeds: [Seed(host: "node0", port: 7717)]) }
        return net
    }

    /// Shows a cold join of 5 from one seed: within 5 s (G10) all are linked with all, and everybody was told `joined`.
    @Test(arguments: [1, 2, 3] as [UInt64]) func fiveJoin(seed: UInt64) {
        let net = Self.cold(5, seed: seed)
        #expect(net.run(.seconds(5)) { net.isFullMesh(Array(0..<5)) })
        for i in 0..<5 {
            #expect(net.known(i) == 4)
            #expect(net.events(i) { if case .joined = $0 { true } else { false } }.count == 1, "node \(i)")
        }
        for i in 1..<5 {
            #expect(net.events(i) { $0 == .firstContact(net.network) }.count == 1, "node \(i)")
        }
    }
}
