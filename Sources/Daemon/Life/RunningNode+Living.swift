import API
import Basis
import Foundation
import Gossip
import Logging
import Loop
import NodeCore
import Records
import Sodium
import Storage
import Trust

// What a running node does beside answering: taking a network over, saying that it is ready, caring for its disk.
extension RunningNode {
    static let careInterval = Basis.Interval.seconds(600)

    /// Starts the tasks that end with the node.
    func watch() {
        let ready = Task { await self.sayReady() }
        let care = Task { await self.careForStores() }
        tasks.change { $0 += [ready, care] }
    }

    /// Writes `node.json` when the node is ready for the first time.
    private func sayReady() async {
        while !Task.isCancelled, ended.value == nil {
            let seen = await node.changeCount
            if await node.readinessDocument().ready { break }
            await node.change(since: seen, until: loop.now + .seconds(1))
        }
        if Task.isCancelled || isStopping.value || ended.value != nil { return }
        let file = NodeFileDocument(
            pid: Int(getpid()), socket: socketPath, http: Known(httpPort.map { "http://127.0.0.1:\($0)" }),
            tokenFile: home.layout.tokenFile.path, version: options.version,
            network: network.map { IDs.network($0) } ?? "",
            peer: IDs.peer(SodiumHashing().peerID(of: home.identity.publicKey)))
        let text = String(decoding: file.json(), as: UTF8.self) + "\n"
        do throws(Home.Failure) {
            try Home.write(text, to: home.layout.nodeFile, mode: 0o600)
        } catch {
            log(.error, "store.write_failed", "node.json could not be written: \(error)")
        }
        service.events.publish(.nodeState, subject: file.peer, data: ["state": "ready"])
        log(.info, "node.ready", "ready", subject: "", ["network": file.network])
    }

    /// Regular work of the disk: lapsed pins, answers of yesterday, and a store that failed is tried again.
    private func careForStores() async {
        while !Task.isCancelled {
            answers.sweep(now: NodeActor.wallMillis())
            parts { blobs in try? blobs.removeLapsedPins() }
            try? await Task.sleep(for: .seconds(RunningNode.careInterval.milliseconds / 1_000))
        }
    }

    private func parts(_ body: @escaping @Sendable (BlobStore) -> Void) { blobs.enqueue(body) }

    /// Binds the home to the network that was joined, and begins its log. A home is bound once, for good.
    func adopt(_ bytes: [UInt8]) async {
        if isStopping.value { return }
        do throws(Problem) {
            let file: GenesisFile
            do throws(GenesisFile.Failure) {
                file = try GenesisFile(bytes: bytes)
            } catch {
                throw StartProblems.genesis(error)
            }
            do throws(Home.Failure) {
                try home.adopt(file)
            } catch {
                throw StartProblems.home(error)
            }
            let opened = OpenedHome(home: home, store: store, blobs: blobs)
            let log = try opened.loadLog(file.genesis, now: loop.now)
            await node.adopt(log, desks: opened.desks(options, lending, log))
            await node.lend(lending)
        } catch {
            ended.change { $0 = $0 ?? .failed(error) }
            log(.critical, "node.invariant", error.detail)
        }
    }

    /// The node's work ended by itself.
    func failed(_ text: String) {
        let isStore = text.contains("store") || text.contains("disk")
        let problem =
            isStore
            ? Problem(
                code: "E341", text, why: "what was acknowledged is on the disk; a start finds it",
                fix: "make room on the disk of \(home.layout.data.path), then start again")
            : Problem(.bug, text, fix: "keep \(home.layout.data.path) as it is and report this")
        ended.change { $0 = $0 ?? .failed(problem) }
    }

    /// Joining ended for good (`gossip.md` 10.3).
    func refused(_ why: JoinRefusal) {
        let problem: Problem
        switch why {
        case .wrongNetwork(let expected, let found):
            problem = Problem(
                .wrongNetwork, "the seed belongs to \(IDs.network(found)), asked for was \(IDs.network(expected))")
        case .seedsDisagree(let networks):
            problem = Problem(
                .wrongNetwork,
                "the seeds belong to different networks: " + networks.map { IDs.network($0) }.joined(separator: ", "))
        case .boundToOtherNetwork(let own):
            let other = options.targets.compactMap(\.networkPrefix).first { !IDs.network(own).hasPrefix("net_" + $0) }
            problem = Problem(
                .wrongNetwork,
                "this home belongs to \(IDs.network(own)), the seed to "
                    + (other.map { "net_" + $0 } ?? "another network"))
        case .wrongVersion(let min, let max):
            problem = Problem(.version, "the peers speak protocol versions \(min) to \(max), this program speaks 1")
        case .clockOutOfRange(let milliseconds):
            let side = milliseconds < 0 ? "ahead of" : "behind"
            problem = Problem(
                .clock,
                "this machine's clock is \(Quantity.text(milliseconds: milliseconds.magnitude)) \(side) that of the "
                    + "peers"
            )
        }
        ended.change { $0 = $0 ?? .failed(problem) }
    }
}
