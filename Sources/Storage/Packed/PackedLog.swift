import Basis
import Records
public import Trust
import Wire

/// Why the log refused.
public enum PackedLogError: Error, Hashable, Sendable {
    /// More bytes wait than `Settings.pendingBytesMax`; the event was not taken. Try again after the next
    /// acknowledgement, or drop it and count it.
    case busy
    /// An event over `PackedBlock.eventBytesMax`; it was not taken.
    case tooLong(Int)
    /// The block that begins with this sequence is not what was written. Nothing of it is returned.
    case damaged(sequence: UInt64, PackedBlock.Fault)
    /// Blocks are missing: `found` follows where `expected` should.
    case gap(expected: UInt64, found: UInt64)
    /// The store failed: events that were not acknowledged are not there. `resume` after the store's own.
    case store(StoreError)
    case closed
}

/// Durable streams of events in signed blocks (`architecture.md` D13): workflow logs, journals.
///
/// **Problem.** One key and one signature for each event cost more than the event: 0.2–0.6 M a second, and 34 µs for
/// each signature.
///
/// **Idea.** Events wait up to 20 ms for company. A sealer thread makes blocks of up to 1,000 with a Merkle root and
/// one signature, under keys that ascend with time, and hands them to the store as one synced batch. When that is on
/// the disk, everything up to its last event is acknowledged with one call.
///
/// **Time** is when an event was logged and never goes back: an event with an earlier time gets that of the newest one.
/// So blocks do not overlap and a range of time is a range of keys.
///
/// Rows: family `packed`, 1 ‖ first time u64 ‖ first sequence u64 → `PackedBlock`; family `meta`, `packedTail` → the
/// tail. In `packed` all keys ascend, so that compaction moves files instead of rewriting them.
///
/// A class: it owns a thread. `@unchecked Sendable`: mutable state is in `state`; `tail` belongs to the sealer thread.
public final class PackedLog: @unchecked Sendable {
    public struct Settings: Sendable {
        /// Events of a full block, 1 … 1,000.
        public var blockEventsMax = PackedBlock.eventsMax
        /// Bytes of events after which a block is closed early.
        public var blockBytesMax = 262_144
        /// How long an event may wait for others, in milliseconds.
        public var ageMillisMax: UInt64 = 20
        /// Bytes of events that are not durable yet; beyond, `append` answers `busy`.
        public var pendingBytesMax = 33_554_432

        public init() {}
    }

    /// What the log found when it was opened.
    public enum Recovery: Sendable, Hashable {
        /// It was closed in order, or is new.
        case clean
        /// It was not closed, but every block that was written is whole; next sequence.
        case unclean(next: UInt64)
        /// Its end is damaged: the newest whole block ends before `found`, while the tail says `expected`.
        case torn(expected: UInt64, found: UInt64)
    }

    struct Tail: Hashable, WireEncodable, WireDecodable {
        var next: UInt64 = 0
        var time: UInt64 = 0
        var root: Digest = .zero
        var isClosed = false

        init() {}
        func encode(to writer: inout WireWriter) {
            writer.u64(next)
            writer.u64(time)
            writer.value(root)
            writer.bool(isClosed)
        }
        init(from reader: inout WireReader) throws(WireError) {
            next = try reader.u64()
            time = try reader.u64()
            root = try reader.value()
            isClosed = try reader.bool()
        }
    }

    struct State {
        /// Full blocks that wait for the sealer, and the one that is being filled.
        var full: [[LogEvent]] = []
        var filling: [LogEvent] = []
        var fillingBytes = 0
        /// Bytes of all of these and of what is on its way to the disk.
        var unsettledBytes = 0
        /// Monotonic nanoseconds when the first event of `filling` came.
        var oldestAt: UInt64 = 0
        var next: UInt64 = 0
        var time: UInt64 = 0
        /// All events below this sequence are on the disk.
        var durable: UInt64 = 0
        var isSealing = false
        var isHurried = false
        var isClosing = false
        var failure: StoreError?
        var blocks: UInt64 = 0
        var groups: UInt64 = 0

        mutating func closeBlock(_ settings: Settings) {
            full.append(filling)
            filling = []
            filling.reserveCapacity(settings.blockEventsMax)
            fillingBytes = 0
        }
    }

    /// Bytes that an event counts while it waits: an empty one takes memory too.
    static func weight(_ bytes: [UInt8]) -> Int { bytes.count + 64 }

