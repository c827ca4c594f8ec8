import Loop
import API
import Basis
import Daemon
import Foundation
import Gossip
import Records
import Sodium
import Testing
import Trust

/// What a start refuses, and what it leaves behind.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct StartTests {
    /// A home opens once: the second start is E704 with the pid; after a stop it opens again, and node.json is gone.
    @Test func homeOpensOnce() async throws {
        let home = try TestHome()
        try home.found()
        let running = try await home.start()
        try await running.expectReady()
        let problem = await #expect(throws: Problem.self) { try await home.start() }
        #expect(problem?.code == "E704")
        #expect(problem?.detail.contains("\(ProcessInfo.processInfo.processIdentifier)") == true)
        await running.stop()
        #expect(!FileManager.default.fileExists(atPath: home.layout.nodeFile.path))
        let second = try await home.start()
        await second.stop()
    }

    /// node.json appears when the node is ready and leads to it; the token in its file opens the TCP side.
    @Test func nodeFileLeadsToIt() async throws {
        let home = try TestHome()
        try home.found()
        let running = try await home.start()
        try await running.expectReady()
        let deadline = running.loop.now + .seconds(5)
        while !FileManager.default.fileExists(atPath: home.layout.nodeFile.path), running.loop.now < deadline {
            await Task.yield()
        }
        let file = try NodeFileDocument(json: Array(Data(contentsOf: home.layout.nodeFile)))
        #expect(file.socket == running.socketPath && file.pid == Int(ProcessInfo.processInfo.processIdentifier))
        let endpoint = try #require(file.http?.value.flatMap { APIEndpoint($0) })
        let token = try String(contentsOfFile: file.tokenFile, encoding: .utf8)
        let client = APIClient(endpoint: endpoint, token: token.trimmingCharacters(in: .whitespacesAndNewlines))
        let node = try await client.document(NodeDocument.self, ClientRequest("GET", "/v1/node"))
        #expect(node.peer == file.peer)
        let closed = await #expect(throws: Problem.self) {
            try await APIClient(endpoint: endpoint, token: "pnt_wrong").document(
                NodeDocument.self, ClientRequest("GET", "/v1/node"))
        }
        #expect(closed?.code == "E601")
        await running.stop()
    }

    /// An address that was asked for and is taken is E702 and names the process that has it; nothing stays open.
    @Test func takenPortIsNamed() async throws {
        let first = try TestHome()
        try first.found()
        let running = try await first.start()
        let second = try TestHome()
        try second.found()
        var options = second.options()
        options.listen = running.listening.first?.description
        let taken = options
        let problem = await #expect(throws: Problem.self) { try await RunningNode.start(taken) }
        #expect(problem?.code == "E702")
        #expect(problem?.detail.contains("process \(ProcessInfo.processInfo.processIdentifier)") == true)
        // The home is free again.
        let again = try await second.start()
        await again.stop()
        await running.stop()
    }

    /// The API is not served beyond loopback, and a store of a newer program is left alone.
    @Test func refusedStarts() async throws {
        let home = try TestHome()
        try home.found()
        var options = home.options()
        options.apiListen = "0.0.0.0:0"
        let open = options
        #expect(await #expect(throws: Problem.self) { try await RunningNode.start(open) }?.code == "E702")
        try "99\n".write(to: home.layout.store.appendingPathComponent("FORMAT"), atomically: true, encoding: .utf8)
        #expect(await #expect(throws: Problem.self) { try await home.start() }?.code == "E707")
    }
}

/// Seeds as text.
struct SeedTextTests {
    /// Forms of gossip.md 10.1 and what they mean; everything else is E611.
    @Test func forms() throws {
        let plain = try SeedText("192.0.2.1")
        #expect(plain.target.seeds == [Seed(host: "192.0.2.1", port: 7717)])
        let two = try SeedText("a.example:1,[2001:db8::1]:2#abcdefghijklmnopqrst")
        #expect(two.target.seeds == [Seed(host: "a.example", port: 1), Seed(host: "2001:db8::1", port: 2)])
        #expect(two.target.networkPrefix == "abcdefghijklmnopqrst")
        let peer = TextID.text(.peer, Bytes32.zero)
        let whole = try SeedText("peernode://h:9/abcdefghijklmnopqrst?peer=\(peer)")
        #expect(whole.target.peer == PeerID(Bytes32.zero) && whole.target.networkPrefix == "abcdefghijklmnopqrst")
        for wrong in [
            "", "h:0", "h:70000", "h,", "[::1", "2001:db8::1", "h#short", "peernode://h?x=1", "peernode://h?peer=no",
            "peernode://h?invite=aaaa", "h#ABCDEFGHIJKLMNOPQRST",
        ] {
            #expect(throws: Problem.self, "\(wrong)") { try SeedText(wrong) }
        }
    }

    /// Several seeds of one command line are one target, dialled in one round; of two networks they are refused.
    @Test func merging() throws {
        func target(_ text: String) throws -> JoinTarget { try SeedText(text).target }
        #expect(try JoinTarget.merged([]) == nil)
        let prefix = "abcdefghijklmnopqrst"
        let all = try JoinTarget.merged([
            target("peernode://h:1/\(prefix)u?peer=\(TextID.text(.peer, Bytes32.zero))"), target("h:2,h:1"),
            target("i:3#\(prefix)"),
        ])
        let seeds = [Seed(host: "h", port: 1), Seed(host: "h", port: 2), Seed(host: "i", port: 3)]
        #expect(all?.seeds == seeds && all?.networkPrefix == prefix + "u" && all?.peer == PeerID(Bytes32.zero))
        #expect(throws: Problem.self) {
            try JoinTarget.merged([target("h#\(prefix)"), target("i#\(String(prefix.reversed()))")])
        }
        #expect(throws: Problem.self) { try JoinTarget.merged((1...17).map { try target("h:\($0)") }) }
    }
}
