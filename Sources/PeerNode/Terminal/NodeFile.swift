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
}

enum Environment {
    static var all: [String: String] { ProcessInfo.processInfo.environment }
}
