public import Basis

/// What work costs (`ledger.md` 10).
public enum Pricing {
    /// Micro-credits of `cpuMicros` CPU microseconds and `memoryMiBMillis` MiB·ms at these rates, rounded down.
    ///
    /// `rateCPU` is per CPU second, `rateMemory` per GiB second. Nil above `supplyMax` (code 11).
    public static func price(
        rateCPU: CreditAmount, rateMemory: CreditAmount, cpuMicros: UInt64, memoryMiBMillis: UInt64
    ) -> CreditAmount? {
        let cpu = UInt128(rateCPU.micro) * UInt128(cpuMicros) / 1_000_000
        let memory = UInt128(rateMemory.micro) * UInt128(memoryMiBMillis) / 1_024_000
        let sum = cpu.addingReportingOverflow(memory)
        guard !sum.overflow, sum.partialValue <= UInt128(CreditAmount.supplyMax.micro) else {
            return nil
        }
        return CreditAmount(micro: UInt64(sum.partialValue))
    }

    /// ⌊perMille × amount / 1000⌋, the share of an attempt (10.2, 10.3). `perMille` is at most 1000.
    public static func share(perMille: UInt16, of amount: CreditAmount) -> CreditAmount {
        invariant(perMille <= 1_000, "\(perMille) per mille")
        return CreditAmount(micro: UInt64(UInt128(amount.micro) * UInt128(perMille) / 1_000))
    }

    /// `count` times `amount`; nil above `supplyMax`.
    public static func times(_ count: UInt8, _ amount: CreditAmount) -> CreditAmount? {
        let product = UInt128(amount.micro) * UInt128(count)
        guard product <= UInt128(CreditAmount.supplyMax.micro) else { return nil }
        return CreditAmount(micro: UInt64(product))
    }

    /// Element ⌊(n − 1) / 2⌋ of the ascending values: one reported figure, so one liar of three cannot move it far.
    public static func lowerMedian(_ values: [UInt64]) -> UInt64 {
        invariant(!values.isEmpty, "median of nothing")
        return values.sorted()[(values.count - 1) / 2]
    }
}
