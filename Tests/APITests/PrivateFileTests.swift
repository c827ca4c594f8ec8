import Glibc
import Testing

@testable import API

@Suite struct PrivateFileTests {
    /// A token is made once, kept with mode 0600 whatever the umask is, and read again; a file that others can read,
    /// a link and a file without a token are refused.
    @Test func tokensAreKept() throws {
        var template = Array("/tmp/peernode-token-XXXXXX".utf8CString)
        let folder = template.withUnsafeMutableBufferPointer {
            String(cString: mkdtemp($0.baseAddress!))
        }
        defer { rmdir(folder) }
        let path = folder + "/api.token"
        defer { unlink(path) }
        #expect(try PrivateFile.read(path) == nil)
        let token = try PrivateFile.token(at: path)
        #expect(try PrivateFile.token(at: path) == token)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        chmod(path, 0o640)
        #expect(throws: Problem.self) { try PrivateFile.token(at: path) }
        chmod(path, 0o600)
        try PrivateFile.write(Array("nothing\n".utf8), to: path)
        #expect(throws: Problem.self) { try PrivateFile.token(at: path) }
        let link = folder + "/link"
        symlink(path, link)
        defer { unlink(link) }
        #expect(throws: Problem.self) { try PrivateFile.read(link) }
        #expect(throws: Problem.self) { try PrivateFile.write([1], to: folder + "/none/file") }
    }

    /// `node.json` returns as it was written.
    @Test func nodeFilesReturn() throws {
        var template = Array("/tmp/peernode-file-XXXXXX".utf8CString)
        let folder = template.withUnsafeMutableBufferPointer {
            String(cString: mkdtemp($0.baseAddress!))
        }
        let path = folder + "/node.json"
        defer {
            unlink(path)
            rmdir(folder)
        }
        let document = NodeFileDocument(
            pid: 7, socket: "/run/api.sock", http: Known("http://127.0.0.1:7718"),
            tokenFile: "/run/api.token",
            version: "0.1.0", network: "net_a", peer: "peer_a")
        try PrivateFile.write(document.json(), to: path)
        #expect(try PrivateFile.read(path).map { try NodeFileDocument(json: $0) } == document)
    }
}
