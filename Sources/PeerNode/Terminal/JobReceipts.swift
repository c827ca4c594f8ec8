import API
import Credits
import Daemon
import Foundation
import Sodium
import Trust

/// Receipts of own jobs, kept in the home so that a job's id suffices offline (`surfaces.md` 1.2).
enum JobReceipts {
    static let mediaType = "application/vnd.peernode.receipt"

    static func file(_ id: String, _ layout: HomeLayout) -> URL {
        layout.receipts.appendingPathComponent(id + ".receipt")
    }

    /// The receipt's canonical bytes, from the node. A settlement that is not certified yet is waited for a moment.
    static func fetch(_ id: String, _ client: APIClient) async throws -> [UInt8] {
        var tries = 0
        while true {
            do {
                return try await client.bytes(
                    ClientRequest(
                        "GET", ClientRequest.path("v1", "jobs", id, "receipt"),
                        headers: [("Accept", JobReceipts.mediaType)]), limit: Receipt.bytesMax)
            } catch {
                tries += 1
                guard error.code == ProblemCode.noResultYet.rawValue, tries < 40 else { throw error }
                try await Task.sleep(for: .milliseconds(250))
            }
        }
    }

    static func save(_ id: String, _ client: APIClient, to path: String) async throws {
        let bytes = try await fetch(id, client)
        do {
            try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw CommandFailure(code: Codes.readOrWrite, text: "cannot write \(path)")
        }
    }

    /// Keeps a receipt beside the home. The result is printed whether or not that works; a line says if not.
    static func keep(_ id: String, _ client: APIClient, _ common: CommonOptions) async {
        do {
            let bytes = try await fetch(id, client)
            let layout = common.layout
            try FileManager.default.createDirectory(
                at: layout.receipts, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try Data(bytes).write(to: file(id, layout), options: .atomic)
        } catch let problem as Problem {
            Terminal.error(
                "the receipt is not here yet: \(problem.detail); peernode receipt save \(Texts.typed(id)) fetches it")
        } catch {
            Terminal.error("the receipt could not be kept in \(common.layout.receipts.path)")
        }
    }

    /// A receipt's bytes: a file, or the one kept of a job; without a node. Nil if there is neither.
    static func find(_ name: String, _ common: CommonOptions) throws -> [UInt8]? {
        if let data = FileManager.default.contents(atPath: name) { return try bytes(data, name) }
        guard let id = try? LastJob.resolve(name, common) else {
            if name == "last" { _ = try LastJob.resolve(name, common) }
            return nil
        }
        let layout = common.layout
        let full = id.hasPrefix("job_") ? id : "job_" + id
        if let data = FileManager.default.contents(atPath: file(full, layout).path) { return [UInt8](data) }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: layout.receipts.path)) ?? []
        let fitting = names.filter { $0.hasPrefix(full) && $0.hasSuffix(".receipt") }
        guard full.utf8.count >= 10, let first = fitting.first else { return nil }
        guard fitting.count == 1 else {
            throw Problem(
                .ambiguousID, "\(full) fits \(fitting.map { Texts.short($0) }.sorted().joined(separator: ", "))")
        }
        return FileManager.default.contents(atPath: layout.receipts.appendingPathComponent(first).path).map {
            [UInt8]($0)
        }
    }

    /// A file's bytes, its armour taken off if it has one.
    private static func bytes(_ data: Data, _ name: String) throws -> [UInt8] {
        let raw = [UInt8](data)
        guard raw.starts(with: Array(head.utf8)) else { return raw }
        let body = String(decoding: raw, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("-----") }
            .joined()
        guard let decoded = Data(base64Encoded: body) else {
            throw Problem(.receiptInvalid, "\(name): the armour is damaged")
        }
        return [UInt8](decoded)
    }

    static let head = "-----BEGIN PEERNODE RECEIPT-----"

    static func armored(_ bytes: [UInt8]) -> String {
        let text = Data(bytes).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return head + "\n" + text + "\n-----END PEERNODE RECEIPT-----\n"
    }
}
