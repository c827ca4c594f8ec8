import Loop
import Wire
public import API
import Basis
import Compute
import Credits
import Foundation
import NodeCore
import Records
import Storage
import Trust
import Verdict

extension DaemonService {
    /// Results up to this many bytes stand in the document itself.
    static let inlineMax = 64 << 10

    public func result(_ id: String) async throws(Problem) -> Stated<ResultDocument> {
        let ended = try await ended(id)
        let document = try await document(of: ended)
        return Stated(document, height: ended.height)
    }

    public func output(_ id: String, _ output: OutputName) async throws(Problem) -> any ByteSource {
        let ended = try await ended(id)
        switch output {
        case .standardError(let replica): return try await log(ended, replica, isError: true)
        case .standardOutput:
            if let body = ended.body, let work = try await canonical(ended.story)?.work, work.isPlainText {
                return try await content(body, ended)
            }
            return try await log(ended, nil, isError: false)
        case .named(let name):
            guard let body = ended.body else {
                throw Problem(.gone, "job \(IDs.job(ended.story.id)) ended without a certified result")
            }
            let parts = try await bodyParts(body, ended)
            if name == "result" || name.isEmpty { return try await source(of: parts, ended) }
            guard let file = parts.files.first(where: { $0.name == name || $0.path == name }) else {
                throw IDs.notFound("output of the job", name)
            }
            return try await content(try IDs.blob(file.blob), ended)
        }
    }

    public func logs(_ id: String, _ filter: LogFilter) async throws(Problem) -> [LogLineDocument] {
        let ended = try await ended(id, whenRunning: .sealed)
        var lines: [LogLineDocument] = []
        for (index, lease) in ended.story.leases.enumerated() {
            if let only = filter.replica, only != index { continue }
            guard let report = await report(lease) else { continue }
            for (stream, log) in [(API.LogStream.stdout, report.stdout), (.stderr, report.stderr)] {
                if let only = filter.stream, only != stream { continue }
                let peers = NodeActor.peers([lease.account])
                guard log.bytes > 0, await node.fetch(log.blob, from: peers) else { continue }
                let bytes = try await onDisk { (blobs) throws(BlobError) in try blobs.bytes(log.blob) }
                lines += LogTexts.lines(bytes, replica: index, stream)
            }
        }
        return filter.tail.map { Array(lines.suffix(max(0, $0))) } ?? lines
    }

    public func followLogs(
        _ id: String, _ filter: LogFilter
    ) async throws(Problem) -> AsyncThrowingStream<LogLineDocument, any Error> {
        let job = try await jobID(id)
        let (stream, lines) = AsyncThrowingStream<LogLineDocument, any Error>.makeStream()
        let task = Task {
            do throws(Problem) {
                // What a replica writes is sealed until commits are closed, so lines come with the end.
                while try await !self.document(of: job).value.state.isEnd {
                    if Task.isCancelled { return lines.finish() }
                    await self.node.change(until: self.node.loop.now + .seconds(5))
                }
                for line in try await self.logs(IDs.job(job), filter) { lines.yield(line) }
                lines.finish()
            } catch {
                lines.finish(throwing: error)
            }
        }
        lines.onTermination = { _ in task.cancel() }
        return stream
    }

    // MARK: below their use

    /// A job that ended, and the body that it certified.
    struct EndedJob: Sendable {
        let story: JobStory
        let booked: BookRecord?
        let state: JobState
        let code: EndCode?
        let height: UInt64
        let document: JobDocument
        var body: BlobID? { JobTexts.settled(story)?.winners.first?.bodyHash }
        /// Who holds the body.
        var holders: [PeerID] {
            let winners = JobTexts.settled(story)?.winners ?? []
            let leases = story.leases
            return NodeActor.peers(
                winners.compactMap { Int($0.lease) < leases.count ? leases[Int($0.lease)].account : nil })
        }
    }