    /// Blocks that are handed to the store together: 16,000 events are acknowledged at once, and a slow machine does
    /// not let the first of them wait for the last of a long queue.
    static let groupBlocksMax = 16
    static let tailKey = Array("packedTail".utf8)

    public let recovery: Recovery
    let store: Store
    let network: NetworkID
    let signer: any Signing
    let verifier: any Verifying
    let hashing: any Hashing
    let settings: Settings
    let state = Monitor(State())
    private let onDurable: @Sendable (UInt64) -> Void
    private var tail: Tail
    private var sealer: WorkerThread!

    /// Opens the log in `store`; there is one for a store. Blocks are signed by `signer` and only its blocks are read.
    ///
    /// - Parameter onDurable: called on the store's writer thread, in order, with the sequence below which all events
    ///   are durable: this acknowledges them.
    public init(
        store: Store, network: NetworkID, signer: any Signing, verifier: any Verifying,
        hashing: any Hashing, settings: Settings = Settings(),
        onDurable: @escaping @Sendable (UInt64) -> Void = { _ in }
    ) throws(PackedLogError) {
        invariant(
            (1...PackedBlock.eventsMax).contains(settings.blockEventsMax),
            "\(settings.blockEventsMax) events a block")
        self.store = store
        self.network = network
        self.signer = signer
        self.verifier = verifier
        self.hashing = hashing
        self.settings = settings
        self.onDurable = onDurable
        let reader = PackedLogReader(
            store: store, network: network, signer: signer.publicKey, verifier: verifier,
            hashing: hashing)
        (tail, recovery) = try reader.recover()
        tail.isClosed = false
        var batch = StoreBatch(isSynced: true)
        batch.put(.meta, PackedLog.tailKey, tail.encoded)
        do throws(StoreError) { try store.writeAndWait(batch) } catch { throw .store(error) }
        let start = tail
        state.withLock {
            $0.next = start.next
            $0.durable = start.next
            $0.time = start.time
        }
        sealer = WorkerThread(name: "log-sealer") { self.runSealer() }
    }

    /// Takes an event and returns its sequence. It is durable when `onDurable` gave a greater number, or `sync`
    /// returned. Never blocks for the disk; any thread.
    ///
    /// - Parameter time: milliseconds since 1970.
    @discardableResult
    public func append(
        _ stream: LogStream, time: UInt64, _ bytes: [UInt8]
    ) throws(PackedLogError) -> UInt64 {
        if bytes.count > PackedBlock.eventBytesMax { throw .tooLong(bytes.count) }
        let (sequence, mustWake) = try state.withLock {
            (state) throws(PackedLogError) -> (UInt64, Bool) in
            if let failure = state.failure { throw .store(failure) }
            if state.isClosing { throw .closed }
            if state.unsettledBytes + bytes.count > settings.pendingBytesMax { throw .busy }
            if state.filling.isEmpty { state.oldestAt = Clock.monotonicNanoseconds() }
            state.time = max(state.time, time)
            state.filling.append(
                LogEvent(sequence: state.next, stream: stream, time: state.time, bytes: bytes))
            state.next += 1
            state.fillingBytes += PackedLog.weight(bytes)
            state.unsettledBytes += PackedLog.weight(bytes)
            let isFull =
                state.filling.count == settings.blockEventsMax
                || state.fillingBytes >= settings.blockBytesMax
            if isFull { state.closeBlock(settings) }
            return (state.next - 1, isFull || state.filling.count == 1)
        }
        if mustWake { state.signal() }
        return sequence
    }

    /// Waits until all events that were appended before are durable. Not on the loop thread.
    public func sync() throws(PackedLogError) {
        let goal = state.withLock { state in
            state.isHurried = true
            return state.next
        }
        state.signal()
        let failure: StoreError? = state.wait { state in
            if state.durable >= goal { return .done(nil) }
            if let failure = state.failure { return .done(failure) }
            return .again
        }
        if let failure { throw .store(failure) }
    }

    /// All events below this sequence are durable.
    public var durable: UInt64 { state.withLock { $0.durable } }

    /// Blocks and synced groups written since the log was opened.
    public var counts: (blocks: UInt64, groups: UInt64) {
        state.withLock { ($0.blocks, $0.groups) }
    }

