import Basis
import Compute
import NodeCore
import Records
import Trust
import Verdict
import Wire

/// Blobs, programs and seals: what the worker's shell does, with simulated programs (`simulation.md` 9, tasks).
extension World {
    static let storeDelay = Interval.microseconds(300)

    /// What desk and book of a peer start with.
    func desks(_ i: Int) -> DeskStart {
        func rows<T: WireDecodable>(_ prefix: UInt8, _ type: T.Type) -> [T] {
            peers[i].disk.rows(.local).filter { $0.key.first == prefix }.compactMap { try? T(decoding: $0.value) }
        }
        let slots = peers[i].plan.slots
        return DeskStart(
            settings: World.settings(slots: slots), capability: slots > 0 ? World.capability : nil,
            desk: rows(JobRows.deskPrefix, DeskRecord.self), book: rows(JobRows.bookPrefix, BookRecord.self),
            costMaxDefault: .credits(10), seed: seeding.seed("desk/\(i)/\(peers[i].boot)"))
    }

    static func settings(slots: Int) -> OwnerSettings {
        var settings = OwnerSettings(
            isLending: slots > 0, cpuThousandths: UInt32(max(1, slots)) * 1_000,
            memoryBytes: UInt64(max(1, slots)) << 30,
            diskBytes: UInt64(max(1, slots)) << 30, slots: slots)
        settings.runtimes = [.command]
        settings.rateCPU = CreditAmount(micro: 1_000)
        settings.rateMemory = CreditAmount(micro: 100)
        return settings
    }

    static let capability = CapabilitySummary(
        architecture: .x86_64, isolation: .full, meter: .polling,
        runtimes: [
            RuntimeCapability(
                runtime: RuntimeKind.command.id, version: "1", digest: Digest(repeating: 9),
                classID: Digest(repeating: 101), path: "/bin/sh")
        ])

    /// A later answer of the shell's own threads.
    mutating func later(
        _ i: Int, _ input: SimPeer.Node.Input, _ kind: EventKind = .answer, after: Interval = storeDelay
    ) {
        queue.push(.input(peer: i, boot: peers[i].boot, input, kind), at: now + after)
    }

    func peerIDs(_ keys: [PublicKey]) -> [PeerID] { keys.map { peers[0].key.peerID(of: $0) } }

    // MARK: the desk

    mutating func carryOut(_ effect: WorkerDesk.Effect, _ i: Int) {
        switch effect {
        case .fetchSpec(let job, let blob, let from): fetch(blob, from: peerIDs(from), for: .spec(job, blob), i)
        case .stage(let ticket, let lease, let job, let from): stage(ticket, lease, job, from, i)
        case .unstage: break
        case .start(let run, let lease, let frame): start(run, lease, frame, i)
        case .order(let run, let order):
            // Pausing is not simulated: programs here take no time of the machine.
            if case .cancel(let reason, _) = order, peers[i].tasks.removeValue(forKey: run) != nil {
                later(i, .desk(.run(run, .failed(reason))), .task, after: .milliseconds(5))
            }
        case .seal(let ticket, let lease, let order): seal(ticket, lease, order, i)
        case .checkBlobs(let ticket, let all):
            let areWhole = all.allSatisfy { peers[i].blobs.holds($0) }
            later(i, .desk(.blobsChecked(ticket, areWhole: areWhole)))
        case .publish(let all): for blob in all { peers[i].blobs.sealed.remove(blob) }
        case .pin, .unpin, .probeSandbox: break
        case .notify(let event): observations.append(.worker(i, event))
        case .decline, .handBack, .journal, .forget, .commit, .reveal, .offer, .withdrawOffer: break
        }
    }

    private mutating func stage(
        _ ticket: Ticket, _ lease: LeaseID, _ job: CanonicalJob, _ from: [PublicKey], _ i: Int
    ) {
        let missing = job.work.blobs.map(\.id).filter { !peers[i].blobs.holds($0) }
        peers[i].stages[ticket] = .init(job: job, missing: missing.count)
        if missing.isEmpty { return staged(ticket, i) }
        for blob in missing { fetch(blob, from: peerIDs(from), for: .stage(ticket, lease), i) }
    }

    private mutating func staged(_ ticket: Ticket, _ i: Int) {
        guard let stage = peers[i].stages.removeValue(forKey: ticket) else { return }
        if stage.hasFailed { return later(i, .desk(.stageFailed(ticket, .inputUnavailable("a blob")))) }
        let values = Staging.values(stage.job.work).compactMap { id in
            peers[i].blobs.bytes(id).map { BlobValue(id: id, bytes: $0) }
        }
        later(i, .desk(.staged(ticket, StagePlan(inputs: .files([]), values: values))))
    }

