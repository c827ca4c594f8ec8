public import Basis
public import Trust
public import Verdict
import Wire

// Compute: jobs as people write them, and the two cores that carry them.
//
// The problem: a person hands over a file that says what to run; strangers must run exactly that, and both sides must
// be able to show afterwards what was asked and what was answered.
// The idea: text → nodes with positions → Manifest → CanonicalJob, pure except for reading files, so that every peer
// derives the same bytes. `JobBook` (entry peer) and `WorkerDesk` (worker) are state machines over records: what they
// promised is in their journal before anybody hears of it.
// Not here: processes and sandboxes (Runner), who is drawn and paid (Credits), files and sockets (shells).

/// Something outside the manifest that must become a blob, or an account, before the job is final.
public struct SourceRef: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// Bytes at hand, to be stored.
        case bytes([UInt8])
        /// Relative to the manifest.
        case file(String)
        case folder(String)
        /// Already stored; the resolver tells its length.
        case blob(BlobID)
        case tree(BlobID)
        case url(String, sha256: Bytes32)
        /// The account key of a peer.
        case account(PeerID)
    }
    /// What becomes of it.
    public enum Role: Sendable, Hashable {
        case program
        case stdin
        case input(String)
        case resultSchema
        case only
    }

    /// Position in `Manifest.sources`.
    public var index: Int
    public var role: Role
    public var kind: Kind
    /// Where it stands in the author's file; line 0 if nowhere.
    public var pointer: String
    public var line: Int
    public var column: Int

    var place: Place { Place(pointer: pointer, line: line, column: column) }
}

/// What the resolver found for one source.
public enum ResolvedSource: Sendable, Hashable {
    case blob(BlobID, bytes: UInt64)
    /// The blob of a folder's tree; `bytes` is its length.
    case tree(BlobID, bytes: UInt64)
    case account(PublicKey)
}

/// A manifest that was read and checked (`compute.md` 1): a canonical job but for what must be resolved.
public struct Manifest: Sendable, Hashable {
    /// What the job will be; sources, stdin, inputs and schema that need resolving are missing in it.
    public var draft: CanonicalJob
    public var sources: [SourceRef]
    /// Whether `verify.replicas` is `auto` and becomes 3 or 1 by what the network offers (`architecture.md` S4).
    public var replicasAreAuto: Bool
    public var description: String

    /// Replicas when `auto` finds enough owners, and how many others it needs.
    public static let replicasAuto: UInt8 = 3

    /// The final job. `resolved` has one element for each of `sources`, in order.
    ///
    /// `isAlone`: fewer than three other owners are eligible, so `auto` becomes one replica.
    /// The first argument's kinds fit the sources' by the resolver's contract; a job over its size limit is E104.
    public func canonical(
        _ resolved: [ResolvedSource], isAlone: Bool
    ) -> Result<CanonicalJob, ManifestIssues> {
        invariant(resolved.count == sources.count, "\(resolved.count) of \(sources.count) sources")
        var job = draft
        for (source, found) in zip(sources, resolved) { Manifest.fill(&job, source, found) }
        job.work.inputs.sort { $0.name.asBytes < $1.name.asBytes }
        job.purchase.only = Array(Set(job.purchase.only)).sorted()
        if replicasAreAuto && isAlone {
            job.purchase.replicas = 1
            job.purchase.quorum = 1
            job.purchase.maxExecutions = 1
        }
        let size = job.encoded.count
        if size > ComputeLimits.canonicalJobBytesMax {
            let issue = ManifestIssue.outOfRange(
                Place(pointer: "", line: 1, column: 1), "size of the job", "\(size)B", "1B",
                Shown.size(UInt64(ComputeLimits.canonicalJobBytesMax)), isBytes: true)
            return .failure(ManifestIssues([issue]))
        }
        return .success(job)
    }

    static func fill(_ job: inout CanonicalJob, _ source: SourceRef, _ found: ResolvedSource) {
        switch (source.role, found) {
        case (.program, .blob(let id, let bytes)): job.work.source = .file(id, bytes: bytes)
        case (.program, .tree(let id, let bytes)): job.work.source = .tree(id, bytes: bytes)
        case (.stdin, .blob(let id, let bytes)): job.work.stdin = .bytes(.blob(id, bytes: bytes))
        case (.resultSchema, .blob(let id, let bytes)):
            job.work.resultSchema = .blob(id, bytes: bytes)
        case (.input(let name), _):
            guard let i = job.work.inputs.firstIndex(where: { $0.name == name }) else { return }
            switch (source.kind, found) {
            case (.bytes, .blob(let id, let bytes)):
                job.work.inputs[i].content = .json(.blob(id, bytes: bytes))
            case (_, .blob(let id, let bytes)): job.work.inputs[i].content = .file(id, bytes: bytes)
            case (_, .tree(let id, let bytes)): job.work.inputs[i].content = .tree(id, bytes: bytes)
            default: break
            }
        case (.only, .account(let key)): job.purchase.only.append(key)
        default: invariant(false, "\(source.role) resolved to \(found)")
        }
    }
}

