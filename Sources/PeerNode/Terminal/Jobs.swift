import API
import Daemon
import Foundation
import Glibc

/// `last`: the newest job submitted from this home.
enum LastJob {
    static func write(_ id: String, _ common: CommonOptions) {
        try? FileManager.default.createDirectory(
            at: common.layout.state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        // A job goes on whether or not its id could be noted.
        try? Home.write(id + "\n", to: common.layout.lastJob, mode: 0o600)
    }

    /// The id that a person typed: `last` resolved, everything else as it is.
    static func resolve(_ text: String, _ common: CommonOptions) throws -> String {
        guard text == "last" else { return text }
        guard let id = try? String(contentsOf: common.layout.lastJob, encoding: .utf8) else {
            throw Problem(
                .notFound, "no job was submitted from this home yet",
                fix: "peernode jobs --all lists those that the node knows")
        }
        return id.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// Follows a job until it ends, telling each change of state.
struct JobWatch {
    let client: APIClient
    let common: CommonOptions

    /// - Returns: the job as it ended.
    /// - Throws: `CommandFailure` 130 when interrupted; the job goes on then, unless a second signal cancelled it.
    func follow(_ first: JobDocument) async throws -> JobDocument {
        LastJob.write(first.id, common)
        let signals = Signals([SIGINT])
        return try await withThrowingTaskGroup(of: JobDocument.self) { group in
            group.addTask { try await poll(first) }
            group.addTask {
                for await _ in signals.stream { try await interrupted(first.id, signals) }
                try await Task.sleep(for: .seconds(1 << 30))
                return first
            }
            defer { group.cancelAll() }
            guard let job = try await group.next() else { return first }
            return job
        }
    }

    private func poll(_ first: JobDocument) async throws -> JobDocument {
        var job = first
        var line = ProgressLine(isRedrawn: common.redraws, isSilent: common.noProgress || common.quiet || common.json)
        line.show(job)
        while !job.state.isEnd {
            // Short waits show each state as it comes; the node answers at once when the job ends.
            job = try await client.document(
                JobDocument.self,
                ClientRequest(
                    ClientRequest.path("v1", "jobs", first.id), query: [("wait", "200ms"), ("until", "end")]),
                timeout: .seconds(60))
            line.show(job)
        }
        line.end()
        return job
    }

    /// The first Ctrl-C detaches; a second within 2 s cancels.
    private func interrupted(_ id: String, _ signals: Signals) async throws {
        Terminal.error(
            "\ndetached; the job goes on: peernode result --wait \(Texts.typed(id))\(common.homeFlag)   "
                + "(Ctrl-C again: cancel)"
        )
        Terminal.output(id)
        let isSecond = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in signals.stream { return true }
                return false
            }
            group.addTask {
                try? await Task.sleep(for: .seconds(2))
                return false
            }
            let answer = await group.next() ?? false
            group.cancelAll()
            return answer
        }
        if isSecond {
            let job = try await client.document(
                JobDocument.self, ClientRequest("POST", ClientRequest.path("v1", "jobs", id, "cancel")))
            Terminal.error("\(Texts.short(id)) \(job.state.rawValue)")
        }
        throw CommandFailure(code: Codes.interrupted)
    }
}

/// One line of progress on a terminal, else a line per change.
struct ProgressLine {
    let isRedrawn: Bool
    let isSilent: Bool
    private var last: JobState?
    private var times: [(JobState, ContinuousClock.Instant)] = []

    init(isRedrawn: Bool, isSilent: Bool) {
        self.isRedrawn = isRedrawn
        self.isSilent = isSilent
    }

    mutating func show(_ job: JobDocument) {
        if isSilent || job.state == last { return }
        let now = ContinuousClock.now
        times.append((job.state, now))
        last = job.state
        let head = "peernode: \(Texts.short(job.id)) \(JobTexts.terms(job))"
        if isRedrawn {
            var parts: [String] = []
            for (index, one) in times.enumerated() {
                let end = index + 1 < times.count ? times[index + 1].1 : now
                parts.append(
                    index + 1 < times.count ? "\(one.0.rawValue) \(Texts.duration(end - one.1))" : one.0.rawValue)
            }
            Terminal.write(Array("\r\u{1b}[K\(head) | \(parts.joined(separator: ", "))".utf8), to: 2)
        } else {
            let reason = job.reason?.value.map { ": " + VisibleText.escape($0.text, limit: 200) } ?? ""
            Terminal.error("\(head) \(job.state.rawValue)\(reason)")
        }
    }

    mutating func end() { if isRedrawn, last != nil { Terminal.write([0x0a], to: 2) } }
}

/// Results and their bytes.
enum JobResults {
    /// The outcome of a job that ended. Where nothing was certified there is no more to ask than the job itself.
    static func fetch(_ job: JobDocument, _ client: APIClient, timeout: Duration?) async throws -> ResultDocument {
        guard job.certified else {
            return ResultDocument(
                job: job.id, state: job.state, certified: false, code: job.code?.value ?? job.state.rawValue,
                cost: job.cost, cached: false)
        }
        return try await client.document(
            ResultDocument.self, ClientRequest(ClientRequest.path("v1", "jobs", job.id, "result")), timeout: timeout)
    }

    /// The certified standard output, byte for byte.
    static func print(_ id: String, _ client: APIClient, output: String? = nil) async throws {
        let path =
            output.map { ClientRequest.path("v1", "jobs", id, "outputs", $0) }
            ?? ClientRequest.path("v1", "jobs", id, "stdout")
        try await client.perform(ClientRequest(path), timeout: nil) { response in
            if let problem = try await response.problem() { throw problem }
            while let piece = try await response.body.next() { Terminal.write(piece, to: 1) }
        }
    }

    /// Saves all outputs. Bytes go to a name of their own first; the node checked them against their hash.
    static func save(_ result: ResultDocument, _ client: APIClient, into folder: String) async throws {
        var all: [(name: String, blob: String)] = result.files.map { ($0.path, $0.blob) }
        if let stdout = result.stdout?.value { all.append(("stdout", stdout.blob)) }
        for one in all {
            let name = one.name.split(separator: "/").filter { $0 != ".." && $0 != "." }.drop { $0 == "out" }.joined(
                separator: "/")
            let bytes = try await client.bytes(
                ClientRequest(ClientRequest.path("v1", "blobs", one.blob)), timeout: nil, limit: 1 << 30)
            let url = URL(fileURLWithPath: folder).appendingPathComponent(name.isEmpty ? "output" : name)
            do {
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(bytes).write(to: url, options: .atomic)
            } catch {
                throw CommandFailure(code: Codes.readOrWrite, text: "cannot write \(url.path)")
            }
            Terminal.error("saved \(url.path), \(Texts.bytes(Int64(bytes.count)))")
        }
    }
}
