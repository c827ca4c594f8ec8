import Loop
import Basis
public import Compute
import NodeCore
import Records
public import Runner
import Sodium
import Storage
import Trust
import Wire

/// Carries out what the worker's desk orders: blobs, stage folders, processes, seals.
extension NodeActor {
    /// Where programs run, if anywhere.
    public struct Workshop {
        let runner: Runner
        let slots: SlotFolders
        var staged: [LeaseID: String] = [:]
    }

    /// Opens the runner on this loop. Once, before the log is adopted.
    public func openWorkshop(_ settings: Runner.Settings) throws {
        let runner = try Runner(loop, settings) { [weak self] id, event in
            self?.assumeIsolated { $0.give(.desk(.run(id, event))) }
        }
        workshop = Workshop(runner: runner, slots: settings.slots)
    }

    func carryOut(_ effect: WorkerDesk.Effect) {
        switch effect {
        case .fetchSpec(let job, let blob, let from): fetchSpec(job, blob, from)
        case .stage(let ticket, let lease, let job, let from): stage(ticket, lease, job, from)
        case .unstage(let lease):
            if let name = workshop?.staged.removeValue(forKey: lease) { workshop?.slots.removeStage(name) }
        case .start(let run, _, let frame):
            guard let runner = workshop?.runner else {
                return give(.desk(.run(run, .failed(.sandboxFailed("this node has no sandbox")))))
            }
            runner.start(run, frame)
        case .order(let run, let order): workshop?.runner.order(run, order)
        case .seal(let ticket, let lease, let order): seal(ticket, lease, order)
        case .checkBlobs(let ticket, let all):
            let isTaken = parts.blobs.enqueue { [self] blobs in
                let areWhole = all.allSatisfy { (try? blobs.verify($0)) != nil }
                self.post { $0.give(.desk(.blobsChecked(ticket, areWhole: areWhole))) }
            }
            if !isTaken { give(.desk(.blobsChecked(ticket, areWhole: false))) }
        case .pin(let blob, let reason, let until): pin(blob, reason, until)
        case .unpin(let blob, let reason): unpin(blob, reason)
        case .publish(let all): for blob in all { sealed.remove(blob) }
        case .probeSandbox: report(.alarm("the sandbox failed three times in a row; offers are withdrawn"))
        case .notify(let event): note(event)
        case .decline, .handBack, .journal, .forget, .commit, .reveal, .offer, .withdrawOffer: break
        }
    }

    func note(_ event: WorkerEvent) {
        switch event {
        case .state(let lease, let state): work[lease, default: .init()].state = state
        case .progress(let lease, let perMille, let text):
            work[lease, default: .init()].perMille = perMille
            work[lease]?.text = text
        case .usage, .logged: return
        case .ended(let lease, let termination): work[lease, default: .init()].text = termination.text
        case .declined(let lease, let reasons):
            work[lease, default: .init()].text = reasons.map(\.rawValue).joined(separator: " ")
        case .handedBack(let lease, let reason): work[lease, default: .init()].text = reason.text
        }
        while work.count > NodeActor.workKeptMax, let first = work.first { work[first.key] = nil }
        report(.work(event))
        changes.wakeAll()
    }

    func note(_ progress: LeaseProgress) {
        var view = WorkView()
        view.perMille = progress.perMille
        switch progress.stage {
        case .fetching: view.state = .fetching
        case .running: view.state = .running
        case .sealing: view.state = .sealing
        }
        view.at = loop.now
        // Stages follow one another and progress grows, a thousand steps at most; backwards it goes five times a second
        // at most.
        if let last = distantWork[progress.lease] {
            let isLater = progress.stage.rawValue > last.stage
            let isNews =
                view.perMille > last.perMille
                || view.perMille < last.perMille && loop.now - last.at >= .milliseconds(200)
            if !isLater && (progress.stage.rawValue < last.stage || !isNews) { return }
        }
        view.stage = progress.stage.rawValue
        distantWork.insert(view, for: progress.lease)
        while distantWork.count > NodeActor.distantWorkKeptMax, let first = distantWork.first {
            distantWork.remove(first.key)
        }
        report(.work(.progress(progress.lease, perMille: progress.perMille, text: "")))
        changes.wakeAll()
    }

    static func peers(_ keys: [PublicKey]) -> [PeerID] { keys.map { SodiumHashing().peerID(of: $0) } }

    func fetchSpec(_ job: JobID, _ blob: BlobID, _ from: [PublicKey]) {
        Task {
            guard await fetch(blob, from: NodeActor.peers(from)),
                let bytes = try? await parts.blobs.perform({ (b) throws(BlobError) in try b.bytes(blob) })
            else { return give(.desk(.specFailed(job, "no holder gave the job"))) }
            give(.desk(.specArrived(job, bytes)))
        }
    }

    // MARK: inputs

    func stage(_ ticket: Ticket, _ lease: LeaseID, _ job: CanonicalJob, _ from: [PublicKey]) {
        Task {
            do throws(StageFailure) {
                let plan = try await plan(lease, job.work, NodeActor.peers(from))
                give(.desk(.staged(ticket, plan)))
            } catch {
                give(.desk(.stageFailed(ticket, error.reason)))
            }
        }
    }

    struct StageFailure: Error { let reason: RunEndReason }