/// What reading a manifest gave: the manifest if there is no error, and what is to be said about it.
public struct ManifestReading: Sendable {
    /// Nil if `issues` holds an error.
    public var manifest: Manifest?
    /// Errors of the first step that had any, else warnings; sorted.
    public var issues: ManifestIssues
    /// Errors only.
    public init(manifest: Manifest?, issues: ManifestIssues) {
        self.manifest = manifest
        self.issues = issues
    }

    public var errors: [ManifestIssue] { issues.all.filter { !$0.code.isWarning } }
}

/// A value given beside the manifest (`--param name=value`).
public struct InputParameter: Sendable, Equatable {
    public var name: String
    public var value: JSONValue

    public init(name: String, value: JSONValue) {
        self.name = name
        self.value = value
    }
}

extension Manifest {
    /// Reads a tree of nodes: recognition (2.1), fields (1.2), then relations between them (E120 and above).
    ///
    /// `fileName` gives a job without a name its own. Nothing is read, hashed for content or sent.
    public static func read(
        _ node: ManifestNode, fileName: String, parameters: [InputParameter] = [],
        hashing: some Hashing
    ) -> ManifestReading {
        func failed(_ issues: [ManifestIssue]) -> ManifestReading {
            ManifestReading(manifest: nil, issues: ManifestIssues(issues))
        }
        let tooLarge = node.extentIssues
        if !tooLarge.isEmpty { return failed(tooLarge) }
        if let issue = recognise(node) { return failed([issue]) }
        var reader = ManifestReader(fileName: fileName, parameters: parameters) {
            TextID.account($0, hashing: hashing)
        }
        reader.readAll(node)
        // What is wrong with single fields hides what would follow from it.
        let single = reader.fields.issues.filter { $0.code < .quorum }
        if !single.isEmpty { return failed(single) }
        if reader.fields.issues.isEmpty { reader.checkRelations(node) }
        let manifest = Manifest(
            draft: CanonicalJob(work: reader.work, purchase: reader.purchase),
            sources: reader.sources, replicasAreAuto: reader.replicasAreAuto,
            description: reader.description)
        let hasError = reader.fields.issues.contains { !$0.code.isWarning }
        return ManifestReading(
            manifest: hasError ? nil : manifest, issues: ManifestIssues(reader.fields.issues))
    }

    /// Reads a manifest in JSON.
    public static func read(
        json: [UInt8], fileName: String, parameters: [InputParameter] = [], hashing: some Hashing
    ) -> ManifestReading {
        switch ManifestNode.json(json) {
        case .failure(let issues): ManifestReading(manifest: nil, issues: issues)
        case .success(let node):
            read(node, fileName: fileName, parameters: parameters, hashing: hashing)
        }
    }

    /// Recognition by top-level keys, in the order of `compute.md` 2.1. Nil for a native manifest.
    static func recognise(_ node: ManifestNode) -> ManifestIssue? {
        func place(_ key: String) -> Place? {
            guard case .mapping(let entries) = node.content,
                let entry = entries.first(where: { $0.key.isSameBytes(as: key) })
            else { return nil }
            return Place(
                pointer: ManifestNode.pointer("", key), line: entry.line, column: entry.column)
        }
        if let version = node["peernode"] {
            if case .scalar("v1", _) = version.content { return nil }
            if case .scalar(let text, _) = version.content { return .badVersion(version, text) }
            return .badType(version, "text", example: "v1")
        }
        for key in ["task_definition", "compute_logic", "tasks"] {
            if let place = place(key) { return .dialect(place, "the task dialect with \(key)") }
        }
        if let place = place("Job") { return .dialect(place, "the Bacalhau dialect with Job") }
        if let tasks = node["Tasks"], case .sequence(let items) = tasks.content,
            items.contains(where: { $0["Engine"] != nil })
        {
            return .dialect(tasks.place, "the Bacalhau dialect with Tasks")
        }
        if let place = place("job_type") { return .dialect(place, "the short job with job_type") }
        return .notAManifest
    }
}
