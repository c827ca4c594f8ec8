public import API
public import Basis
import Consensus
import Foundation
import Gossip
import Logging
public import Loop
import NodeCore
public import Records
import Sodium
public import Storage
import Transport
public import Trust

/// A node in this process, from the lock on its home to the last byte on its disk (`surfaces.md` 3.3).
///
/// The problem: a dozen parts must come up in one order and go down in the other, and whatever fails on the way must
/// leave nothing behind. The idea: each step is made, kept, and taken back by `close` in reverse. It catches no
/// signals and parses no flags: the command line does, and calls `stop`.
///
/// A class because it owns threads, sockets and files until `stop`.
public final class RunningNode: Sendable {
    public let home: Home
    public let loop: UVLoop
    public let node: NodeActor
    public let service: DaemonService
    public let store: Store
    public let blobs: BlobStore
    /// Where peers reach it, as bound.
    public let listening: [SocketAddress]
    /// The API's socket and port.
    public let socketPath: String
    public let httpPort: Int?
    /// What ended the node's work by itself: a failure, or nil after a leave. Nil while it works.
    public let ended: Shared<Ending?>

    public enum Ending: Sendable {
        case left
        case failed(Problem)
    }

    let options: NodeOptions
    let log: NodeLog
    let server: APIServer
    let answers: DurableAnswers
    let lending: Lending?
    let tasks = Shared<[Task<Void, Never>]>([])
    let isStopping = Shared(false)

    init(
        _ opened: OpenedHome, options: NodeOptions, log: NodeLog, loop: UVLoop, node: NodeActor,
        service: DaemonService, listening: [SocketAddress], server: APIServer, answers: DurableAnswers,
        socketPath: String, lending: Lending?, ended: Shared<Ending?>
    ) {
        home = opened.home
        store = opened.store
        blobs = opened.blobs
        self.options = options
        self.log = log
        self.loop = loop
        self.node = node
        self.service = service
        self.listening = listening
        self.server = server
        self.answers = answers
        self.socketPath = socketPath
        self.lending = lending
        httpPort = server.port
        self.ended = ended
    }

    public var network: NetworkID? { home.genesis?.network }

    /// Waits until the node is ready, at most until `deadline`, or until it ended.
    public func ready(until deadline: Basis.Instant) async -> ReadinessDocument {
        while true {
            let seen = await node.changeCount
            let document = await node.readinessDocument()
            if document.ready || loop.now >= deadline || ended.value != nil { return document }
            await node.change(since: seen, until: min(deadline, loop.now + .seconds(1)))
        }
    }

    /// The line that `join` prints once (`surfaces.md` 1.2).
    public func readyDocument() async throws(Problem) -> ReadyDocument {
        let document = try await service.node()
        return ReadyDocument(
            peer: document.peer, account: document.account, network: document.network.id,
            peerAddresses: document.peerAddresses,
            api: .init(socket: socketPath, http: Known(httpPort.map { "http://127.0.0.1:\($0)" })),
            pid: Int(getpid()), links: document.links.total, height: document.ledger.height, lending: document.lending)
    }

    /// Waits until the node ended by itself, or was stopped.
    public func end() async -> Ending? {
        while ended.value == nil, !isStopping.value, !Task.isCancelled {
            await node.change(until: loop.now + .seconds(1))
        }
        return ended.value
    }

    /// Stops in order: no requests, goodbye to peers, nothing in flight, everything acknowledged on the disk.
    public func stop() async {
        var isFirst = false
        isStopping.change {
            isFirst = !$0
            $0 = true
        }
        if !isFirst { return }
        log(.info, "node.stop", "stopping")
        service.events.close()
        await server.stop()
        for task in tasks.value { task.cancel() }
        // Who has left said so for good; a goodbye for a while would take it back.
        if case .left? = ended.value {} else { await node.leave(.stopping) }
        await node.settle(.milliseconds(300))
        await node.stop()
        try? FileManager.default.removeItem(at: home.layout.nodeFile)
        let (loop, opened) = (loop, OpenedHome(home: home, store: store, blobs: blobs))
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            Thread.detachNewThread {
                loop.stop()
                loop.join()
                opened.close()
                continuation.resume()
            }
        }
    }
}

extension NodeActor {
    /// Lets what was ordered leave, for at most `time`.
    func settle(_ time: Basis.Interval) async { await change(until: loop.now + time) }

    /// Addresses that are bound.
    var listening: [SocketAddress] { sockets?.localAddresses ?? [] }
}

/// A home with its lock, store and blobs: what must be closed again whatever happens next.
struct OpenedHome: Sendable {
    let home: Home
    let store: Store
    let blobs: BlobStore

    /// - Throws: E704 to E707, E341; nothing stays open then.
    static func open(_ options: NodeOptions) throws(Problem) -> OpenedHome {
        do throws(SodiumError) {
            try sodiumReady()
        } catch {
            throw Problem(.bug, "the cryptography self-test failed: \(error)", fix: "reinstall libsodium")
        }
        let home: Home
        do throws(Home.Failure) {
            home = Home.exists(options.layout) ? try Home.open(options.layout) : try Home.create(options.layout)
            try home.takeLock()
        } catch {
            throw StartProblems.home(error)
        }
        let store: Store
        do throws(StoreError) {
            store = try Store(path: options.layout.store.path)
        } catch {
            home.releaseLock()
            throw StartProblems.store(error, options.layout)
        }
        do throws(BlobError) {
            let limits = options.configuration.storage
            let blobs = try BlobStore(
                path: options.layout.blobs.path, store: store, hashing: SodiumHashing(),
                settings: .init(bytesMax: limits.blobBytesMax, freeBytesMin: limits.freeBytesMin))
            return OpenedHome(home: home, store: store, blobs: blobs)
        } catch {
            store.close()
            home.releaseLock()
            throw Problem(code: error.code ?? "E341", "\(error)", fix: "check \(options.layout.blobs.path)")
        }
    }

    /// Closes in reverse. Blocking.
    func close() {
        blobs.close()
        store.close()
        home.releaseLock()
    }
}