    func ended(_ id: String, whenRunning: ProblemCode = .noResultYet) async throws(Problem) -> EndedJob {
        let job = try await jobID(id)
        let found = try await node.endedJob(job, self)
        guard let found, found.state.isEnd else {
            let state = try await document(of: job).value.state.rawValue
            throw Problem(
                whenRunning, "job \(IDs.job(job)) is \(state)",
                why: whenRunning == .sealed ? "what replicas write is sealed until all of them have committed" : nil,
                fix: "peernode result \(IDs.job(job)) --wait", retryAfterSeconds: 1)
        }
        return found
    }

    /// The canonical job, from the book or from the manifest that peers hold.
    func canonical(_ story: JobStory) async throws(Problem) -> CanonicalJob? {
        if let booked = await node.booked(story.id) { return booked.canonical }
        guard let spec = story.spec else { return nil }
        let peers = NodeActor.peers([spec.entryPeer] + spec.holders)
        guard await node.fetch(spec.manifest, from: peers) else { return nil }
        let bytes = try await onDisk { (blobs) throws(BlobError) in try blobs.bytes(spec.manifest) }
        return try? CanonicalJob.decoded(bytes)
    }

    func content(_ blob: BlobID, _ ended: EndedJob) async throws(Problem) -> any ByteSource {
        guard await node.fetch(blob, from: ended.holders) else {
            throw Problem(
                .gone, "no winner of job \(IDs.job(ended.story.id)) gives \(IDs.blob(blob)) any more",
                fix: "results are kept as long as the job's keep says")
        }
        return try await source(blob)
    }

    /// A body in parts: the result, and the files that it names.
    struct BodyParts: Sendable {
        var result: BlobID?
        /// A value that stands in the body itself.
        var inline: [UInt8]?
        var files: [ResultDocument.OutputFile] = []
    }

    func bodyParts(_ body: BlobID, _ ended: EndedJob) async throws(Problem) -> BodyParts {
        let isCompleted = JobTexts.winner(ended.story).map { $0.status == .completed } ?? true
        guard isCompleted, let work = try await canonical(ended.story)?.work, work.hasFileDocument else {
            return BodyParts(result: body)
        }
        _ = try await content(body, ended)
        let bytes = try await onDisk { (blobs) throws(BlobError) in try blobs.bytes(body) }
        guard let value = try? CanonicalJSON.parse(bytes) else { return BodyParts(result: body) }
        var parts = BodyParts()
        if case .array(let files)? = value["files"] { parts.files = files.compactMap { LogTexts.file($0) } }
        if let result = value["result"] {
            if case .object(let members) = result, members.count == 1, case .string(let text)? = result["blob"],
                let raw = TextID.parse(.blob, text)
            {
                parts.result = BlobID(raw)
            } else {
                parts.inline = CanonicalJSON.bytes(result)
            }
        }
        return parts
    }

    func source(of parts: BodyParts, _ ended: EndedJob) async throws(Problem) -> any ByteSource {
        if let blob = parts.result { return try await content(blob, ended) }
        guard let bytes = parts.inline else {
            throw IDs.notFound("result of the job", IDs.job(ended.story.id))
        }
        return MemorySource(id: IDs.blob(BlobTree.id(of: bytes, hashing: IDs.hashing)), bytes: bytes)
    }

    func document(of ended: EndedJob) async throws(Problem) -> ResultDocument {
        let settled = JobTexts.settled(ended.story)
        let winner = JobTexts.winner(ended.story)
        let job = ended.document
        var result = ResultDocument(
            job: job.id, state: ended.state, certified: settled != nil, verification: job.verification,
            code: ended.code?.word ?? "ok",
            exitCode: Known(winner.flatMap { $0.exitCode >= 0 ? Int($0.exitCode) : nil }),
            signal: Known(winner.flatMap { (-255...(-1)).contains($0.exitCode) ? Int(-$0.exitCode) : nil }),
            result: .null, stdout: .null, stderr: .null,
            agreementPermille: settled.map { Int($0.agreement) },
            credibilityPermille: settled.map { Int($0.credibility) },
            winners: settled?.winners.map { Int($0.lease) } ?? [], minority: settled?.losers.map { Int($0) } ?? [],
            compare: job.verify?.compare, usage: Known(winner.map { ReplicaTexts.usage($0) }), cost: job.cost,
            receipt: job.receipt, cached: false)
        guard let body = ended.body, winner.map({ $0.status == .completed }) ?? true else { return result }
        let parts = try await bodyParts(body, ended)
        result.files = parts.files
        let source = try await source(of: parts, ended)
        let id = source.id ?? IDs.blob(body)
        var inline: String?
        var isJSON = false
        if source.count <= UInt64(DaemonService.inlineMax) {
            let bytes = try await source.read(offset: 0, length: DaemonService.inlineMax)
            inline = String(validating: bytes, as: UTF8.self)
            isJSON = parts.inline != nil || CanonicalJSON.isCanonical(bytes)
        }
        result.result = .value(
            .init(
                blob: id, bytes: Int64(clamping: source.count),
                media: isJSON ? "application/json" : inline == nil ? "application/octet-stream" : "text/plain",
                inline: Known(inline)))
        if try await canonical(ended.story)?.work.isPlainText == true {
            result.stdout = .value(.init(blob: id, bytes: Int64(clamping: source.count)))
        }
        return result
    }