    func plan(_ lease: LeaseID, _ work: Work, _ peers: [PeerID]) async throws(StageFailure) -> StagePlan {
        var fetched: UInt64 = 0
        for reference in work.blobs {
            let wasHere = (try? parts.blobs.holds(reference.id)) == true
            guard await fetch(reference.id, from: peers) else {
                throw StageFailure(reason: .inputUnavailable("blob \(TextID.short(.blob, reference.id.raw))"))
            }
            if !wasHere { fetched += reference.bytes }
            if reference.isTree { fetched += try await fetchTree(reference.id, peers) }
        }
        let values = try await values(of: work)
        guard let inputsJSON = Staging.inputsJSON(work, values: values) else {
            throw StageFailure(reason: .inputUnavailable("an inline input is not canonical JSON"))
        }
        let entries = Staging.entries(work)
        let files = try await files(entries, inputsJSON)
        if let files { return StagePlan(inputs: .files(files), values: values, fetchedBytes: fetched) }
        let path = try await stageFolder(lease, entries, inputsJSON)
        return StagePlan(inputs: .stage(path: path), values: values, fetchedBytes: fetched)
    }

    /// Fetches what a tree names. Its own blob is here.
    func fetchTree(_ id: BlobID, _ peers: [PeerID]) async throws(StageFailure) -> UInt64 {
        guard let tree = try? await parts.blobs.perform({ (b) throws(BlobError) in try b.tree(id) }) else {
            throw StageFailure(reason: .inputUnavailable("a folder is not a tree of this version"))
        }
        for blob in tree.blobs {
            guard await fetch(blob, from: peers) else {
                throw StageFailure(reason: .inputUnavailable("blob \(TextID.short(.blob, blob.raw))"))
            }
        }
        return tree.length
    }

    func values(of work: Work) async throws(StageFailure) -> [BlobValue] {
        var values: [BlobValue] = []
        for id in Staging.values(work) {
            guard let bytes = try? await parts.blobs.perform({ (b) throws(BlobError) in try b.bytes(id) }) else {
                throw StageFailure(reason: .inputUnavailable("blob \(TextID.short(.blob, id.raw)) is damaged"))
            }
            values.append(BlobValue(id: id, bytes: bytes))
        }
        return values
    }

    /// The inputs as files of init's frame; nil if they are too large for it.
    func files(_ entries: [Staging.Entry], _ inputsJSON: [UInt8]) async throws(StageFailure) -> [FrameFile]? {
        let read = try? await parts.blobs.perform { (blobs) throws(BlobError) -> [FrameFile]? in
            var files: [FrameFile] = []
            var total = 0
            func add(_ path: String, _ bytes: [UInt8], _ isExecutable: Bool) -> Bool {
                total += bytes.count + path.utf8.count
                files.append(FrameFile(path: path, isExecutable: isExecutable, bytes: bytes))
                return total <= Staging.frameBytesMax && files.count <= 4_096
            }
            for entry in entries {
                switch entry.content {
                case .inputsJSON: if !add(entry.path, inputsJSON, false) { return nil }
                case .blob(let id):
                    if try blobs.length(id) ?? 0 > UInt64(Staging.frameBytesMax) { return nil }
                    if !add(entry.path, try blobs.bytes(id), entry.isExecutable) { return nil }
                case .tree(let id):
                    let tree = try blobs.tree(id)
                    if tree.length > UInt64(Staging.frameBytesMax) { return nil }
                    for one in tree.entries {
                        guard case .file(let blob, _, let isExecutable) = one.content else { continue }
                        if !add(entry.path + "/" + one.path, try blobs.bytes(blob), isExecutable) { return nil }
                    }
                }
            }
            return files
        }
        guard let read else { throw StageFailure(reason: .inputUnavailable("an input is damaged")) }
        return read
    }

    /// A read-only folder with copies of verified blobs, for inputs above what a frame holds.
    func stageFolder(
        _ lease: LeaseID, _ entries: [Staging.Entry], _ inputsJSON: [UInt8]
    ) async throws(StageFailure) -> String {
        let name = "\(lease.job.hex.prefix(16))-\(lease.index)"
        guard let path = try? workshop?.slots.makeStage(name) else {
            throw StageFailure(reason: .hostDiskFull("the stage folder could not be made"))
        }
        workshop?.staged[lease] = name
        let isPlaced: Void? = try? await parts.blobs.perform { (blobs) throws(BlobError) in
            for entry in entries {
                let target = path + "/" + entry.path
                switch entry.content {
                case .inputsJSON: StageFiles.write(inputsJSON, to: target)
                case .blob(let id):
                    StageFiles.makeParents(of: target)
                    try blobs.export(id, to: target, isExecutable: entry.isExecutable)
                case .tree(let id):
                    StageFiles.makeParents(of: target)
                    try blobs.export(tree: id, to: target)
                }
            }
            StageFiles.open(path)
        }
        guard isPlaced != nil else { throw StageFailure(reason: .hostDiskFull("inputs could not be placed")) }
        return path
    }

    // MARK: pins

    func pin(_ blob: BlobID, _ reason: PinReason, _ until: Basis.Instant) {
        let left = max(0, (until - loop.now).milliseconds)
        let wall = NodeActor.wallMillis() + UInt64(left)
        _ = parts.blobs.enqueue { blobs in try? blobs.pin(blob, NodeActor.pinReason(reason), until: wall) }
    }

    func unpin(_ blob: BlobID, _ reason: PinReason) {
        _ = parts.blobs.enqueue { blobs in try? blobs.unpin(blob, NodeActor.pinReason(reason)) }
    }

    static func pinReason(_ reason: PinReason) -> BlobPinReason {
        switch reason {
        case .lease: .lease(.zero, index: 0)
        case .claim: .claim(.zero, index: 0)
        case .served: .claim(.zero, index: 1)
        case .job: .ownJob(.zero)
        }
    }
}

/// What a worker's execution shows of itself.
public struct WorkView: Sendable {
    public var state = WorkerEvent.State.leased
    public var perMille: UInt16 = 0
    public var text = ""
    /// Of another machine's lease: when and in which stage it told of itself last.
    var at = Basis.Instant.zero
    var stage: UInt8 = 0
}
