import Basis
import Foundation
import Records
import Sodium
import Storage
import Trust
import Wire

enum Benchmarks {
    static let all: [(String, @Sendable () async throws -> Void)] = [
        ("codec", codec), ("transfers", transfers), ("packedLog", packedLog),
    ]

    static func folder() throws -> String {
        let path = FileManager.default.temporaryDirectory.path + "/peernode-bench-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    /// Encoding and decoding of a signed transfer with one payee.
    static func codec() async throws {
        let entry = Entry(
            envelope: .owner(.wallet, nonce: 7, validUntil: 1_000_000),
            body: .transfer(payees: [.init(account: PublicKey(repeating: 3), amount: .credits(1))], memo: []),
            network: .zero, signer: SecretKey.random())
        let bytes = entry.encoded
        let rounds = 200_000
        var start = processSeconds()
        var sum = 0
        for _ in 0..<rounds { sum &+= entry.encoded.count }
        let encode = (processSeconds() - start) / Double(rounds) * 1e9
        start = processSeconds()
        for _ in 0..<rounds { sum &+= Int(try Entry(decoding: bytes).kind.rawValue) }
        let decode = (processSeconds() - start) / Double(rounds) * 1e9
        Line("codec").with("bytes", bytes.count).with("encodeNanos", encode).with("decodeNanos", decode)
            .with("checksum", sum).print()
    }

    /// Events of 100 bytes into the packed log, durable, then read back and verified.
    static func packedLog() async throws {
        let path = try folder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let report = try PackedLogBenchmark.run(
            path: path, events: 2_000_000, eventBytes: 100, streams: 64, signer: SecretKey.random(),
            verifier: SodiumVerifier(), hashing: SodiumHashing())
        Line("packedLog").with("events", Int(report.events)).with("seconds", report.seconds)
            .with("eventsPerSecond", report.eventsPerSecond).with("goal", 640_000).print()
    }

    /// Durable, certified transfers of one payee with 4 seats in this process, every signature and sync real.
    ///
    /// PEERNODE_BENCH_PER_ACCOUNT=N: so many of each of 32 accounts, to one payee; for counting instructions.
    static func transfers() async throws {
        let asked = ProcessInfo.processInfo.environment["PEERNODE_BENCH_PER_ACCOUNT"].flatMap { Int($0) }
        for payees in asked == nil ? [1, 8] : [1] {
            let path = try folder()
            defer { try? FileManager.default.removeItem(atPath: path) }
            let bench = try TransferBench(
                path: path, seats: 4, accounts: 32, perAccount: asked ?? 600, payees: payees)
            try bench.run().print()
        }
    }
}
