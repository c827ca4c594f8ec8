import Basis

/// Which of the last 1,024 counters were seen (`replayWindowBits`): 128 bytes.
struct ReplayWindow: Sendable {
    static let bits: UInt64 = 1_024

    /// Bit `counter % 1024` is set if that counter, within the window, was seen.
    var words = [UInt64](repeating: 0, count: Int(bits / 64))
    /// One more than the highest counter seen.
    var next: UInt64 = 0

    /// Whether `counter` may still be accepted: not seen, not older than 1,024 newer ones, not the last of all.
    func isFresh(_ counter: UInt64) -> Bool {
        if counter == .max { return false }
        if counter >= next { return true }
        if next - counter > ReplayWindow.bits { return false }
        return words[Int(counter % ReplayWindow.bits / 64)] & (1 << (counter % 64)) == 0
    }

    /// Notes a counter whose packet opened. `isFresh(counter)` holds.
    mutating func note(_ counter: UInt64) {
        invariant(isFresh(counter), "counter \(counter) noted twice, next is \(next)")
        if counter >= next {
            // Clear what the window moves over, at most once around.
            let steps = min(counter - next + 1, ReplayWindow.bits)
            if steps == ReplayWindow.bits {
                for i in words.indices { words[i] = 0 }
            } else {
                for c in (counter + 1 - steps)...counter { set(c, false) }
            }
            next = counter + 1
        }
        set(counter, true)
    }

    private mutating func set(_ counter: UInt64, _ value: Bool) {
        let word = Int(counter % ReplayWindow.bits / 64)
        let bit: UInt64 = 1 << (counter % 64)
        words[word] = value ? words[word] | bit : words[word] & ~bit
    }
}