    /// Goes on after the store failed and was resumed: what was not acknowledged is dropped and sequences go on from
    /// what is on the disk. Throws what the store says if it still fails.
    public func resume() throws(PackedLogError) {
        // The sealer seals nothing while `failure` stands; what it handed over comes back first.
        let hasFailed: Bool = state.wait { state in
            if state.failure == nil { return .done(false) }
            self.drop(&state)
            return state.isSealing || state.unsettledBytes > 0 ? .again : .done(true)
        }
        guard hasFailed else { return }
        let reader = PackedLogReader(
            store: store, network: network, signer: signer.publicKey, verifier: verifier,
            hashing: hashing)
        let (tail, _) = try reader.recover()
        state.withLock { state in
            self.tail = tail
            state.next = tail.next
            state.durable = tail.next
            state.time = max(state.time, tail.time)
            state.failure = nil
        }
    }

    /// Waits until what was appended is durable or has failed, marks the log as closed, and ends its thread. Before
    /// the store is closed; once, by its owner.
    public func close() {
        state.withLock { $0.isClosing = true }
        state.signal()
        sealer.join()
        state.wait { $0.unsettledBytes == 0 ? .done(()) : .again }
        let (isSound, blocks) = state.withLock { ($0.failure == nil, $0.blocks) }
        guard isSound else { return }
        tail.isClosed = true
        tail.time = state.withLock { $0.time }
        var batch = StoreBatch(isSynced: blocks > 0)
        batch.put(.meta, PackedLog.tailKey, tail.encoded)
        try? store.writeAndWait(batch)
    }

    /// Waits until the log takes events again after `busy`.
    func waitForRoom() {
        let half = settings.pendingBytesMax / 2
        state.wait { $0.unsettledBytes <= half || $0.failure != nil ? .done(()) : .again }
    }

    // MARK: the sealer thread

    private func runSealer() {
        while true {
            let blocks: [[LogEvent]]? = state.wait { self.take(&$0) }
            guard let blocks else { return }
            seal(blocks)
        }
    }

    private func take(_ state: inout State) -> Monitor<State>.Waiting<[[LogEvent]]?> {
        if state.failure != nil { drop(&state) }
        if state.full.isEmpty {
            if state.filling.isEmpty {
                state.isHurried = false
                return state.isClosing ? .done(nil) : .again
            }
            let deadline = state.oldestAt + settings.ageMillisMax * 1_000_000
            guard state.isClosing || state.isHurried || Clock.monotonicNanoseconds() >= deadline
            else { return .until(deadline) }
            state.closeBlock(settings)
        }
        let blocks = Array(state.full.prefix(PackedLog.groupBlocksMax))
        state.full.removeFirst(blocks.count)
        state.isSealing = true
        return .done(blocks)
    }

    /// After a failure: events that wait are not durable and will not be.
    private func drop(_ state: inout State) {
        for block in state.full + [state.filling] {
            for event in block { state.unsettledBytes -= PackedLog.weight(event.bytes) }
        }
        state.full = []
        state.filling = []
        state.fillingBytes = 0
    }

    private func seal(_ blocks: [[LogEvent]]) {
        var batch = StoreBatch(isSynced: true)
        var bytes = 0
        for events in blocks {
            for event in events { bytes += PackedLog.weight(event.bytes) }
            let block = PackedBlock(
                sealing: events, previous: tail.root, network: network, signer: signer,
                hashing: hashing)
            batch.put(.packed, PackedLogReader.key(block), block.encoded)
            tail.next = block.nextSequence
            tail.time = block.lastTime
            tail.root = block.root
        }
        batch.put(.meta, PackedLog.tailKey, tail.encoded)
        let (next, count, weight) = (tail.next, UInt64(blocks.count), bytes)
        state.withLock { $0.isSealing = false }
        store.write(batch) { result in self.settle(result, next: next, bytes: weight, count) }
    }

    /// On the store's writer thread.
    private func settle(
        _ result: Result<Void, StoreError>, next: UInt64, bytes: Int, _ blocks: UInt64
    ) {
        // First said, then seen by `sync`: who waited finds everything acknowledged.
        if case .success = result { onDurable(next) }
        state.withLock { state in
            state.unsettledBytes -= bytes
            switch result {
            case .success:
                state.durable = next
                state.blocks += blocks
                state.groups += 1
            case .failure(let error):
                if state.failure == nil { state.failure = error }
            }
        }
        state.signal()
    }
}
