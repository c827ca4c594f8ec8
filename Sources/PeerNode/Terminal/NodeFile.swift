import API
import Daemon
import Foundation
import Glibc

/// `node.json`: how programs find a node (`surfaces.md` 3.1).
enum NodeFile {
    /// The node that the home's file names, if its process is alive.
    static func running(_ layout: HomeLayout) -> NodeFileDocument? {
        guard let data = FileManager.default.contents(atPath: layout.nodeFile.path),
            let file = try? NodeFileDocument(json: [UInt8](data)), kill(pid_t(file.pid), 0) == 0 || errno == EPERM
        else { return nil }
        return file
    }

    /// Whether a living process holds the home and has opened its socket.
    static func isStarting(_ layout: HomeLayout) -> Bool {
        guard FileManager.default.fileExists(atPath: layout.socket.path),
            let text = try? String(contentsOf: layout.lock, encoding: .utf8),
            let pid = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines))
        else { return false }
        return kill(pid, 0) == 0 || errno == EPERM
    }
}

enum Environment {
    static var all: [String: String] { ProcessInfo.processInfo.environment }
}
