import Basis
@testable import Simulator
import Testing

/// Round marks on the axes, and numbers as they are written.
@Suite struct ReportsAxisTests {
    /// Shows, by a table, which marks and labels values get.
    @Test(arguments: [
        (0, 0, "0 1"), (0, 1, "0 1"), (0, 3, "0 1 2 3"), (0, 4, "0 1 2 3 4"), (0, 5, "0 2 4 6"),
        (0, 16, "0 5 10 15 20"), (0, 24, "0 10 20 30"), (0, 97, "0 50 100"), (0, 912, "0 500 1 000"),
        (0, 2_500, "0 1 000 2 000 3 000"), (0, 9_001, "0 5 k 10 k"), (0, 20_000, "0 5 k 10 k 15 k 20 k"),
        (0, 1_500_000, "0 0.5 M 1.0 M 1.5 M"), (0, 1_000_000_000_000, "0 0.5 T 1.0 T"), (-3, 9, "−5 0 5 10"),
        (-40_000, 0, "−40 k −30 k −20 k −10 k 0"), (5, 7, "0 2 4 6 8"),
    ] as [(Int64, Int64, String)])
    func values(low: Int64, high: Int64, labels: String) {
        let axis = ValueAxis(low: low, high: high)
        let text = axis.labels.map { $0.replacing("\u{202F}", with: " ") }.joined(separator: " ")
        #expect(text == labels)
        #expect(axis.bottom <= low && axis.top >= high && axis.ticks.contains(0) && axis.ticks.count <= 5)
    }

    /// Shows that marks exist for all that 64 bits hold.
    @Test func extremes() {
        for (low, high) in [(Int64.min, Int64.max), (0, .max), (.min, 0), (.min, 1), (-1, .max)] {
            let axis = ValueAxis(low: low, high: high)
            #expect(axis.bottom <= low && axis.top >= high && axis.ticks.contains(0))
            #expect(axis.labels.count == axis.ticks.count)
        }
    }

    /// Shows, by a table, which marks times get.
    @Test(arguments: [
        (1, 2, "0 1 ms"), (900, 10, "0 100 ms"), (1_000, 11, "0 100 ms"), (45_000, 10, "0 5 s"),
        (231_418, 8, "0 30 s"), (300_000, 11, "0 30 s"), (330_000, 6, "0 1 min"), (600_000, 11, "0 1 min"),
        (900_000, 8, "0 2 min"), (3_600_000, 7, "0 10 min"), (7_200_000, 9, "0 15 min"), (36_000_000, 11, "0 1 h"),
        (864_000_000, 11, "0 24 h"), (8_640_000_000, 10, "0 264 h"),
    ] as [(Int64, Int, String)])
    func times(end: Int64, count: Int, first: String) {
        let axis = TimeAxis(end: .milliseconds(end))
        #expect(axis.ticks.count == count, "\(axis.ticks)")
        #expect(axis.labels.prefix(2).joined(separator: " ").replacing("\u{202F}", with: " ") == first)
        #expect(axis.ticks.allSatisfy { $0 <= .milliseconds(end) })
    }

    /// Shows, by tables, how numbers and times are written.
    @Test func wording() {
        #expect(Wording.grouped(1_204_551) == "1 204 551" && Wording.grouped(-1_000) == "−1 000")
        #expect(Wording.grouped(Int64.min).hasPrefix("−9 223 372"))
        #expect(Wording.compact(9_999) == "9 999" && Wording.compact(12_345) == "12.3 k")
        #expect(Wording.compact(412_000) == "412 k" && Wording.compact(1_204_551) == "1.2 M")
        #expect(Wording.compact(1_000_000_000_000) == "1 T" && Wording.compact(Int64.min) == "−9 223 P")
        #expect(Wording.seconds(.milliseconds(231_418)) == "231.418" && Wording.seconds(.zero) == "0.000")
        #expect(Wording.seconds(.milliseconds(-5)) == "-0.005")
        #expect(Wording.duration(milliseconds: 412) == "412 ms" && Wording.duration(milliseconds: 3_250) == "3.2 s")
        #expect(Wording.duration(.seconds(150)) == "2 min 30 s" && Wording.duration(.seconds(7_500)) == "2 h 5 min")
        #expect(Wording.clock(.seconds(192)) == "03:12" && Wording.clock(.seconds(6_000)) == "100:00")
        #expect(Wording.peers([]) == "no peer" && Wording.peers([4]) == "peer 4")
        #expect(Wording.peers([3, 5, 17]) == "peers 3, 5 and 17")
        #expect(Wording.peers(Array(0..<20)) == "peers 0, 1, 2, 3, 4, 5, 6, 7 and 12 more")
        #expect(Wording.thinned(3, to: 5) == [0, 1, 2] && Wording.thinned(9, to: 3) == [0, 4, 8])
        #expect(Wording.thinned(900, to: 200).count == 200 && Wording.thinned(900, to: 200).last == 899)
        #expect(px(3) == "3" && px(3.14) == "3.1" && px(-0.25) == "-0.3" && px(-0.01) == "0")
    }
}
