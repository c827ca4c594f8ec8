import Basis
import Testing

@Suite struct SortedMapTests {
    /// Shows that the map equals a dictionary plus sorting, over random operations that split and empty chunks.
    @Test func equalsAModel() {
        var rng = SeededGenerator(seed: 7)
        var map = SortedMap<Int, Int>()
        var model: [Int: Int] = [:]
        for step in 0..<20_000 {
            let key = Int.random(in: 0..<1_500, using: &rng)
            switch Int.random(in: 0..<6, using: &rng) {
            case 0, 1, 2:
                map[key] = step
                model[key] = step
            case 3:
                map[key] = nil
                model[key] = nil
            case 4:
                map.update(key) { $0 += 1 }
                if let old = model[key] { model[key] = old + 1 }
            default:
                let above = model.keys.filter { $0 >= key }.min()
                #expect(map.firstAtOrAfter(key)?.key == above)
                let below = model.keys.filter { $0 < key }.max()
                #expect(map.lastBefore(key)?.key == below)
            }
        }
        #expect(map.keys == model.keys.sorted())
        #expect(map.values == model.keys.sorted().map { model[$0]! })
        #expect(map.count == model.count)
        #expect(map.first?.key == model.keys.min())
        #expect(map.last?.key == model.keys.max())
        while let entry = map.popFirst() { #expect(model.removeValue(forKey: entry.key) == entry.value) }
        #expect(model.isEmpty && map.isEmpty)
    }

    /// Shows that in-place modification through an optional can insert and remove.
    @Test func modifiesInPlace() {
        var map = SortedMap<String, [Int]>()
        map["a", default: []].append(1)
        map["a", default: []].append(2)
        #expect(map["a"] == [1, 2])
        map["a"] = nil
        #expect(map.isEmpty)
    }

    /// Shows that deadlines fire in (time, id) order and that a moved one fires once, at its new time.
    @Test func deadlinesFireInOrder() {
        var table = DeadlineTable<Int>()
        table.set(3, at: Instant(nanoseconds: 10))
        table.set(1, at: Instant(nanoseconds: 10))
        table.set(2, at: Instant(nanoseconds: 5))
        table.set(2, at: Instant(nanoseconds: 20))
        table.setNoLater(1, than: Instant(nanoseconds: 15))
        #expect(table.next == Instant(nanoseconds: 10))
        #expect(table.popDue(Instant(nanoseconds: 9)) == nil)
        var fired: [Int] = []
        while let id = table.popDue(Instant(nanoseconds: 30)) { fired.append(id) }
        #expect(fired == [1, 3, 2])
        #expect(table.count == 0 && table.next == nil)
    }
}
