import Basis
import Compute
import Foundation
import NodeCore
import Records
import Runner
import Sodium
import Storage
import Trust
import Verdict
import Wire

/// Makes a claim's blobs of a run that ended (`compute.md` 5.1, SEALED).
extension NodeActor {
    func seal(_ ticket: Ticket, _ lease: LeaseID, _ order: WorkerDesk.SealOrder) {
        guard let runner = workshop?.runner else {
            return give(.desk(.sealFailed(ticket, .sandboxFailed("this node has no sandbox"))))
        }
        let spool = runner.spool(order.run)
        let isTaken = parts.blobs.enqueue { [self] blobs in
            let made = try? Sealing(blobs: blobs, spool: spool, order: order).make()
            self.post { node in
                node.workshop?.runner.discard(order.run)
                guard let made else {
                    return node.give(.desk(.sealFailed(ticket, .hostDiskFull("outputs could not be stored"))))
                }
                for blob in made.blobs { node.sealed.insert(blob) }
                node.give(.desk(.sealed(ticket, made, salt: Digest(randomSeed()))))
            }
        }
        if !isTaken { give(.desk(.sealFailed(ticket, .hostDiskFull("the blob store is closed")))) }
    }
}

/// One seal, on the blob store's thread: reads the spool, stores what is kept, computes what is claimed.
struct Sealing {
    let blobs: BlobStore
    let spool: String
    let order: WorkerDesk.SealOrder

    func make() throws -> SealedOutputs {
        let hashing = SodiumHashing()
        let stdout = try log("stdout")
        let stderr = try log("stderr")
        var kept = [stdout.blob, stderr.blob]
        var files: [StoredFile] = []
        for file in order.end.items.first?.files ?? [] {
            let path = "\(spool)/out-\(file.spool)"
            let blob = FileManager.default.fileExists(atPath: path) ? try blobs.put(file: path) : try blobs.put([])
            files.append(
                StoredFile(
                    name: file.name, path: file.path, blob: blob, bytes: file.length, isExecutable: file.isExecutable))
            kept.append(blob)
        }
        let outcome = Outcome.of(
            order.job.work, order.end, in: order.frame, stdout: try bytes("stdout"), files: files, schema: schema(),
            hashing: hashing)
        let body = try blobs.put(outcome.body)
        kept.append(body)
        if let extra = outcome.resultBlob { kept.append(try blobs.put(extra)) }
        let execution = ExecutionReport(
            usage: order.end.usage, capability: order.capability, isolation: order.isolation.rawValue,
            termination: outcome.termination, stdout: stdout, stderr: stderr, attempt: order.attempt)
        let report = try blobs.put(execution.encoded)
        kept.append(report)
        let isInline = !outcome.body.isEmpty && outcome.body.count <= Int(order.inlineMax)
        return SealedOutputs(
            termination: outcome.termination, body: body, bodyBytes: UInt64(outcome.body.count),
            inline: isInline ? outcome.body : [], compareHash: outcome.compareHash, report: report,
            usage: order.end.usage, blobs: kept)
    }

    func log(_ name: String) throws -> ExecutionReport.Log {
        let path = "\(spool)/\(name)"
        let exists = FileManager.default.fileExists(atPath: path)
        let blob = exists ? try blobs.put(file: path) : try blobs.put([])
        let length = try blobs.length(blob) ?? 0
        let dropped = name == "stderr" ? order.end.droppedBytes : 0
        return ExecutionReport.Log(blob: blob, bytes: length, droppedBytes: dropped)
    }

    /// All of standard output: at most `stdoutBytesMax`, 64 MiB.
    func bytes(_ name: String) throws -> [UInt8] {
        let path = "\(spool)/\(name)"
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// The schema that a JSON result must fit, if the job names one.
    func schema() -> ValueSchema? {
        let payload = order.job.work.resultSchema
        let text: [UInt8]? =
            switch payload {
            case nil: nil
            case .inPlace(let bytes): bytes
            case .blob(let id, _): try? blobs.bytes(id)
            }
        return text.flatMap { try? CanonicalJSON.parse($0) }.flatMap { try? ValueSchema($0) }
    }
}
