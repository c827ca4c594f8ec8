import API
import Basis
import Foundation
import Glibc

/// Five real peers on this machine run a job, lose a worker to SIGKILL, replace it, pay, and prove the result
/// (`surfaces.md` 2.3).
///
/// The problem: a newcomer wants to see in half a minute that no step is taken on trust. The idea: every step is done
/// as a user would, by processes and their API, and asserts what it shows against a count of its own.
@MainActor final class Demo {
    /// What the steps found, for `--json`.
    var document = DemoDocument()
    let folder: String
    let isKept: Bool
    /// For tests: the step at which a planted assertion fails.
    let failAt: Int?
    private let tell: (String) -> Void
    private let begun = ContinuousClock.now
    private(set) var peers: [DemoPeer] = []

    var job = ""
    var before: [UInt64] = []
    var killed: DemoPeer?
    var output: [UInt8] = []
    /// No peer lends here: what is missing.
    var missingWall: String?

    static let opening = CreditAmount.credits(1_000)

    /// - Parameter tell: takes the line of each step that held.
    init(folder: String, isKept: Bool, failAt: Int?, tell: @escaping (String) -> Void) {
        self.folder = folder
        self.isKept = isKept
        self.failAt = failAt
        self.tell = tell
    }

    /// Holds a seed text with an invite.
    var inviteFile: String { folder + "/invite" }
    /// The last one: no seat, submits the job.
    var entry: DemoPeer { peers[peers.count - 1] }
    /// The peers that still run.
    var living: [DemoPeer] { peers.filter { $0.number != killed?.number } }

    /// Runs all steps.
    ///
    /// - Returns: false if a step failed; `document.failure` says which and why.
    func run(count: Int) async -> Bool {
        do {
            try await step(1, "start") { try await start(count) }
            if missingWall == nil {
                try await step(2, "submit") { try await submit() }
                try await step(3, "kill") { try await killWorker() }
                try await step(4, "replacement") { try await awaitReplacement() }
                try await step(5, "result") { try await compareResult() }
                try await step(6, "receipt") { try await checkReceipt() }
                try await step(7, "payment") { try await checkPayment() }
            } else {
                try await step(7, "payment") { try await checkTransfer() }
            }
            try await step(8, isKept ? "keep" : "stop") { try await isKept ? keep() : stop() }
        } catch {
            return false
        }
        document.ok = missingWall == nil
        return true
    }

    private func step(_ n: Int, _ name: String, _ body: () async throws -> String) async throws {
        let started = ContinuousClock.now
        func add(_ ok: Bool, _ detail: String) {
            let (seconds, ms) = Demo.time(started)
            document.steps.append(.init(n: n, name: name, ok: ok, seconds: seconds, ms: ms, detail: detail))
            (document.seconds, document.ms) = Demo.time(begun)
        }
        do {
            let detail = try await body()
            try DemoFailure.require(failAt != n, "a failure was planted at this step")
            add(true, detail)
            let total = n == 8 ? "total " + Demo.text(document.ms) : Demo.text(document.steps.last?.ms ?? 0)
            let line = "\(n) \(detail)"
            tell(line + String(repeating: " ", count: max(1, 76 - line.count)) + total)
        } catch {
            let why = Demo.words(error)
            add(false, why)
            document.failure = .value("demo failed at step \(n) (\(name)): \(why)")
            throw error
        }
    }

    private static func words(_ error: any Error) -> String {
        if let mistakes = error as? ManifestMistakes {
            return mistakes.problem.errors.map(\.message).joined(separator: "; ")
        }
        return (error as? Problem)?.detail ?? "\(error)"
    }

    static func time(_ since: ContinuousClock.Instant) -> (seconds: Int, ms: Int64) {
        let parts = (ContinuousClock.now - since).components
        let ms = parts.seconds * 1_000 + parts.attoseconds / 1_000_000_000_000_000
        return (Int((ms + 500) / 1_000), ms)
    }

    static func text(_ ms: Int64) -> String { "\(ms / 1_000).\(ms % 1_000 / 100) s" }

    /// Asks until `body` gives something.
    ///
    /// - Throws: `DemoFailure` with `otherwise`, after `limit`; what `body` throws but problems of a node, which may
    ///   pass.
    func wait<Value>(
        _ limit: Duration, _ otherwise: () -> String, _ body: () async throws -> Value?
    ) async throws -> Value {
        let end = ContinuousClock.now + limit
        while true {
            var last = ""
            do {
                if let value = try await body() { return value }
            } catch let problem as Problem {
                last = ": " + problem.detail
            }
            if ContinuousClock.now > end {
                throw DemoFailure("\(otherwise()), not within \(limit.components.seconds) s\(last)")
            }
            for peer in living { try peer.expectAlive() }
            try await Task.sleep(for: .milliseconds(25))
        }
    }

    func peer(_ id: String?) -> DemoPeer? { peers.first { $0.peer == id } }

    func makePeers(_ count: Int) async throws {
        let ports = try FreePorts.find(count)
        for number in 1...count {
            peers.append(try await DemoPeer(number: number, folder: folder, port: ports[number - 1]))
        }
    }

    /// Ends every process that is left, at once.
    func killAll() {
        for peer in peers { peer.process?.signal(SIGKILL) }
    }
}
