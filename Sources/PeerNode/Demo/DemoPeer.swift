import API
import Foundation
import Glibc

/// One of the demo's five peers: a home, a process, an API.
@MainActor final class DemoPeer {
    /// 1 to 5; 1 to 4 are seats.
    let number: Int
    let home: String
    let port: UInt16
    let peer: String
    let account: String
    let seatKey: String
    private(set) var process: ChildProcess?

    var isSeat: Bool { number <= 4 }
    var address: String { "127.0.0.1:\(port)" }
    var log: String { home + ".log" }
    var client: APIClient { APIClient(endpoint: .unix(path: home + "/run/api.sock")) }
    var name: String { "peer \(number)" }

    /// Makes the home with the command that anybody would use.
    init(number: Int, folder: String, port: UInt16) async throws {
        self.number = number
        self.port = port
        home = "\(folder)/\(number)"
        let text = try await DemoPeer.command(["init", "--home", home, "--json"], in: folder)
        let made = try InitDocument(json: Array(text.utf8))
        peer = made.peer
        account = made.account
        seatKey = made.seatKey
    }

    /// Runs a verb of this program to its end.
    ///
    /// - Returns: what it printed.
    /// - Throws: `DemoFailure` with what it printed, if its exit code is another than `code`.
    @discardableResult static func command(
        _ words: [String], in folder: String, environment: [String: String] = Environment.own, expecting code: Int = 0
    ) async throws -> String {
        let output = "\(folder)/command.out"
        unlink(output)
        let process = try ChildProcess(Spawning.ownProgram, words, environment: environment, output: output)
        let ended = await process.wait(.seconds(30))
        let text = FileManager.default.contents(atPath: output).map { String(decoding: $0, as: UTF8.self) } ?? ""
        unlink(output)
        guard let ended else {
            process.signal(SIGKILL)
            throw DemoFailure("peernode \(words.first ?? "") did not end within 30 s")
        }
        try DemoFailure.require(
            ended == code, "peernode \(words.joined(separator: " ")) ended with \(ended), not \(code): \(text)")
        return text
    }

    /// Starts the daemon, which lends one core.
    ///
    /// - Parameter survives: it goes on when this process ends.
    func start(seeds: [String], survives: Bool) throws {
        var words = [
            "join", "--home", home, "--yes", "--give", "cores=1,memory=1GiB", "--disk", "1GiB", "--price", "0.005",
            "--listen",
            address,
            "--api-listen", "none",
        ]
        if !survives { words.append("--exit-with-parent") }
        process = try ChildProcess(
            Spawning.ownProgram, words + seeds, environment: Environment.own, output: log)
    }

    func get<D: Document>(
        _ type: D.Type, _ path: String, _ query: [(name: String, value: String)] = []
    ) async throws -> D { try await client.document(type, ClientRequest(path, query: query)) }

    /// - Throws: `DemoFailure` if the process has ended.
    func expectAlive() throws {
        if let code = process?.ending() { throw DemoFailure("\(name) ended with exit code \(code)") }
    }

    /// The last lines of its log.
    func tail(_ count: Int) -> [Substring] {
        guard let data = FileManager.default.contents(atPath: log) else { return [] }
        return Array(String(decoding: data, as: UTF8.self).split(separator: "\n").suffix(count))
    }
}

extension Environment {
    /// This process's variables without those that name a node, and who it is.
    static var own: [String: String] {
        var kept = all.filter { !$0.key.hasPrefix("PEERNODE_") }
        kept[ParentDeath.variable] = String(getpid())
        return kept
    }
}

/// Ports that nobody listens on now.
enum FreePorts {
    /// - Throws: `DemoFailure` if the system gives none.
    static func find(_ count: Int) throws -> [UInt16] {
        var ports: [UInt16] = []
        var open: [Int32] = []
        defer { for one in open { close(one) } }
        for _ in 0..<count {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard descriptor >= 0 else { throw DemoFailure("no socket: \(String(cString: strerror(errno)))") }
            open.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isBound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
                }
            }
            guard isBound else { throw DemoFailure("no free port: \(String(cString: strerror(errno)))") }
            ports.append(UInt16(bigEndian: address.sin_port))
        }
        return ports
    }
}
