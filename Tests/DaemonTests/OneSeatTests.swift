import API
import Basis
import Credits
import Daemon
import Foundation
import Records
import Sodium
import Testing
import Trust

/// A network of one seat in this process, asked through its API socket with real store, loop and clock.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct OneSeatTests {
    let other = SecretKey.random().publicKey

    /// A transfer becomes final, both balances move by its amount, and the history tells it with the balance after.
    @Test func transferIsFinal() async throws {
        let home = try TestHome()
        try home.found(others: [other])
        let running = try await home.start()
        try await running.expectReady()
        let sent = try await running.pay(other, 250, key: "a")
        let final = try await running.settled(sent.id)
        #expect(final.state == .final)
        #expect(final.effects.map(\.kind) == ["transferOut", "transferIn"])
        let own = try await running.get(AccountDocument.self, "/v1/accounts/self")
        #expect(own.availableMicro.value == 1_000_000_000 - 250)
        #expect(own.exists && own.flags == ["admitted"] && own.assurance == .replayed)
        let theirs = try await running.get(
            AccountDocument.self, "/v1/accounts/" + TextID.account(other, hashing: SodiumHashing()))
        #expect(theirs.availableMicro.value == 1_000_250)
        let history = try await running.get(Page<HistoryEntryDocument>.self, "/v1/accounts/self/history")
        #expect(history.items.map(\.kind) == [.transferOut])
        #expect(history.items.first?.amountMicro.value == -250)
        #expect(history.items.first?.availableAfterMicro.value == 999_999_750)
        #expect(history.items.first?.tx == .value(sent.id))
        await running.stop()
    }

    /// A key used twice pays once, also after the process died without a word: the second run answers the same
    /// entry although its answer store was not told.
    @Test func repeatedKeyPaysOnce() async throws {
        let home = try TestHome()
        try home.found(others: [other])
        var running = try await home.start()
        try await running.expectReady()
        let first = try await running.pay(other, 100, key: "k1")
        let again = try await running.pay(other, 100, key: "k1")
        #expect(again.id == first.id)
        _ = try await running.settled(first.id)
        // The service's own memory of the key, without the answers that HTTP keeps.
        let request = TransferRequest(
            to: [.init(account: TextID.account(other, hashing: SodiumHashing()), amountMicro: 100)])
        let third = try await running.service.transfer(request, idempotencyKey: "k1")
        #expect(third.id == first.id)
        await running.stop()
        running = try await home.start()
        try await running.expectReady()
        let fourth = try await running.service.transfer(request, idempotencyKey: "k1")
        #expect(fourth.id == first.id && fourth.state == .final)
        let fifth = try await running.pay(other, 100, key: "k1")
        #expect(fifth.id == first.id)
        let own = try await running.get(AccountDocument.self, "/v1/accounts/self")
        #expect(own.availableMicro.value == 1_000_000_000 - 100)
        await running.stop()
    }

    /// Everything is there again after a restart: balance, history, height, and event ids go on above the old ones.
    @Test func restartKeepsAll() async throws {
        let home = try TestHome()
        try home.found(others: [other], fee: 10)
        var running = try await home.start()
        try await running.expectReady()
        var last = ""
        for n in 1...5 { last = try await running.pay(other, UInt64(n), key: "n\(n)").id }
        #expect(try await running.settled(last).state == .final)
        let before = try await running.get(LedgerDocument.self, "/v1/ledger")
        let history = try await running.get(Page<HistoryEntryDocument>.self, "/v1/accounts/self/history")
        let events = running.service.events.newestID
        await running.stop()
        running = try await home.start()
        try await running.expectReady()
        let after = try await running.get(LedgerDocument.self, "/v1/ledger")
        #expect(after.height == before.height && after.stateDigest == before.stateDigest)
        #expect(after.supply == before.supply && after.supply.conserved)
        let kept = try await running.get(Page<HistoryEntryDocument>.self, "/v1/accounts/self/history")
        #expect(kept.items == history.items && kept.items.count == 10)
        #expect(running.service.events.newestID > events)
        #expect(try await running.pay(other, 6, key: "n6").state != .rejected)
        await running.stop()
    }

    /// A history in parts of 3 is the whole history, in order, each line once, whatever filter runs over it.
    @Test func historyInParts() async throws {
        let home = try TestHome()
        try home.found(others: [other], fee: 10)
        let running = try await home.start()
        try await running.expectReady()
        var last = ""
        for n in 1...8 { last = try await running.pay(other, UInt64(n), key: "n\(n)").id }
        _ = try await running.settled(last)
        for filter in [[], [("kind", "transferOut")]] as [[(String, String)]] {
            let whole = try await running.get(Page<HistoryEntryDocument>.self, "/v1/accounts/self/history", filter)
            var parts: [HistoryEntryDocument] = []
            let request = ClientRequest(
                "GET", "/v1/accounts/self/history",
                query: filter.map { (name: $0.0, value: $0.1) } + [(name: "limit", value: "3")])
            try await running.client.each(HistoryEntryDocument.self, request) {
                parts.append($0)
                return true
            }
            #expect(parts == whole.items)
            #expect(parts.count == (filter.isEmpty ? 16 : 8))
        }
        await running.stop()
    }

    /// What cannot be paid is refused before anything is signed, with the code of surfaces.md 3.6.
    @Test func refusals() async throws {
        let home = try TestHome()
        try home.found(others: [other])
        let running = try await home.start()
        try await running.expectReady()
        let own = try home.account
        let stranger = SecretKey.random().publicKey
        for (to, micro, code) in [
            (other, 2_000_000_000, "E501"), (stranger, 5, "E505"), (own, 5, "E505"), (other, 0, "E611"),
        ] as [(PublicKey, UInt64, String)] {
            let problem = await #expect(throws: Problem.self) {
                try await running.pay(to, micro, key: "x\(micro)\(to)")
            }
            #expect(problem?.code == code)
        }
        let none = await #expect(throws: Problem.self) {
            try await running.settled("tx_" + String(repeating: "a", count: 52))
        }
        #expect(none?.code == "E301")
        let account = try await running.get(AccountDocument.self, "/v1/accounts/self")
        #expect(account.availableMicro.value == 1_000_000_000 && account.nonce.value == 0)
        await running.stop()
    }

    /// Blocks, seats, node, readiness and metrics describe the same ledger.
    @Test func documentsAgree() async throws {
        let home = try TestHome()
        try home.found(others: [other])
        let running = try await home.start()
        try await running.expectReady()
        let id = try await running.pay(other, 7, key: "z").id
        let done = try await running.settled(id)
        let height = try #require(done.height?.value)
        let block = try await running.get(BlockDocument.self, "/v1/ledger/blocks/\(height)")
        #expect(block.entries.contains { $0.tx == id && $0.kind == "transfer" && $0.verdict == "applied" })
        let ledger = try await running.get(LedgerDocument.self, "/v1/ledger")
        let newest = try await running.get(BlockDocument.self, "/v1/ledger/blocks/\(ledger.height)")
        #expect(newest.hash == ledger.hash && newest.stateDigest == .value(ledger.stateDigest))
        let list = try await running.get(Page<BlockDocument>.self, "/v1/ledger/blocks", [("from", "1")])
        #expect(list.items.map(\.height) == Array(1...ledger.height))
        let seats = try await running.get(SeatListDocument.self, "/v1/seats")
        #expect(seats.seats.count == 1 && seats.quorum == 1 && !seats.halted)
        let node = try await running.get(NodeDocument.self, "/v1/node")
        #expect(node.state == .idle && node.network.name == "lab" && node.ledger.height == ledger.height)
        let ready = try await running.get(ReadinessDocument.self, "/readyz")
        #expect(ready.ready)
        let metrics = try await running.client.bytes(ClientRequest("GET", "/metrics"))
        #expect(String(decoding: metrics, as: UTF8.self).contains("peernode_ledger_height \(ledger.height)\n"))
        #expect(try await running.get(Page<PeerDocument>.self, "/v1/peers").items.map(\.state) == [.own])
        await running.stop()
    }

    /// A blob put over HTTP comes back the same; a wrong id is refused and keeps nothing.
    @Test func blobs() async throws {
        let home = try TestHome()
        try home.found()
        let running = try await home.start()
        try await running.expectReady()
        let bytes = (0..<600_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let put = ClientRequest("POST", "/v1/blobs", body: .bytes(bytes, mediaType: "application/octet-stream"))
        let blob = try await running.client.document(BlobDocument.self, put)
        #expect(blob.bytes == 600_000)
        let back = try await running.client.bytes(ClientRequest("GET", "/v1/blobs/\(blob.id)"))
        #expect(back == bytes)
        let wrong = "/v1/blobs/blob_" + String(repeating: "a", count: 52)
        let problem = await #expect(throws: Problem.self) {
            try await running.client.document(
                BlobDocument.self,
                ClientRequest("PUT", wrong, body: .bytes([1, 2, 3], mediaType: "application/octet-stream")))
        }
        #expect(problem?.code == "E340")
        await running.stop()
    }

    /// Events of a payment arrive in order: ordered, then final, each once.
    @Test func events() async throws {
        let home = try TestHome()
        try home.found(others: [other])
        let running = try await home.start()
        try await running.expectReady()
        let stream = running.service.events.subscribe(types: [.transactionState])
        let id = try await running.pay(other, 9, key: "e").id
        _ = try await running.settled(id)
        var states: [String] = []
        for await events in stream {
            states += events.filter { $0.subject == id }.compactMap { $0.data["state"]?.text }
            if states.count >= 2 { break }
        }
        #expect(states == ["ordered", "final"])
        await running.stop()
    }
}