    func report(_ lease: LeaseRecord) async -> ExecutionReport? {
        guard let id = lease.result?.report, id != .zero,
            await node.fetch(id, from: NodeActor.peers([lease.account])),
            let bytes = try? await parts.blobs.perform({ (blobs) throws(BlobError) in try blobs.bytes(id) })
        else { return nil }
        return try? ExecutionReport(decoding: bytes)
    }

    /// What a replica wrote: of the one asked for, or of the winner with the lowest index.
    func log(_ ended: EndedJob, _ replica: Int?, isError: Bool) async throws(Problem) -> any ByteSource {
        let index = replica ?? JobTexts.settled(ended.story)?.winners.first.map { Int($0.lease) }
        guard let index, ended.story.leases.indices.contains(index) else {
            throw IDs.notFound("replica of the job", replica.map(String.init) ?? "that won")
        }
        let lease = ended.story.leases[index]
        guard let report = await report(lease) else {
            throw Problem(.gone, "replica \(index) of job \(IDs.job(ended.story.id)) kept no log that can be had")
        }
        let log = isError ? report.stderr : report.stdout
        guard log.bytes > 0 else { return MemorySource(id: nil, bytes: []) }
        guard await node.fetch(log.blob, from: NodeActor.peers([lease.account])) else {
            throw Problem(.gone, "the log of replica \(index) is no longer kept by its worker")
        }
        return try await source(log.blob)
    }
}

extension NodeActor {
    func endedJob(_ job: JobID, _ service: DaemonService) throws(Problem) -> DaemonService.EndedJob? {
        guard let log = core.log else { throw ServiceProblems.noLedger }
        let scene = LedgerScene(log: log, store: parts.store)
        guard let story = scene.reader.job(job), let document = try jobDocument(job, service)?.value else {
            return nil
        }
        let booked = core.booked(job)
        let (state, code) = JobTexts.state(story, booked)
        return .init(
            story: story, booked: booked, state: state, code: code, height: scene.height, document: document)
    }
}

extension Work {
    /// The result is standard output itself.
    var isPlainText: Bool { resultMode == .text && !hasFileDocument }
}

/// Logs and files as documents.
enum LogTexts {
    static func lines(_ bytes: [UInt8], replica: Int, _ stream: API.LogStream) -> [LogLineDocument] {
        var lines: [LogLineDocument] = []
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0a).map { $0 + 1 } ?? bytes.count
            let part = Array(bytes[start..<end])
            let text = String(validating: part, as: UTF8.self)
            lines.append(
                LogLineDocument(
                    replica: replica, stream: stream, offsetBytes: Int64(start), text: text,
                    base64: text == nil ? Data(part).base64EncodedString() : nil))
            start = end
        }
        return lines
    }

    /// One file of a body with files.
    static func file(_ value: Verdict.JSONValue) -> ResultDocument.OutputFile? {
        guard case .string(let blob)? = value["blob"], case .string(let name)? = value["name"],
            case .string(let path)? = value["path"], case .number(let bytes)? = value["bytes"]
        else { return nil }
        return .init(name: name, path: path, blob: blob, bytes: Int64("\(bytes)") ?? 0)
    }
}
