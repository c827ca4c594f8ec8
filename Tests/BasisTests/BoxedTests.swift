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
}