    // MARK: programs

    private mutating func start(_ run: RunID, _ lease: LeaseID, _ frame: RunFrame, _ i: Int) {
        let program = SimProgram(frame)
        // The runner ends what runs longer than it may.
        let limit = Interval.milliseconds(Int64(clamping: frame.limits.wallMillis))
        let runs = min(program.runs * peers[i].cpuFactor, limit)
        peers[i].tasks[run] = .init(lease: lease, frame: frame, job: lease.job, runs: runs)
        later(i, .desk(.run(run, .started(pid: 1))), .task, after: .milliseconds(1))
        if isSilent(worker: i, lease) { return }
        queue.push(.taskEnded(peer: i, boot: peers[i].boot, run), at: now + .milliseconds(2) + runs)
    }

    mutating func taskEnds(_ i: Int, _ boot: Int, _ run: RunID) {
        guard peers[i].boot == boot, let task = peers[i].tasks[run] else { return }
        var usage = Usage(meter: .polling)
        usage.wallMicros = UInt64(task.runs.nanoseconds / 1_000)
        usage.cpuMicros = usage.wallMicros * 9 / 10
        usage.memoryPeakBytes = 16 << 20
        let printed = output(of: task, by: i)
        if peers[i].isByzantine, printed != SimProgram(task.frame).output(peer: i, lease: task.lease.index) {
            lies[task.job, default: []].append(i)
        }
        peers[i].tasks[run]?.stdout = printed
        let isOver = task.runs >= .milliseconds(Int64(clamping: task.frame.limits.wallMillis))
        let process: ProcessEnd = isOver ? .signalled(number: 9) : .exited(code: 0)
        var end = RunEnd(items: [ItemEnd(index: 0, process: process)], usage: usage)
        if isOver { end.limit = .wallTime }
        give(i, boot, .desk(.run(run, .ended(end))), .task, run.value)
    }

    /// Makes a claim's blobs, as the daemon's sealing does.
    private mutating func seal(_ ticket: Ticket, _ lease: LeaseID, _ order: WorkerDesk.SealOrder, _ i: Int) {
        let hashing = peers[i].key
        let stdout = peers[i].tasks.removeValue(forKey: order.run)?.stdout ?? []
        let out = peers[i].blobs.put(stdout, hashing: hashing)
        let none = peers[i].blobs.put([], hashing: hashing)
        let outcome = Compute.Outcome.of(
            order.job.work, order.end, in: order.frame, stdout: stdout, files: [], schema: nil, hashing: hashing)
        let body = peers[i].blobs.put(outcome.body, hashing: hashing)
        var kept = [out, none, body]
        if let extra = outcome.resultBlob { kept.append(peers[i].blobs.put(extra, hashing: hashing)) }
        let report = ExecutionReport(
            usage: order.end.usage, capability: order.capability, isolation: order.isolation.rawValue,
            termination: outcome.termination, stdout: .init(blob: out, bytes: UInt64(stdout.count), droppedBytes: 0),
            stderr: .init(blob: none, bytes: 0, droppedBytes: 0), attempt: order.attempt)
        let written = peers[i].blobs.put(report.encoded, hashing: hashing)
        kept.append(written)
        for blob in kept { peers[i].blobs.sealed.insert(blob) }
        let isInline = !outcome.body.isEmpty && outcome.body.count <= Int(order.inlineMax)
        var made = SealedOutputs(
            termination: outcome.termination, body: body, bodyBytes: UInt64(outcome.body.count),
            inline: isInline ? outcome.body : [], compareHash: outcome.compareHash, report: written,
            usage: order.end.usage, blobs: kept)
        made = claimed(made, lease, by: i)
        if plant != .none { made = planted(made, i) }
        let salt = Cast.digest(&peers[i].rng)
        later(i, .desk(.sealed(ticket, made, salt: salt)))
    }

    // MARK: blobs

    /// Gets a blob into the store of a peer, or says that nobody gave it.
    mutating func fetch(_ blob: BlobID, from holders: [PeerID], for waiter: SimPeer.BlobWaiter, _ i: Int) {
        if peers[i].blobs.holds(blob) { return arrived(blob, isHere: true, [waiter], i) }
        peers[i].waiters[blob, default: []].append(waiter)
        if peers[i].waiters[blob]?.count == 1 {
            later(i, .exchange(.fetch(blob, from: holders, saved: nil)), after: .zero)
        } else {
            later(i, .exchange(.holders(blob, holders)), after: .zero)
        }
    }

