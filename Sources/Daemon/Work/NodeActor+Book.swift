import Gossip
import Basis
public import Compute
import NodeCore
import Records
import Sodium
import Storage
public import Trust
import Verdict

/// Carries out what the book of submitted jobs orders, and answers its submitters.
extension NodeActor {
    /// Admits a job. Returns when it is durable here and on its way, or refused.
    public func submitJob(_ submission: Submission) async -> SubmitReply {
        guard timer != nil, core.log != nil else { return .failed("the node has no ledger yet") }
        lastTicket += 1
        let ticket = Ticket(lastTicket)
        return await withCheckedContinuation { continuation in
            submissions[ticket] = continuation
            give(.book(.submit(submission, ticket)))
        }
    }

    /// Asks to cancel a job that was submitted here.
    public func cancelJob(_ job: JobID) async -> CancelReply {
        guard timer != nil, let log = core.log else { return .notFound }
        lastTicket += 1
        let ticket = Ticket(lastTicket)
        return await withCheckedContinuation { continuation in
            cancellations[ticket] = continuation
            give(.book(.cancel(job, by: log.account, ticket)))
        }
    }

    public func booked(_ job: JobID) -> BookRecord? { core.booked(job) }

    func carryOut(_ effect: JobBook.Effect) {
        switch effect {
        case .reply(let ticket, let reply): submissions.removeValue(forKey: ticket)?.resume(returning: reply)
        case .replyCancel(let ticket, let reply):
            cancellations.removeValue(forKey: ticket)?.resume(returning: reply)
        case .resolve(let ticket, let sources): resolve(ticket, sources)
        case .sign(let ticket, let spec, let manifest, let account):
            let isTaken = parts.blobs.enqueue { [self] blobs in
                let isStored = (try? blobs.put(manifest, expecting: spec.manifest)) != nil
                self.post { node in
                    if isStored {
                        node.give(.signOpening(ticket, spec, account: account))
                    } else {
                        node.give(.book(.signFailed(ticket, "the job could not be stored: the disk is full")))
                    }
                }
            }
            if !isTaken { give(.book(.signFailed(ticket, "the blob store is closed"))) }
        case .pin(let blob, let reason, let until): pin(blob, reason, until)
        case .unpin(let blob, let reason): unpin(blob, reason)
        case .fetch(let ticket, let blob, let from, let withFiles): fetchResult(ticket, blob, from, withFiles)
        case .store(let blob, let bytes):
            _ = parts.blobs.enqueue { blobs in _ = try? blobs.put(bytes, expecting: blob) }
        case .notify(let event):
            report(.job(event))
            changes.wakeAll()
        case .quote, .persist, .forget, .openJob, .cancelJob: break
        }
    }

    /// Every source becomes a blob or an account. Files and folders were uploaded by the client: a daemon opens no
    /// path that a request names (E112).
    func resolve(_ ticket: Ticket, _ sources: [SourceRef]) {
        let members = core.members
        let isTaken = parts.blobs.enqueue { [self] blobs in
            var resolved: [ResolvedSource] = []
            var issues: [ManifestIssue] = []
            for source in sources {
                do throws(ManifestIssue) {
                    resolved.append(try NodeActor.resolve(source, blobs) { members[$0]?.key })
                } catch {
                    issues.append(error)
                }
            }
            let (all, wrong) = (resolved, issues)
            self.post { node in
                if wrong.isEmpty {
                    node.give(.book(.resolved(ticket, all)))
                } else {
                    node.give(.book(.resolveFailed(ticket, ManifestIssues(wrong))))
                }
            }
        }
        if !isTaken { give(.book(.resolveFailed(ticket, ManifestIssues([])))) }
    }

    static func resolve(
        _ source: SourceRef, _ blobs: BlobStore, _ key: (PeerID) -> PublicKey?
    ) throws(ManifestIssue) -> ResolvedSource {
        func missing(_ what: String, _ why: String) -> ManifestIssue {
            ManifestIssue(
                code: .sourceMissing, pointer: source.pointer, line: source.line, column: source.column,
                message: "\"\(what)\" cannot be used: \(why)",
                fix: "check the path, relative to the manifest; see --allow-dir")
        }
        switch source.kind {
        case .bytes(let bytes):
            guard let id = try? blobs.put(bytes) else { throw missing("inline text", "the disk is full") }
            return .blob(id, bytes: UInt64(bytes.count))
        case .blob(let id):
            guard let length = (try? blobs.length(id)) ?? nil else {
                throw missing(TextID.text(.blob, id.raw), "in no store")
            }
            return .blob(id, bytes: length)
        case .tree(let id):
            guard let tree = try? blobs.tree(id) else { throw missing(TextID.text(.tree, id.raw), "in no store") }
            return .tree(id, bytes: tree.length)
        case .file(let path), .folder(let path): throw missing(path, "a node opens no path; upload it as a blob")
        case .url(let url, _): throw missing(url, "a node fetches no address; upload it as a blob")
        case .account(let peer):
            guard let account = key(peer) else { throw missing(TextID.text(.peer, peer.raw), "not a known peer") }
            return .account(account)
        }
    }

    func fetchResult(_ ticket: Ticket, _ blob: BlobID, _ from: [PublicKey], _ withFiles: Bool) {
        Task {
            let peers = NodeActor.peers(from)
            guard await fetch(blob, from: peers) else { return give(.book(.fetchFailed(ticket, blob))) }
            if withFiles {
                for file in await filesNamed(in: blob) {
                    guard await fetch(file, from: peers) else { return give(.book(.fetchFailed(ticket, blob))) }
                }
            }
            give(.book(.fetched(ticket, blob)))
        }
    }

    /// The blobs that a document of results names (`compute.md` 1.6).
    func filesNamed(in blob: BlobID) async -> [BlobID] {
        guard let bytes = try? await parts.blobs.perform({ (b) throws(BlobError) in try b.bytes(blob) }),
            let value = try? CanonicalJSON.parse(bytes)
        else { return [] }
        return value.blobIDs
    }
}

extension JSONValue {
    /// The values of every member named `blob`, in document order.
    var blobIDs: [BlobID] {
        switch self {
        case .object(let members):
            members.flatMap { member -> [BlobID] in
                if member.key == "blob", case .string(let text) = member.value,
                    let raw = TextID.parse(.blob, text)
                {
                    return [BlobID(raw)]
                }
                return member.value.blobIDs
            }
        case .array(let items): items.flatMap(\.blobIDs)
        default: []
        }
    }
}
