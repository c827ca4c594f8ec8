import Basis
public import Trust

/// Measures how many events a second the packed log makes durable. `scripts/bench` calls it.
public enum PackedLogBenchmark {
    public struct Report: Sendable {
        public let events: UInt64
        public let eventBytes: Int
        /// From the first append until everything was on the disk.
        public let seconds: Double
        public let blocks: UInt64
        /// Synced writes; each acknowledged all events of its blocks.
        public let groups: UInt64
        public var eventsPerSecond: Double { Double(events) / seconds }
    }

    /// Appends `events` events of `eventBytes` random bytes from one thread, spread over `streams` streams, to a log in
    /// a new store at `path`, with the settings of a node, and waits until all are durable.
    public static func run(
        path: String, events: UInt64 = 5_000_000, eventBytes: Int = 100, streams: Int = 64,
        signer: any Signing, verifier: any Verifying, hashing: any Hashing
    ) throws -> Report {
        let store = try Store(path: path)
        defer { store.close() }
        let log = try PackedLog(
            store: store, network: .zero, signer: signer, verifier: verifier, hashing: hashing)
        defer { log.close() }
        var rng = SeededGenerator(seed: 7)
        let payloads = (0..<1_024).map { _ in rng.bytes(eventBytes) }
        let names = (0..<streams).map { _ in LogStream(Bytes32(rng.bytes(32))!) }
        let began = Clock.monotonicNanoseconds()
        for i in 0..<events {
            while true {
                do throws(PackedLogError) {
                    try log.append(
                        names[Int(i) % streams], time: 1_700_000_000_000 + i / 640,
                        payloads[Int(i & 1_023)])
                    break
                } catch {
                    guard error == .busy else { throw error }
                    log.waitForRoom()
                }
            }
        }
        try log.sync()
        let seconds = Double(Clock.monotonicNanoseconds() - began) / 1e9
        let counts = log.counts
        return Report(
            events: events, eventBytes: eventBytes, seconds: seconds, blocks: counts.blocks,
            groups: counts.groups)
    }
}