    mutating func carryOut(_ effect: BlobExchange.Effect, _ i: Int) {
        let hashing = peers[i].key
        switch effect {
        case .store(let blob, let chunk, let length, _):
            _ = peers[i].blobs.add(chunk, of: blob, length: length)
            later(i, .exchange(.stored(blob, chunk: chunk.index)))
        case .fetched(let blob):
            let waiting = peers[i].waiters.removeValue(forKey: blob) ?? []
            arrived(blob, isHere: peers[i].blobs.holds(blob), waiting, i)
        case .failed(let blob):
            let waiting = peers[i].waiters.removeValue(forKey: blob) ?? []
            arrived(blob, isHere: false, waiting, i)
        case .readInfo(let stream, let blob):
            let isDenied = withholdsBlobs(i) || plant == .hidesInputs
            later(i, .exchange(.info(stream, isDenied ? nil : peers[i].blobs.summary(blob, hashing: hashing))))
        case .readChunks(let stream, let blob, let first, let count):
            later(
                i,
                .exchange(
                    .chunks(
                        stream,
                        withholdsBlobs(i)
                            ? nil : peers[i].blobs.chunks(blob, first: first, count: count, hashing: hashing))))
        case .misbehaved(let peer): observations.append(.blamed(i, byID[peer] ?? -1, "it served a damaged blob"))
        case .open, .write, .reset: break
        }
    }

    private mutating func arrived(_ blob: BlobID, isHere: Bool, _ waiting: [SimPeer.BlobWaiter], _ i: Int) {
        for waiter in waiting {
            switch waiter {
            case .spec(let job, let blob):
                let bytes = isHere ? peers[i].blobs.bytes(blob) : nil
                later(
                    i, bytes.map { .desk(.specArrived(job, $0)) } ?? .desk(.specFailed(job, "no holder gave the job")))
            case .stage(let ticket, _):
                peers[i].stages[ticket]?.missing -= 1
                if !isHere { peers[i].stages[ticket]?.hasFailed = true }
                if peers[i].stages[ticket]?.missing == 0 { staged(ticket, i) }
            case .result(let ticket, let blob):
                later(i, .book(isHere ? .fetched(ticket, blob) : .fetchFailed(ticket, blob)))
            }
        }
    }

    // MARK: the book

    mutating func carryOut(_ effect: JobBook.Effect, _ i: Int) {
        switch effect {
        case .reply(let ticket, let reply): replied(ticket, reply, i)
        case .replyCancel: break
        case .resolve(let ticket, let sources):
            // Jobs of a workload have arguments only.
            later(
                i,
                sources.isEmpty
                    ? .book(.resolved(ticket, [])) : .book(.resolveFailed(ticket, ManifestIssues([]))))
        case .sign(let ticket, let spec, let manifest, let account):
            _ = peers[i].blobs.put(manifest, hashing: peers[i].key)
            later(i, .signOpening(ticket, spec, account: account))
        case .fetch(let ticket, let blob, let from, _): fetch(blob, from: peerIDs(from), for: .result(ticket, blob), i)
        case .store(_, let bytes): _ = peers[i].blobs.put(bytes, hashing: peers[i].key)
        case .notify(let event):
            if plant != .none { plantEarlyResult(event, i) }
            observations.append(.job(i, event))
            if plant != .none { plantEarlyResult(event, i) }
        case .pin, .unpin, .quote, .persist, .forget, .openJob, .cancelJob: break
        }
    }
}

/// What a simulated program is, read from its arguments: `sim CLASS OPERATION MILLISECONDS`.
struct SimProgram: Sendable {
    let taskClass: Operation.TaskClass
    let operation: Int
    let runs: Interval
    private let frame: UInt64

    init(_ frame: RunFrame) {
        let words = frame.item.argv.map { String(decoding: $0, as: UTF8.self) }
        let at = words.firstIndex(of: "sim") ?? words.startIndex
        let rest = Array(words[at...].dropFirst())
        taskClass = rest.first.flatMap { Operation.TaskClass(rawValue: $0) } ?? .exact
        operation = rest.count > 1 ? Int(rest[1]) ?? -1 : -1
        runs = .milliseconds(rest.count > 2 ? Int64(rest[2]) ?? 0 : 0)
        var sip = SipHash(0x7072_6f67_7261_6d00, 1)
        for word in frame.item.argv { sip.add(word) }
        self.frame = sip.finished()
    }

    /// What an honest run prints: a digest of the frame, or something else in every replica.
    func output(peer: Int, lease: UInt16) -> [UInt8] {
        switch taskClass {
        case .exact, .numeric: Array("\"\(frame)\"\n".utf8)
        case .flaky: Array("\"\(frame)-\(peer)-\(lease)\"\n".utf8)
        }
    }
}
