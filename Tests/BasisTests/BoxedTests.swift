import Basis
import Testing

@Suite struct BoxedTests {
    /// Shows that a copy keeps its value when the other one changes, whoever was first.
    @Test func copiesAreIndependent() {
        var first = Boxed([1, 2])
        var second = first
        second.value.append(3)
        #expect(first.value == [1, 2] && second.value == [1, 2, 3])
        first.value = []
        #expect(first.value.isEmpty && second.value == [1, 2, 3])
        #expect(second.peek { $0.count } == 3)
    }
}

@Suite struct DeadlineTableTests {
    /// Shows that setting again moves a deadline, and that setting the same changes nothing.
    @Test func aDeadlineIsSetOnce() {
        func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }
        var table = DeadlineTable<Int>()
        table.set(7, at: at(5))
        table.set(7, at: at(5))
        table.set(8, at: at(4))
        table.set(7, at: at(3))
        #expect(table.count == 2 && table.next == at(3))
        #expect(table.popDue(at(9)) == 7 && table.popDue(at(9)) == 8 && table.popDue(at(9)) == nil)
        #expect(table.next == nil && table.count == 0)
    }

    /// Shows that after many moves, cancellations and firings it agrees with a plain list, however often a deadline
    /// came back to where it was.
    @Test func agreesWithAPlainList() {
        var rng = SeededGenerator(seed: 11)
        var table = DeadlineTable<Int>()
        var plain: [Int: Int64] = [:]
        var now: Int64 = 0
        for _ in 0..<20_000 {
            let id = Int.random(in: 0..<12, using: &rng)
            switch Int.random(in: 0..<8, using: &rng) {
            case 0:
                #expect(table.cancel(id) == (plain.removeValue(forKey: id) != nil))
            case 1:
                now += Int64.random(in: 0..<4, using: &rng)
                while let fired = table.popDue(Instant(nanoseconds: now)) {
                    let due = plain.min { ($0.value, $0.key) < ($1.value, $1.key) }
                    #expect(due?.key == fired)
                    plain[fired] = nil
                }
                #expect(plain.values.allSatisfy { $0 > now })
            default:
                let at = now + Int64.random(in: 0..<6, using: &rng)
                table.set(id, at: Instant(nanoseconds: at))
                plain[id] = at
            }
            #expect(table.next?.nanoseconds == plain.values.min() && table.count == plain.count)
        }
    }
}

@Suite struct NumberTableTests {
    /// Shows that insertions, changes in place and removals in any order agree with a dictionary, also where numbers
    /// share a place.
    @Test func agreesWithADictionary() {
        var rng = SeededGenerator(seed: 5)
        var table = NumberTable<UInt32, [Int]>()
        var plain: [UInt32: [Int]] = [:]
        for step in 0..<20_000 {
            let key = UInt32.random(in: 0..<60, using: &rng) &* 0x0100_0001
            switch Int.random(in: 0..<5, using: &rng) {
            case 0:
                #expect(table.removeValue(forKey: key) == plain.removeValue(forKey: key))
            case 1:
                table[key] = nil
                plain[key] = nil
            case 2:
                table[key]?.append(step)
                plain[key]?.append(step)
            default:
                table[key] = [step]
                plain[key] = [step]
            }
            #expect(table.count == plain.count && table[key] == plain[key])
        }
        table.changeAll { $0 = [1] }
        for key in plain.keys { #expect(table[key] == [1]) }
    }
}

@Suite struct SameBytesTests {
    /// Shows that bytes are the same exactly if `==` says so, at every length and place.
    @Test func everyByteCounts() {
        for count in 0..<40 {
            let bytes = (0..<count).map { UInt8($0) }
            #expect(bytes.isSame(as: bytes) && !bytes.isSame(as: bytes + [0]))
            for i in bytes.indices {
                var other = bytes
                other[i] ^= 0x80
                #expect(!bytes.isSame(as: other))
            }
        }
    }
}
