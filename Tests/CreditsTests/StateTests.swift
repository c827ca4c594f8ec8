import Basis
import Credits
import Records
import TestKit
import Testing
import Trust
import Wire

/// Digest, conservation, restoring: what every peer must agree on.
@Suite struct StateTests {
    /// Shows that a ledger restored from the store has the same digest and the same further behaviour, at every height
    /// of a random stream (S1, `ledger.md` 14.4).
    @Test func restoredLedgerGoesOnEqually() throws {
        var stream = EntryStream(seed: 3, seats: 4)
        for step in 0..<60 {
            stream.step()
            guard step % 6 == 0 else { continue }
            var chain = stream.chain
            let executed = try ExecutedRecord(
                decoding: chain.store.all(.meta).first { $0.key == ExecutedRecord.key }!.value)
            let restored = try Ledger(
                restoring: chain.store.all(.state).reversed(), executed: executed, genesis: chain.ledger.genesis,
                hashing: MixHashing())
            #expect(restored.digest == chain.ledger.digest && restored.blockHash == chain.ledger.blockHash)
            #expect(restored.fullStateHash() == chain.ledger.fullStateHash())
            #expect(restored.hasDueWork == chain.ledger.hasDueWork)
            var twin = chain
            twin.ledger = restored
            for _ in 0..<5 { #expect(chain.run([], after: 3_000).digest == twin.run([], after: 3_000).digest) }
        }
    }

    /// Shows that the store holds exactly the state after every batch: applied deltas give the full state, and the
    /// delta names nothing that did not change.
    @Test func deltasAreExact() {
        var stream = EntryStream(seed: 4, seats: 3)
        for _ in 0..<80 {
            let before = stream.chain.store.all(.state)
            let execution = stream.step()
            let after = stream.chain.store.all(.state)
            let full = MixHashing().hash("peernode/full/v1") {
                for (key, value) in after {
                    $0.bytes(key)
                    $0.bytes(value)
                }
            }
            #expect(full == stream.chain.ledger.fullStateHash())
            var old: [[UInt8]: [UInt8]] = [:]
            for (key, value) in before { old[key] = value }
            for operation in execution.batch.operations {
                switch operation {
                case .put(.state, let key, let value): #expect(old[key] != value, "\(key.hex)")
                case .delete(.state, let key): #expect(old[key] != nil, "\(key.hex)")
                default: continue
                }
            }
        }
    }

    /// Shows that conservation holds after every block of random streams, on the sums and over all records (M1), and
    /// that two ledgers, whose tables hash with different seeds, agree on every digest (X1).
    @Test func conservationAndDeterminism() {
        for seed in 10..<14 as Range<UInt64> {
            var stream = EntryStream(seed: seed, seats: seed.isMultiple(of: 2) ? 1 : 4)
            var twin = Ledger(genesis: stream.chain.ledger.genesis, hashing: MixHashing())
            for _ in 0..<90 {
                let execution = stream.step()
                #expect(execution.conservationProblem == nil)
                #expect(stream.chain.ledger.supplyProblem() == nil)
                let block = stream.chain.blocks.last!
                let again = twin.execute(
                    Verified(checked: block), hash: block.hash(hashing: MixHashing()),
                    entries: twin.check(block, verifying: MixVerifier()))
                #expect(again.digest == execution.digest && again.batch == execution.batch)
            }
        }
    }

    /// Shows that a changed record, height or sum is refused when restoring, and is told apart.
    @Test func brokenStoresAreRefused() throws {
        let chain = Chain()
        let records = chain.store.all(.state)
        let executed = chain.ledger.executedRecord
        func restore(_ records: [(key: [UInt8], value: [UInt8])], _ executed: ExecutedRecord) throws(Ledger.RestoreError) {
            _ = try Ledger(
                restoring: records, executed: executed, genesis: chain.ledger.genesis, hashing: MixHashing())
        }
        try restore(records, executed)
        var changed = records
        changed[0].value[0] ^= 1
        #expect(throws: Ledger.RestoreError.self) { try restore(changed, executed) }
        changed = records
        changed[1].value.removeLast()
        #expect(throws: Ledger.RestoreError.self) { try restore(changed, executed) }
        #expect(throws: Ledger.RestoreError.self) { try restore(records.filter { $0.key != [0x0e] }, executed) }
        #expect(throws: Ledger.RestoreError.self) { try restore(records + [(key: [0x77], value: [])], executed) }
        let higher = ExecutedRecord(
            height: 1, blockHash: .zero, digest: .zero, epoch: 0, view: 0, time: 0, ledgerTime: 0, mix: .zero)
        #expect(throws: Ledger.RestoreError.heights(clock: 0, executed: 1)) { try restore(records, higher) }
    }

    /// Shows the clocks: T follows the block, L moves by at most 2 s a block (C8), and the mix by every reveal.
    @Test func clocks() {
        var chain = Chain()
        let rows: [(UInt64, UInt64)] = [(1, 1), (1_999, 1_999), (2_000, 2_000), (2_001, 2_000), (3_600_000, 2_000)]
        var ledgerTime: UInt64 = 0
        for (step, moved) in rows {
            let mix = chain.ledger.clock.mix
            let execution = chain.run([], after: step)
            ledgerTime += moved
            #expect(execution.ledgerTime == ledgerTime && execution.time == chain.time)
            #expect(execution.mix != mix)
        }
    }

    /// Shows that the digest ring names the 128 digests before the executed height, each under its height.
    @Test func digestRing() {
        var chain = Chain()
        for _ in 0..<200 { chain.run() }
        let rows = chain.store.all(.state).filter { $0.key[0] == 0x10 }
        #expect(rows.count == 128)
        for (key, value) in rows {
            var reader = WireReader(value)
            let height = try! reader.u64()
            let digest: Digest = try! reader.value()
            #expect(height >= 72 && height < 200 && UInt64(key[1]) == height % 128)
            #expect(digest == chain.executions[Int(height) - 1].digest)
        }
    }
}
