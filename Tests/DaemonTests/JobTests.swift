import Loop
import API
import Basis
import Daemon
import Foundation
import Gossip
import Records
import Runner
import Testing
import Trust

/// Jobs through the API: without workers, on the own machine, and on another.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct JobTests {
    /// Whether the programs of the sandbox are built beside this one (PEERNODE_PARTS leaves them out).
    static let isSandboxed =
        ["launch", "init", "probe"].allSatisfy {
            FileManager.default.isExecutableFile(atPath: Runner.executableFolder + "/peernode-\($0)")
        } && FileManager.default.isExecutableFile(atPath: "/usr/bin/bwrap")

    static func manifest(_ script: String, _ more: String = "") -> [UInt8] {
        Array(
            #"{"peernode": "v1", "name": "answer", "labels": {"kind": "test"},"#.utf8)
            + Array(#" "run": {"runtime": "command", "args": ["/bin/sh", "-c", "\#(script)"]}\#(more)}"#.utf8)
    }

    func submit(
        _ running: RunningNode, _ manifest: [UInt8], allowWait: Bool = false, key: String = "k"
    ) async throws -> JobDocument {
        try await running.client.create(
            JobDocument.self,
            ClientRequest(
                "POST", "/v1/jobs", query: allowWait ? [(name: "allowWait", value: "true")] : [],
                body: .bytes(manifest, mediaType: "application/json")), key: key)
    }

    /// Waits until a job ended, for at most 40 s.
    func ended(_ running: RunningNode, _ id: String) async throws -> JobDocument {
        try await running.client.document(
            JobDocument.self, ClientRequest("GET", "/v1/jobs/\(id)", query: [("wait", "40s"), ("until", "end")]),
            timeout: .seconds(50))
    }

    /// A job that no offer could serve is E140; with allowWait it waits, holds credit, is listed, and a cancel gives
    /// all of it back. Mistakes are told with their place, and keep nothing.
    @Test func withoutWorkers() async throws {
        let home = try TestHome()
        try home.found()
        let running = try await home.start()
        try await running.expectReady()
        let refused = await #expect(throws: Problem.self) {
            try await submit(running, JobTests.manifest("echo 1"), key: "a")
        }
        #expect(refused?.code == "E140")
        let wrong = await #expect(throws: Problem.self) {
            try await submit(running, Array(#"{"peernode": "v1", "runn": {}}"#.utf8), key: "b")
        }
        #expect(wrong?.errors.contains { $0.code == "E101" && $0.pointer == "/runn" } == true)
        let check = try await running.client.document(
            ValidationDocument.self,
            ClientRequest(
                "POST", "/v1/jobs/validate", body: .bytes(JobTests.manifest("echo 1"), mediaType: "application/json"))
        )
        #expect(check.valid && check.errors.isEmpty && check.spec?.value?["run"] != nil)

        let job = try await submit(running, JobTests.manifest("echo 1"), allowWait: true, key: "c")
        let waiting = try await running.get(
            JobDocument.self, "/v1/jobs/\(job.id)", [("wait", "10s"), ("until", "waiting")])
        #expect(waiting.state == .waiting && waiting.labels == ["kind": "test"] && waiting.name == .value("answer"))
        let held = try await running.get(AccountDocument.self, "/v1/accounts/self")
        #expect(held.heldMicro.value > 0 && held.openJobs == 1)
        let holds = try await running.get(Page<HoldDocument>.self, "/v1/accounts/self/holds")
        #expect(holds.items.map(\.job) == [job.id] && holds.items.first?.amountMicro == held.heldMicro)
        let list = try await running.get(Page<JobDocument>.self, "/v1/jobs", [("label", "kind=test")])
        #expect(list.items.map(\.id) == [job.id])
        #expect(try await running.get(Page<JobDocument>.self, "/v1/jobs", [("label", "kind=no")]).items.isEmpty)
        let early = await #expect(throws: Problem.self) {
            try await running.get(ResultDocument.self, "/v1/jobs/\(job.id)/result")
        }
        #expect(early?.code == "E311")
        let short = String(job.id.prefix(12))
        #expect(try await running.get(JobDocument.self, "/v1/jobs/\(short)").id == job.id)

        _ = try await running.client.create(JobDocument.self, ClientRequest("POST", "/v1/jobs/\(job.id)/cancel"))
        let gone = try await ended(running, job.id)
        #expect(gone.state == .cancelled && gone.code == .value("cancelled"))
        let back = try await running.get(AccountDocument.self, "/v1/accounts/self")
        #expect(back.availableMicro.value == 1_000_000_000 && back.heldMicro.value == 0)
        await running.stop()
    }

    /// A machine that lends to itself runs a command in its sandbox: the answer is certified, paid to itself, and its
    /// receipt is valid, also after a restart.
    @Test(.enabled(if: JobTests.isSandboxed)) func ownMachine() async throws {
        let home = try TestHome()
        try home.found()
        var running = try await RunningNode.start(home.lendingOptions())
        try await running.expectReady()
        try await running.expectOffer()
        let job = try await submit(running, JobTests.manifest("echo $((6*7))"))
        let done = try await ended(running, job.id)
        #expect(done.state == .completed && done.certified && done.verification == .value(.unverified))
        #expect(done.code == .value("ok"))
        let result = try await running.get(ResultDocument.self, "/v1/jobs/\(job.id)/result")
        #expect(result.result?.value?.inline == .value("42\n") && result.exitCode == .value(0))
        let output = try await running.client.bytes(ClientRequest("GET", "/v1/jobs/\(job.id)/stdout"))
        #expect(output == Array("42\n".utf8))
        let account = try await running.get(AccountDocument.self, "/v1/accounts/self")
        #expect(account.availableMicro.value == 1_000_000_000 && account.heldMicro.value == 0)

        let receipt = try await running.client.bytes(
            ClientRequest(
                "GET", "/v1/jobs/\(job.id)/receipt", headers: [("Accept", "application/vnd.peernode.receipt")]))
        let verdict = try await verify(running, receipt)
        #expect(verdict.valid && verdict.checks.allSatisfy(\.ok))
        #expect(verdict.receipt?.value?.job == job.id)
        var broken = receipt
        broken[broken.count / 2] ^= 1
        #expect(try await !verify(running, broken).valid)
        let replicas = try await running.get(Page<ReplicaDocument>.self, "/v1/jobs/\(job.id)/replicas")
        #expect(replicas.items.map(\.state) == [.won])
        let decision = try await running.get(DecisionDocument.self, "/v1/jobs/\(job.id)/decision")
        #expect(decision.rounds.count == 1 && decision.rounds[0].drawn.count == 1)
        await running.stop()

        running = try await home.start()
        try await running.expectReady()
        let kept = try await running.get(ResultDocument.self, "/v1/jobs/\(job.id)/result")
        #expect(kept.result == result.result)
        let receipts = try await running.get(Page<ReceiptDocument>.self, "/v1/receipts")
        #expect(receipts.items.map(\.job) == [job.id])
        await running.stop()
    }

    func verify(_ running: RunningNode, _ receipt: [UInt8]) async throws -> ReceiptVerdictDocument {
        try await running.client.document(
            ReceiptVerdictDocument.self,
            ClientRequest(
                "POST", "/v1/receipts/verify",
                body: .bytes(receipt, mediaType: "application/vnd.peernode.receipt")))
    }

    /// A program that fails is a certified failure: told apart from "no result".
    @Test(.enabled(if: JobTests.isSandboxed)) func failingProgram() async throws {
        let home = try TestHome()
        try home.found()
        let running = try await RunningNode.start(home.lendingOptions())
        try await running.expectReady()
        try await running.expectOffer()
        let job = try await submit(running, JobTests.manifest("exit 3"))
        let done = try await ended(running, job.id)
        #expect(done.state == .failed && done.certified && done.code == .value("programExit"))
        let result = try await running.get(ResultDocument.self, "/v1/jobs/\(job.id)/result")
        #expect(result.exitCode == .value(3))
        await running.stop()
    }

    /// A seat that lends nothing, and a guest that joined it and lends, both ready. The homes live as long as the test.
    func lendingPair(
        _ homes: (founder: TestHome, guest: TestHome), _ change: (inout NodeOptions) -> Void = { _ in }
    ) async throws -> (seat: RunningNode, lender: RunningNode) {
        try homes.founder.found()
        let seat = try await homes.founder.start()
        try await seat.expectReady()
        let port = try #require(seat.listening.first).port
        var options = homes.guest.lendingOptions()
        options.targets = [JoinTarget(seeds: [Seed(host: "127.0.0.1", port: port)])]
        options.invite = try homes.founder.invite()
        change(&options)
        let lender = try await RunningNode.start(options)
        try await lender.expectReady()
        try await lender.expectOffer()
        return (seat, lender)
    }

    /// A worker that stops lets a short program finish, and hands back a long one at the end of its grace: the ledger
    /// draws anew at once instead of waiting for the lease. (program's seconds, grace in ms) → state of the replica.
    @Test(.enabled(if: JobTests.isSandboxed), arguments: [(1, 15_000, ReplicaState.won), (60, 300, .handedBack)])
    func stoppingWorker(seconds: Int, grace: UInt64, expected: ReplicaState) async throws {
        let homes = try (TestHome(), TestHome())
        let (seat, lender) = try await lendingPair(homes) { $0.configuration.shutdownGraceMillis = grace }
        let deadline = seat.loop.now + .seconds(20)
        func until(_ condition: () async throws -> Bool) async throws {
            while try await !condition(), seat.loop.now < deadline {
                await seat.node.change(until: seat.loop.now + .milliseconds(100))
            }
        }
        try await until { try await !seat.get(Page<OfferDocument>.self, "/v1/offers").items.isEmpty }
        let job = try await submit(seat, JobTests.manifest("sleep \(seconds)"))
        func replica() async throws -> ReplicaDocument? {
            try await seat.get(Page<ReplicaDocument>.self, "/v1/jobs/\(job.id)/replicas").items.first
        }
        try await until { try await replica()?.state == .running }
        let begun = lender.loop.now
        await lender.drain()
        #expect(lender.loop.now - begun < .milliseconds(Int64(grace) + 5_000))
        await lender.stop()
        try await until { try await replica()?.state == expected }
        #expect(try await replica()?.state == expected)
        try await until { try await seat.get(Page<OfferDocument>.self, "/v1/offers").items.isEmpty }
        #expect(try await seat.get(Page<OfferDocument>.self, "/v1/offers").items.isEmpty, "its offer is withdrawn")
        await seat.stop()
    }

    /// Another machine runs it: input and result travel over the peer link, and the worker is paid.
    @Test(.enabled(if: JobTests.isSandboxed)) func otherMachine() async throws {
        let homes = try (TestHome(), TestHome())
        let (seat, lender) = try await lendingPair(homes)
        let deadline = seat.loop.now + .seconds(20)
        while try await seat.get(Page<OfferDocument>.self, "/v1/offers").items.isEmpty, seat.loop.now < deadline {
            await seat.node.change(until: seat.loop.now + .milliseconds(200))
        }
        let put = ClientRequest(
            "POST", "/v1/blobs", body: .bytes(Array("over there\n".utf8), mediaType: "application/octet-stream"))
        let blob = try await seat.client.document(BlobDocument.self, put)
        let manifest = JobTests.manifest(
            "echo ::progress 0.25 half of it >&2; sleep 1; cat /in/text",
            #", "inputs": {"text": {"blob": "\#(blob.id)"}}"#)
        let offers = try await seat.get(Page<OfferDocument>.self, "/v1/offers")
        #expect(offers.items.count == 1)
        let job = try await submit(seat, manifest)
        // The worker's progress is known where the job was submitted, but no word of its program (compute.md 5.5).
        var seen: ReplicaDocument?
        while seat.loop.now < deadline {
            seen = try await seat.get(Page<ReplicaDocument>.self, "/v1/jobs/\(job.id)/replicas").items.first
            if seen?.progressPermille == 250 || seen?.state == .won { break }
            await seat.node.change(until: seat.loop.now + .milliseconds(100))
        }
        #expect(seen?.state == .running && seen?.progressPermille == 250 && seen?.note == nil)
        #expect(try await seat.get(JobDocument.self, "/v1/jobs/\(job.id)").progressPermille == 250)
        let done = try await ended(seat, job.id)
        #expect(done.state == .completed && done.certified)
        let output = try await seat.client.bytes(ClientRequest("GET", "/v1/jobs/\(job.id)/stdout"))
        #expect(output == Array("over there\n".utf8))
        let paid = try #require(done.cost.paidMicro)
        let worker = try await lender.get(
            AccountDocument.self, "/v1/accounts/self", [("minHeight", "\(done.height ?? 0)")])
        #expect(paid.value > 0 && worker.availableMicro.value == 100_000_000 + paid.value)
        await lender.stop()
        await seat.stop()
    }
}

extension TestHome {
    /// A node that lends and has its owner's consent.
    func lendingOptions() -> NodeOptions {
        var options = options()
        options.configuration.lending.isEnabled = true
        options.configuration.lending.consent = "2026-11-20"
        // High enough that a run of 2 ms costs something.
        options.configuration.lending.price = CreditAmount(micro: 10_000)
        return options
    }
}

extension RunningNode {
    /// Waits until the ledger holds an own offer.
    func expectOffer() async throws {
        let deadline = loop.now + .seconds(20)
        while loop.now < deadline {
            let isOffering = try await service.node().lending.slots.total > 0
            if isOffering, try await !get(Page<OfferDocument>.self, "/v1/offers").items.isEmpty { return }
            await node.change(until: loop.now + .milliseconds(200))
        }
        throw TestFailure("no offer: sandbox \(service.sandbox.value)")
    }
}
