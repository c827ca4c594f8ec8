import Basis
import Glibc
import Loop
import Records
import Session
import Sodium
import Transport
import Trust

/// A whole node's lower half on one loop: session table, sockets, timer. It serves blobs of zeros by service 6 and
/// echoes nothing else. Confined to its loop's thread.
final class TestPeer: @unchecked Sendable {
    static let network = NetworkID(repeating: 0x5a)

    let loop: UVLoop
    let key = SecretKey.random()
    var table: SessionTable<SodiumSessionCrypto>
    var sockets: PeerSockets?
    var timer: UVTimer?
    /// Everything that the table told, with its time.
    var log: [(at: Instant, effect: SessionEffect)] = []
    var streamBytes = 0
    var streamEnded = false
    /// Bytes of a served stream still to write.
    var serving: (id: ConnectionID, flow: FlowID, left: Int)?
    private struct Waiter {
        var number: Int
        var condition: (TestPeer) -> Bool
        var continuation: CheckedContinuation<Bool, Never>
    }
    private var waiters: [Waiter] = []
    private var nextWaiter = 0

    var id: PeerID { SodiumHashing().peerID(of: key.publicKey) }
    var address: SocketAddress { sockets!.localAddresses[0] }

    init(_ loop: UVLoop, limits: SessionLimits = SessionLimits()) {
        self.loop = loop
        table = SessionTable(
            crypto: SodiumSessionCrypto(key: key), network: TestPeer.network,
            bootNonce: randomSeed().w0, limits: limits, generator: SeededGenerator(seed: randomSeed().w0),
            unixMilliseconds: 1_700_000_000_000, now: loop.now)
    }

    /// On the loop.
    func start(on addresses: [String] = ["127.0.0.1:0"]) throws {
        timer = try UVTimer(loop) { [unowned self] in take(.timeout) }
        let sockets = PeerSockets(loop) { [unowned self] in take($0) }
        self.sockets = sockets
        try sockets.listen(on: addresses.map { SocketAddress($0)! })
        let record = UnsignedRecord(
            networkTag: NetworkTag(TestPeer.network), key: key.publicKey, sequence: 1, reach: .client
        ).signed(by: key, network: TestPeer.network)
        take(.entropy((0..<64).map { _ in randomSeed() }))
        take(.ownRecord(record))
    }

    func take(_ input: SessionInput) {
        var effects = table.handle(input, now: loop.now)[...]
        while let effect = effects.popFirst() {
            if sockets?.carry(effect) == true { continue }
            switch effect {
            case .needEntropy(let count):
                effects += table.handle(.entropy((0..<count).map { _ in randomSeed() }), now: loop.now)
            case .streamBytes(let id, let flow, let bytes, let isLast):
                streamBytes += bytes.count
                if isLast { streamEnded = true }
                effects += table.handle(.consumed(id, flow, bytes: bytes.count), now: loop.now)
            case .opened(let id, let flow, _, _, let request, _):
                serving = (id, flow, request.reduce(0) { $0 << 8 | Int($1) })
                effects += serve()
            case .streamRoom: effects += serve()
            default: log.append((loop.now, effect))
            }
        }
        timer?.arm(at: table.nextDeadline)
        for waiter in waiters where waiter.condition(self) { resume(waiter.number, true) }
    }

    /// Writes blob bytes, as much as the stream's room allows.
    private func serve() -> [SessionEffect] {
        guard let (id, flow, left) = serving else { return [] }
        let count = min(left, 1 << 20)
        serving = count == left ? nil : (id, flow, left - count)
        return table.handle(
            .write(id, flow, [UInt8](repeating: 0, count: count), isLast: count == left), now: loop.now)
    }

    // MARK: from tests, any thread

    /// Runs `body` on the loop and returns what it returns.
    func run<T: Sendable>(_ body: @escaping @Sendable (TestPeer) throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            loop.post { continuation.resume(with: Result { try body(self) }) }
        }
    }

    /// Waits until `condition` holds after some input, or 20 s.
    func wait(_ condition: @escaping @Sendable (TestPeer) -> Bool) async -> Bool {
        await withCheckedContinuation { continuation in
            loop.post { [self] in
                if condition(self) { return continuation.resume(returning: true) }
                nextWaiter += 1
                let number = nextWaiter
                waiters.append(Waiter(number: number, condition: condition, continuation: continuation))
                let giveUp = try? UVTimer(loop) { [weak self] in self?.resume(number, false) }
                giveUp?.start(after: .seconds(20))
            }
        }
    }

    private func resume(_ number: Int, _ value: Bool) {
        guard let i = waiters.firstIndex(where: { $0.number == number }) else { return }
        waiters.remove(at: i).continuation.resume(returning: value)
    }

    func close() {
        sockets?.close()
        timer?.close()
        timer = nil
    }

    func isUp(_ path: Path) -> Bool {
        log.contains {
            if case .sessionUp(_, let facts) = $0.effect { return facts.path == path }
            return false
        }
    }

    var failures: [DialFailure] {
        log.compactMap {
            if case .dialFailed(_, let failure) = $0.effect { return failure }
            return nil
        }
    }
}
