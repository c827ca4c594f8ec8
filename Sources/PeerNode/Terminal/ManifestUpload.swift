import API
import Basis
import Compute
import Daemon
import Foundation
import Records
import Sodium
import Trust
import Wire

/// Reads a manifest where it lies, uploads what it names, and hands it to a node.
struct ManifestUpload {
    /// A manifest that was read and has no mistake.
    struct Reading {
        var node: ManifestNode
        var sources: [LocalManifest.Source]
        var file: String?
    }

    /// Paths are relative to it.
    let folder: String
    /// Folders that a manifest's files may lie in; nil: anywhere, as the person typed the paths.
    let allowed: [String]?
    /// `--stdin -`.
    var standardInput: [UInt8]?

    static let standardInputPath = "/dev/stdin"

    init(folder: String, allowed: [String]?) {
        self.folder = folder
        self.allowed = allowed
    }

    static func kind(_ path: String) -> CommandLineJob.PathKind? {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return nil }
        return isFolder.boolValue ? .folder : .file
    }

    /// - Throws: all mistakes at once, with their places in the author's file.
    func read(_ node: ManifestNode, name: String, file: String?) throws -> Reading {
        let reading = Manifest.read(node, fileName: name, hashing: SodiumHashing())
        let items = reading.issues.all.map { ManifestUpload.item($0) }
        guard let manifest = reading.manifest else {
            throw ManifestMistakes(
                problem: Problem.manifest(items, what: file ?? "the job")
                    ?? Problem(.badParameter, "the job was refused"),
                file: file)
        }
        for item in items where item.code.hasPrefix("W") {
            Terminal.error("\(item.message)\(item.fix.map { "; " + $0 } ?? "")   (\(item.code))")
        }
        var local = LocalManifest(node)
        local.complete(name: manifest.draft.purchase.name, runtime: manifest.draft.work.runtime.id)
        return Reading(node: local.node, sources: LocalManifest.sources(manifest), file: file)
    }

    static func item(_ issue: ManifestIssue) -> Problem.Item {
        .init(
            pointer: issue.pointer, line: issue.line > 0 ? issue.line : nil,
            column: issue.line > 0 ? issue.column : nil, code: issue.code.rawValue, message: issue.message,
            found: issue.found, allowed: issue.allowed.isEmpty ? nil : issue.allowed, fix: issue.fix)
    }

    /// Uploads the files, then submits.
    func submit(
        _ reading: Reading, _ client: APIClient, allowsWait: Bool = false, key: String? = nil,
        timeout: Duration? = .seconds(60)
    ) async throws -> JobDocument {
        let manifest = try await uploaded(reading, client)
        let body = ClientRequest.Body.bytes(Array(manifest.json.utf8), mediaType: "application/json")
        let query: [(name: String, value: String)] = allowsWait ? [("allowWait", "true")] : []
        do {
            return try await client.create(
                JobDocument.self, ClientRequest("POST", "/v1/jobs", query: query, body: body), key: key,
                timeout: timeout)
        } catch let problem where !problem.errors.isEmpty {
            throw ManifestMistakes(problem: problem, file: reading.file)
        }
    }

    /// The manifest with content ids in the place of paths.
    func uploaded(_ reading: Reading, _ client: APIClient) async throws -> ManifestNode {
        var ids: [String: String] = [:]
        var missing: [Problem.Item] = []
        for source in reading.sources {
            do {
                ids[source.pointer] = try await upload(source, client)
            } catch let fault as Unusable {
                missing.append(
                    .init(
                        pointer: source.pointer, line: source.line > 0 ? source.line : nil,
                        column: source.line > 0 ? source.column : nil, code: "E112",
                        message: "\"\(source.path)\" cannot be used: \(fault.reason)",
                        fix: "check the path, relative to the manifest; see --allow-dir"))
            }
        }
        if let problem = Problem.manifest(missing, what: reading.file ?? "the job") {
            throw ManifestMistakes(problem: problem, file: reading.file)
        }
        var local = LocalManifest(reading.node)
        local.replace(ids)
        return local.node
    }

    struct Unusable: Error { let reason: String }

    private func upload(_ source: LocalManifest.Source, _ client: APIClient) async throws -> String {
        if source.path == ManifestUpload.standardInputPath, let standardInput {
            return try await put(standardInput, client)
        }
        let url = URL(fileURLWithPath: source.path, relativeTo: URL(fileURLWithPath: folder, isDirectory: true))
        let real = url.resolvingSymlinksInPath().path
        if let allowed {
            let inside = allowed.map { URL(fileURLWithPath: $0).resolvingSymlinksInPath().path }
                .contains { real == $0 || real.hasPrefix($0 == "/" ? "/" : $0 + "/") }
            if !inside { throw Unusable(reason: "outside the manifest's folder") }
        }
        guard let kind = ManifestUpload.kind(real) else { throw Unusable(reason: "not found") }
        if source.isFolder {
            guard kind == .folder else { throw Unusable(reason: "not a folder") }
            return try await tree(real, client)
        }
        guard kind == .file else { throw Unusable(reason: "a folder, where a file is asked for") }
        return try await file(real, client)
    }

    /// Sends a file in pieces, so that its size does not become memory.
    private func file(_ path: String, _ client: APIClient) async throws -> String {
        guard let reader = FilePieces(path) else { throw Unusable(reason: "not readable") }
        let body = ClientRequest.Body.stream(
            count: reader.count, mediaType: "application/octet-stream", next: { reader.next() })
        return try await client.document(
            BlobDocument.self, ClientRequest("POST", "/v1/blobs", body: body), timeout: nil
        ).id
    }

    private func put(_ bytes: [UInt8], _ client: APIClient) async throws -> String {
        try await client.document(
            BlobDocument.self,
            ClientRequest("POST", "/v1/blobs", body: .bytes(bytes, mediaType: "application/octet-stream")),
            timeout: nil
        ).id
    }

    /// Uploads a folder: each file, then the tree that names them.
    private func tree(_ path: String, _ client: APIClient) async throws -> String {
        var entries: [FolderTree.Entry] = []
        let files = FileManager.default
        guard let names = try? files.subpathsOfDirectory(atPath: path) else { throw Unusable(reason: "not readable") }
        for name in names.sorted() {
            let full = path + "/" + name
            var info = stat()
            guard lstat(full, &info) == 0 else { throw Unusable(reason: "\(name) is not readable") }
            switch info.st_mode & S_IFMT {
            case S_IFDIR: entries.append(.init(path: name, content: .folder))
            case S_IFREG:
                guard let raw = TextID.parse(.blob, try await file(full, client)) else {
                    throw Problem(.bug, "the node gave a blob without an id")
                }
                entries.append(
                    .init(
                        path: name,
                        content: .file(
                            BlobID(raw), length: UInt64(clamping: info.st_size), isExecutable: info.st_mode & 0o100 != 0
                        )))
            default: throw Unusable(reason: "\(name) is neither a file nor a folder")
            }
        }
        let tree: FolderTree
        do throws(FolderTree.Fault) { tree = try FolderTree(entries) } catch { throw Unusable(reason: "\(error)") }
        return try await put(tree.encoded, client).replacingOccurrences(of: "blob_", with: "tree_")
    }
}

/// Mistakes of a manifest, told with the name of its file.
struct ManifestMistakes: Error {
    let problem: Problem
    let file: String?
}

/// A file read piece by piece.
///
/// A class since its place moves on; only the request that sends it reads, one piece after the other, hence unchecked.
final class FilePieces: @unchecked Sendable {
    let count: UInt64
    private let handle: FileHandle

    init?(_ path: String) {
        var info = stat()
        guard stat(path, &info) == 0, let handle = FileHandle(forReadingAtPath: path) else { return nil }
        self.handle = handle
        count = UInt64(clamping: info.st_size)
    }

    func next() -> [UInt8]? {
        guard let data = try? handle.read(upToCount: 256 << 10), !data.isEmpty else { return nil }
        return [UInt8](data)
    }
}
