import Testing

@testable import Consensus

@Suite struct ProofRetentionTests {
    /// However far the log is, each height has a certificate at most 64 heights above it, and few old ones are kept.
    @Test(arguments: [UInt64(1), 3, 7, 8, 40]) func everyHeightStaysProvable(step: UInt64) {
        var retention = ProofRetention()
        var kept: [UInt64] = []
        var height: UInt64 = 0
        while height < 20_000 {
            let previous = height
            height += step
            kept.append(height)
            for gone in retention.add(height, after: previous) {
                #expect(gone + ProofRetention.recent <= height)
                kept.removeAll { $0 == gone }
            }
        }
        for (a, b) in zip([0] + kept, kept) { #expect(b - a < 64, "nothing between \(a) and \(b)") }
        let old = kept.filter { $0 + ProofRetention.recent < height }.count
        #expect(old <= Int(20_000 / max(step, ProofRetention.window)) + 1)
        #expect(kept.filter { $0 + ProofRetention.recent > height }.count >= Int(ProofRetention.recent / step) - 1)
    }
}
